-- The keys of calls that counted stock in or out, each with what it changed, so that
-- the same call again changes nothing. They stay as long as the movements do.
CREATE TABLE IF NOT EXISTS stock_keys (
	key        text COLLATE "C" PRIMARY KEY,
	product_id text COLLATE "C" NOT NULL,
	delta      integer NOT NULL
);

-- The keys of a wishlist's last changes, as a cart has them.
ALTER TABLE wishlists ADD COLUMN IF NOT EXISTS keys jsonb NOT NULL DEFAULT '[]';
