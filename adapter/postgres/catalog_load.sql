-- Loads the products of the table staged. Each statement takes its step for all of them.
-- Rows are locked in the same order wherever a load runs, so that loads never wait in a
-- circle: names of categories, facts by id, slugs, words, counts.

INSERT INTO shelves (category, kind, category_name, kind_name)
SELECT DISTINCT ON (category, kind) category, kind, category_name, kind_name FROM staged s
WHERE NOT EXISTS (SELECT 1 FROM shelves x WHERE x.category = s.category AND x.kind = s.kind
	AND x.category_name = s.category_name AND x.kind_name = s.kind_name)
ORDER BY category, kind
ON CONFLICT (category, kind) DO UPDATE SET category_name = excluded.category_name, kind_name = excluded.kind_name;

UPDATE shelves x SET category_name = s.category_name
FROM (SELECT DISTINCT ON (category) category, category_name FROM staged ORDER BY category) s
WHERE x.category = s.category AND x.category_name <> s.category_name;

WITH inserted AS (
	INSERT INTO product_facts (id, category, kind, price, rating, stock, sold, added_at, name_order, words)
	SELECT id, category, kind, price, rating, stock, sold, added_at, name_order, words FROM staged ORDER BY id
	ON CONFLICT (id) DO NOTHING RETURNING id
) UPDATE staged s SET added = true FROM inserted WHERE s.id = inserted.id;

-- Unchanged products need nothing.
DELETE FROM staged s USING products p JOIN product_facts f ON f.id = p.id
WHERE s.id = p.id AND NOT s.added
	AND (p.slug, p.name, p.description, p.category_name, p.kind_name, p.currency, p.images, p.rating_sum, p.rating_count)
		= (s.slug, s.name, s.description, s.category_name, s.kind_name, s.currency, s.images, s.rating_sum, s.rating_count)
	AND (f.category, f.kind, f.price, f.rating, f.added_at, f.name_order, f.words)
		= (s.category, s.kind, s.price, s.rating, s.added_at, s.name_order, s.words);

WITH held AS MATERIALIZED (
	SELECT f.id FROM product_facts f JOIN staged s ON s.id = f.id WHERE NOT s.added ORDER BY f.id FOR NO KEY UPDATE OF f
) UPDATE staged s SET locked = true FROM held WHERE s.id = held.id;

UPDATE products p SET slug = s.slug, name = s.name, description = s.description,
	category_name = s.category_name, kind_name = s.kind_name, currency = s.currency, images = s.images,
	rating_sum = s.rating_sum, rating_count = s.rating_count
FROM staged s WHERE p.id = s.id AND s.locked;

INSERT INTO products (id, slug, name, description, category_name, kind_name, currency, images, rating_sum, rating_count)
SELECT id, slug, name, description, category_name, kind_name, currency, images, rating_sum, rating_count FROM staged WHERE added;

INSERT INTO product_terms AS t (term, n)
SELECT term, sum(n) FROM (
	SELECT unnest(tsvector_to_array(words)) AS term, 1 AS n FROM staged WHERE added OR locked
	UNION ALL SELECT unnest(tsvector_to_array(f.words)), -1 FROM product_facts f JOIN staged s ON s.id = f.id WHERE s.locked) change
WHERE term NOT LIKE '=%' GROUP BY term HAVING sum(n) <> 0 ORDER BY term
ON CONFLICT (term) DO UPDATE SET n = t.n + excluded.n;

INSERT INTO product_popularity (id, category, kind, sold) SELECT id, category, kind, sold FROM staged WHERE added;

UPDATE product_popularity p SET category = s.category, kind = s.kind
FROM staged s WHERE p.id = s.id AND s.locked AND (p.category, p.kind) <> (s.category, s.kind);

-- A product that was removed and comes back has movements already: all of them add up to its new stock.
INSERT INTO stock_movements (product_id, delta, reason, order_id, at)
SELECT id, delta, 'received', '', added_at
FROM (SELECT s.id, s.added_at, s.stock - coalesce((SELECT sum(m.delta) FROM stock_movements m WHERE m.product_id = s.id), 0) AS delta
	FROM staged s WHERE s.added) received
WHERE delta <> 0;

WITH before AS (
	SELECT f.category, f.kind, f.band, f.in_stock FROM product_facts f JOIN staged s ON s.id = f.id WHERE s.locked
), after AS (
	UPDATE product_facts f SET category = s.category, kind = s.kind, price = s.price, rating = s.rating,
		added_at = s.added_at, name_order = s.name_order, words = s.words
	FROM staged s WHERE f.id = s.id AND s.locked
	RETURNING f.category, f.kind, f.band, f.in_stock
), change AS (
	SELECT category, kind, band, in_stock, -1 AS n FROM before
	UNION ALL SELECT category, kind, band, in_stock, 1 FROM after
	UNION ALL SELECT f.category, f.kind, f.band, f.in_stock, 1 FROM product_facts f JOIN staged s ON s.id = f.id WHERE s.added
)
INSERT INTO product_counts AS c (category, kind, band, in_stock, n)
SELECT category, kind, band, in_stock, sum(n) FROM change
GROUP BY category, kind, band, in_stock HAVING sum(n) <> 0 ORDER BY category, kind, band, in_stock
ON CONFLICT (category, kind, band, in_stock) DO UPDATE SET n = c.n + excluded.n;
