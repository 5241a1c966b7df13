-- Whose records these are: a production shop's, a demo shop's, or ('') nobody's yet, and the one currency
-- that its products are sold in. One row at most; the version before neither reads nor writes it.
CREATE TABLE IF NOT EXISTS shop_mark (
	only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
	mode     text NOT NULL CHECK (mode IN ('', 'production', 'demo')),
	currency text NOT NULL,
	kept_at  timestamptz NOT NULL DEFAULT now()
);
