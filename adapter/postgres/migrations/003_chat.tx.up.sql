-- A conversation that was joined into another stays as a name that leads there.
CREATE TABLE IF NOT EXISTS conversations (
	id                 text COLLATE "C" PRIMARY KEY,
	owner              text COLLATE "C" NOT NULL,
	name               text NOT NULL,
	state              text COLLATE "C" NOT NULL CHECK (state IN ('open', 'closed')),
	agent              text COLLATE "C" NOT NULL,
	agent_name         text NOT NULL,
	last               bigint NOT NULL,
	read_by_customer   bigint NOT NULL,
	read_by_agent      bigint NOT NULL,
	unread_by_customer bigint NOT NULL,
	unread_by_agent    bigint NOT NULL,
	waiting_since      timestamptz,
	started_at         timestamptz NOT NULL,
	changed_at         timestamptz NOT NULL,
	revision           bigint NOT NULL,
	moved_to           text COLLATE "C" REFERENCES conversations
) WITH (fillfactor = 70);

CREATE INDEX IF NOT EXISTS conversations_by_state ON conversations (state, waiting_since, changed_at DESC, id)
	WHERE last > 0 AND moved_to IS NULL;
CREATE INDEX IF NOT EXISTS conversations_moved ON conversations (moved_to) WHERE moved_to IS NOT NULL;

-- Whose a conversation is and was. The row of an owner is the lock under which there is one.
CREATE TABLE IF NOT EXISTS conversation_owners (
	owner        text COLLATE "C" PRIMARY KEY,
	conversation text COLLATE "C" NOT NULL
);

CREATE INDEX IF NOT EXISTS conversation_owners_by_conversation ON conversation_owners (conversation);

CREATE TABLE IF NOT EXISTS messages (
	conversation text COLLATE "C" REFERENCES conversations,
	seq          bigint CHECK (seq > 0),
	client_id    text COLLATE "C" NOT NULL,
	speaker      text COLLATE "C" NOT NULL,
	side         text COLLATE "C" NOT NULL,
	user_id      text COLLATE "C" NOT NULL,
	name         text NOT NULL,
	body         text NOT NULL,
	at           timestamptz NOT NULL,
	PRIMARY KEY (conversation, seq)
);

CREATE UNIQUE INDEX IF NOT EXISTS messages_once ON messages (conversation, speaker, client_id) WHERE client_id <> '';

ALTER TABLE contacts ADD COLUMN IF NOT EXISTS done_at timestamptz;
ALTER TABLE contacts ADD COLUMN IF NOT EXISTS done_by text NOT NULL DEFAULT '';
