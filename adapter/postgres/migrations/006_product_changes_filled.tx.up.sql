-- Lists the products that were there before the feed was. It locks no product: what
-- changes meanwhile is in the outbox. The advisory lock is changesLock of product_change.go.
SELECT pg_advisory_xact_lock(2, 0);

INSERT INTO product_changes (product_id) SELECT id FROM product_facts ORDER BY id ON CONFLICT (product_id) DO NOTHING;
