-- Outside a transaction, so that the shop goes on writing. An index whose making was
-- interrupted stays behind and is of no use, so each is dropped before it is made.
DROP INDEX CONCURRENTLY IF EXISTS carts_idle;
--bun:split
CREATE INDEX CONCURRENTLY carts_idle ON carts (touched_on, owner) WHERE owner LIKE 'guest:%';
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS carts_of_guests;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS wishlists_idle;
--bun:split
CREATE INDEX CONCURRENTLY wishlists_idle ON wishlists (touched_on, owner) WHERE owner LIKE 'guest:%';
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS wishlists_of_guests;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS conversations_by_change;
--bun:split
CREATE INDEX CONCURRENTLY conversations_by_change ON conversations (changed_at, id) WHERE moved_to IS NULL;
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS pictures_by_sight;
--bun:split
CREATE INDEX CONCURRENTLY pictures_by_sight ON pictures (seen_on, name);
--bun:split
-- The products that show a picture of the shop's own.
DROP INDEX CONCURRENTLY IF EXISTS products_by_picture;
--bun:split
CREATE INDEX CONCURRENTLY products_by_picture ON products USING gin (images jsonb_path_ops) WHERE images::text LIKE '%/media/p/%';
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS demo_charges_by_age;
--bun:split
CREATE INDEX CONCURRENTLY demo_charges_by_age ON demo_charges (kept_on) WHERE verdict IN ('refused', 'not charged');
