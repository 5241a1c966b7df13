-- Many of their rows come and go. These settings wait for no reader and no writer.
ALTER TABLE sessions SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE carts SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE wishlists SET (autovacuum_vacuum_scale_factor = 0.05);

-- When a picture was last put, or seen in a product, and when the demo gateway decided.
-- A constant default rewrites no row; the version before leaves both columns to it.
ALTER TABLE pictures ADD COLUMN IF NOT EXISTS seen_on date NOT NULL DEFAULT current_date;
ALTER TABLE demo_charges ADD COLUMN IF NOT EXISTS kept_on date NOT NULL DEFAULT current_date;
