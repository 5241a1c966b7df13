-- The staging table of a load: products, with all that is derived from them.
CREATE TEMPORARY TABLE IF NOT EXISTS staged (
	id text COLLATE "C", slug text COLLATE "C", name text, description text,
	category text COLLATE "C", category_name text, kind text COLLATE "C", kind_name text,
	price bigint, currency text, stock integer, sold integer, images jsonb,
	rating_sum integer, rating_count integer, rating integer, added_at timestamptz,
	name_order text COLLATE "C", words tsvector,
	added boolean DEFAULT false, -- there was no such product
	locked boolean DEFAULT false -- there was, and its row of product_facts is locked
) ON COMMIT DELETE ROWS;
