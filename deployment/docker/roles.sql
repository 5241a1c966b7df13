-- The role of the servers: it reads and writes rows, and may do nothing else. The role eshop owns
-- the tables and migrates. This runs at each start, also for a database from before, and gives both
-- the passwords that prepare.sh has written.
\set owner `cat /run/shop/database_password`
\set shop `cat /run/shop/shop_password`
ALTER ROLE eshop PASSWORD :'owner';
DO $$ BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop') THEN CREATE ROLE shop; END IF;
END $$;
ALTER ROLE shop LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'shop';
GRANT USAGE ON SCHEMA public TO shop;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO shop;
-- And on what migrations will make.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO shop;
