-- Where somebody signed in and when they last gave their password, what shoppers know
-- an agent by, and who of the staff changed a product's stock. A constant default
-- rewrites no row; the version before leaves these columns to it.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS device text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS address text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS confirmed_at timestamptz;
ALTER TABLE users ADD COLUMN IF NOT EXISTS display_name text NOT NULL DEFAULT '';
ALTER TABLE stock_movements ADD COLUMN IF NOT EXISTS made_by text NOT NULL DEFAULT '';
