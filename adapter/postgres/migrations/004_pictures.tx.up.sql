-- Pictures of goods, by the SHA-256 of what is in them. They never change.
CREATE TABLE IF NOT EXISTS pictures (
	name    text COLLATE "C" PRIMARY KEY,
	content bytea NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 1048576)
);

-- They are compressed already.
ALTER TABLE pictures ALTER COLUMN content SET STORAGE EXTERNAL;
