-- Names compare by code point, whatever the database's own language.

-- What the catalogue is searched, filtered, sorted and counted by, and the stock.
-- A change of stock or of the number sold alone leaves all indexes of this table as
-- they are, so it stays within its page.
CREATE TABLE IF NOT EXISTS product_facts (
	id         text COLLATE "C" PRIMARY KEY,
	category   text COLLATE "C" NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	price      bigint NOT NULL,
	rating     integer NOT NULL,
	stock      integer NOT NULL CHECK (stock BETWEEN 0 AND 1000000000),
	sold       integer NOT NULL CHECK (sold >= 0),
	added_at   timestamptz NOT NULL,
	name_order text COLLATE "C" NOT NULL,
	words      tsvector NOT NULL,
	in_stock   boolean NOT NULL GENERATED ALWAYS AS (stock > 0) STORED,
	-- The number of the price's band in domain.PriceBands.
	band       smallint NOT NULL GENERATED ALWAYS AS (CASE
		WHEN price < 2500 THEN 0 WHEN price < 5000 THEN 1 WHEN price < 10000 THEN 2 WHEN price < 25000 THEN 3 ELSE 4 END) STORED
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

COMMENT ON COLUMN product_facts.rating IS 'the average in tenths of a star';
COMMENT ON COLUMN product_facts.name_order IS 'the name in small letters';
COMMENT ON COLUMN product_facts.words IS 'every word of the product, and those of its name once more after =';

CREATE INDEX IF NOT EXISTS product_facts_words ON product_facts USING gin (words);
CREATE INDEX IF NOT EXISTS product_facts_kind ON product_facts (kind, category);
CREATE INDEX IF NOT EXISTS product_facts_newest ON product_facts (added_at DESC, id);
CREATE INDEX IF NOT EXISTS product_facts_price ON product_facts (price, id);
CREATE INDEX IF NOT EXISTS product_facts_name ON product_facts (name_order, id);
CREATE INDEX IF NOT EXISTS product_facts_rating ON product_facts (rating DESC, id);
CREATE INDEX IF NOT EXISTS product_facts_category_newest ON product_facts (category, added_at DESC, id);
CREATE INDEX IF NOT EXISTS product_facts_category_price ON product_facts (category, price, id);
CREATE INDEX IF NOT EXISTS product_facts_category_name ON product_facts (category, name_order, id);
CREATE INDEX IF NOT EXISTS product_facts_category_rating ON product_facts (category, rating DESC, id);

-- What is shown of a product besides its facts.
CREATE TABLE IF NOT EXISTS products (
	id            text COLLATE "C" PRIMARY KEY REFERENCES product_facts ON DELETE CASCADE,
	slug          text COLLATE "C" NOT NULL,
	name          text NOT NULL,
	description   text NOT NULL,
	category_name text NOT NULL,
	kind_name     text NOT NULL,
	currency      text NOT NULL,
	images        jsonb NOT NULL,
	rating_sum    integer NOT NULL,
	rating_count  integer NOT NULL,
	-- Deferrable is checked at the end of a statement, so that two products may change places.
	CONSTRAINT products_slug UNIQUE (slug) DEFERRABLE INITIALLY IMMEDIATE
);

-- The order of the most sold. A row is changed by who holds the product's row of facts.
CREATE TABLE IF NOT EXISTS product_popularity (
	id       text COLLATE "C" PRIMARY KEY REFERENCES product_facts ON DELETE CASCADE,
	category text COLLATE "C" NOT NULL,
	kind     text COLLATE "C" NOT NULL,
	sold     integer NOT NULL
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX IF NOT EXISTS product_popularity_all ON product_popularity (sold DESC, id);
CREATE INDEX IF NOT EXISTS product_popularity_category ON product_popularity (category, sold DESC, id);
CREATE INDEX IF NOT EXISTS product_popularity_kind ON product_popularity (kind, sold DESC, id) INCLUDE (category);

-- The names of categories and kinds as they were last put.
CREATE TABLE IF NOT EXISTS shelves (
	category      text COLLATE "C",
	kind          text COLLATE "C",
	category_name text NOT NULL,
	kind_name     text NOT NULL,
	PRIMARY KEY (category, kind)
);

-- How many products there are of each sort, so that nobody needs to count them.
CREATE TABLE IF NOT EXISTS product_counts (
	category text COLLATE "C",
	kind     text COLLATE "C",
	band     smallint,
	in_stock boolean,
	n        integer NOT NULL,
	PRIMARY KEY (category, kind, band, in_stock)
) WITH (fillfactor = 50);

-- The words of all products, and how many have each: what a mistyped word may mean,
-- and which of several words is the rarest. Some are had by none any more.
CREATE TABLE IF NOT EXISTS product_terms (
	term text COLLATE "C" PRIMARY KEY,
	n    integer NOT NULL
) WITH (fillfactor = 85);

CREATE INDEX IF NOT EXISTS product_terms_beginning ON product_terms (length(term), term);
CREATE INDEX IF NOT EXISTS product_terms_end ON product_terms (length(term), reverse(term));

-- Every change of stock. The movements of a product add up to its stock; they
-- stay when the product goes.
CREATE TABLE IF NOT EXISTS stock_movements (
	product_id text COLLATE "C",
	id         bigint GENERATED ALWAYS AS IDENTITY,
	delta      integer NOT NULL CHECK (delta <> 0),
	reason     text NOT NULL,
	order_id   text NOT NULL,
	at         timestamptz NOT NULL,
	PRIMARY KEY (product_id, id)
);

-- Adds each delta to the stock of the product beside it, if every stock stays within
-- 0 and most; when whole is set, also only if all products are there. A move of_order counts what leaves as
-- sold, and what comes no longer. Returns the stock that there was before, and
-- whether it moved. Rows are locked in the order of their ids, the facts first and
-- the counts last, so that nobody waits in a circle.
--
-- A function, because its plan is then made once a connection and not for each order.
CREATE OR REPLACE FUNCTION move_stock(ids text[], deltas bigint[], most integer, whole boolean, of_order boolean,
	reason text, order_id text, at timestamptz)
RETURNS TABLE (id text, stock integer, moved boolean) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH line AS (
		SELECT id, delta, place FROM unnest(move_stock.ids, move_stock.deltas) WITH ORDINALITY AS line (id, delta, place)
	), wanted AS (
		SELECT id, sum(delta) AS delta FROM line GROUP BY id
	), before AS MATERIALIZED (
		SELECT f.id, f.category, f.kind, f.band, f.stock, f.sold, f.in_stock FROM product_facts f
		WHERE f.id = ANY (move_stock.ids) ORDER BY f.id FOR NO KEY UPDATE
	), verdict AS MATERIALIZED (
		SELECT bool_and(b.stock + w.delta BETWEEN 0 AND move_stock.most)
			AND (NOT move_stock.whole OR count(*) = (SELECT count(*) FROM wanted)) AS fits
		FROM before b JOIN wanted w USING (id)
	), after AS (
		UPDATE product_facts f SET stock = b.stock + w.delta,
			sold = CASE WHEN move_stock.of_order THEN greatest(0, b.sold - w.delta) ELSE b.sold END
		FROM before b JOIN wanted w USING (id) CROSS JOIN verdict
		WHERE f.id = b.id AND verdict.fits
		RETURNING f.id, f.sold, f.in_stock
	), popular AS (
		UPDATE product_popularity p SET sold = a.sold FROM after a WHERE p.id = a.id AND p.sold <> a.sold
	), kept AS (
		INSERT INTO stock_movements (product_id, delta, reason, order_id, at)
		SELECT l.id, l.delta, move_stock.reason, move_stock.order_id, move_stock.at
		FROM line l JOIN after a USING (id) WHERE l.delta <> 0 ORDER BY l.place
	), crossed AS (
		SELECT b.category, b.kind, b.band, b.in_stock AS was, a.in_stock AS is_now
		FROM before b JOIN after a USING (id) WHERE b.in_stock <> a.in_stock
	), counted AS (
		INSERT INTO product_counts AS c (category, kind, band, in_stock, n)
		SELECT category, kind, band, in_stock, sum(n) FROM (
			SELECT category, kind, band, was AS in_stock, -1 AS n FROM crossed
			UNION ALL SELECT category, kind, band, is_now, 1 FROM crossed) crossing
		GROUP BY category, kind, band, in_stock ORDER BY category, kind, band, in_stock
		ON CONFLICT (category, kind, band, in_stock) DO UPDATE SET n = c.n + excluded.n
	) SELECT b.id, b.stock, verdict.fits FROM before b CROSS JOIN verdict;
END $$;
