-- When the last backup that can be restored was made, and the last audit, and what that found. The version before
-- neither reads nor writes it.
CREATE TABLE IF NOT EXISTS upkeep (
	what    text PRIMARY KEY CHECK (what IN ('backup', 'audit')),
	done_at timestamptz NOT NULL,
	wrong   integer NOT NULL DEFAULT 0
);
