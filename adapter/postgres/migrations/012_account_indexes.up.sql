-- Outside a transaction, so that the shop goes on writing. An index whose making was
-- interrupted stays behind and is of no use, so each is dropped before it is made.
DROP INDEX CONCURRENTLY IF EXISTS sessions_by_user;
--bun:split
CREATE INDEX CONCURRENTLY sessions_by_user ON sessions (user_id, expires_at) WHERE user_id <> '';
--bun:split
DROP INDEX CONCURRENTLY IF EXISTS users_staff;
--bun:split
CREATE INDEX CONCURRENTLY users_staff ON users (username COLLATE "C") WHERE role = 'staff';
