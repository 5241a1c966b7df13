-- A cart and a wishlist are one row each: one statement reads it, one lock covers it.
-- touched_on changes once a day, so that most changes leave every index alone.
CREATE TABLE IF NOT EXISTS carts (
	owner      text COLLATE "C" PRIMARY KEY,
	version    bigint NOT NULL DEFAULT 0,
	lines      jsonb NOT NULL DEFAULT '[]',
	keys       jsonb NOT NULL DEFAULT '[]',
	touched_on date NOT NULL DEFAULT current_date
) WITH (fillfactor = 70);

CREATE INDEX IF NOT EXISTS carts_of_guests ON carts (touched_on) WHERE owner LIKE 'guest:%';

CREATE TABLE IF NOT EXISTS wishlists (
	owner      text COLLATE "C" PRIMARY KEY,
	wishes     jsonb NOT NULL DEFAULT '[]',
	touched_on date NOT NULL DEFAULT current_date
) WITH (fillfactor = 70);

CREATE INDEX IF NOT EXISTS wishlists_of_guests ON wishlists (touched_on) WHERE owner LIKE 'guest:%';

-- An order is found by its number, its id, and the key of the call that placed it,
-- which is NULL once it is free again. Amounts are in the currency's minor unit.
CREATE TABLE IF NOT EXISTS orders (
	number           bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (START WITH 10001),
	id               text COLLATE "C" NOT NULL UNIQUE,
	owner            text COLLATE "C" NOT NULL,
	email            text NOT NULL,
	status           text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'paid', 'shipped', 'delivered', 'cancelled', 'refunded')),
	currency         text NOT NULL,
	subtotal         bigint NOT NULL,
	shipping         bigint NOT NULL,
	tax              bigint NOT NULL,
	discount         bigint NOT NULL,
	total            bigint NOT NULL,
	shipping_address jsonb NOT NULL,
	payment_method   text NOT NULL,
	payment_status   text NOT NULL,
	payment_last4    text NOT NULL,
	placed_at        timestamptz NOT NULL,
	claimed_until    timestamptz,
	history          jsonb NOT NULL,
	placed_by        text COLLATE "C" NOT NULL,
	key              text COLLATE "C",
	fingerprint      text COLLATE "C" NOT NULL,
	CONSTRAINT orders_key UNIQUE (placed_by, key)
);

CREATE INDEX IF NOT EXISTS orders_by_age ON orders (placed_at, number);
CREATE INDEX IF NOT EXISTS orders_by_owner ON orders (owner, placed_at, number);
CREATE INDEX IF NOT EXISTS orders_by_status ON orders (status, placed_at, number);
CREATE INDEX IF NOT EXISTS orders_pending ON orders (placed_at, number) WHERE status = 'pending';

CREATE TABLE IF NOT EXISTS order_lines (
	order_number bigint REFERENCES orders,
	position     smallint,
	product_id   text COLLATE "C" NOT NULL,
	name         text NOT NULL,
	quantity     integer NOT NULL CHECK (quantity > 0),
	unit_price   bigint NOT NULL,
	line_total   bigint NOT NULL,
	PRIMARY KEY (order_number, position)
);

-- Logins are kept in the form by which they are told apart.
CREATE TABLE IF NOT EXISTS users (
	id            text COLLATE "C" PRIMARY KEY,
	username      text NOT NULL,
	email         text NOT NULL,
	login_name    text COLLATE "C" NOT NULL CONSTRAINT users_login_name UNIQUE,
	login_email   text COLLATE "C" NOT NULL CONSTRAINT users_login_email UNIQUE,
	role          text NOT NULL,
	password_hash text NOT NULL,
	created_at    timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS sessions (
	key        text COLLATE "C" PRIMARY KEY,
	guest      text COLLATE "C" NOT NULL,
	user_id    text COLLATE "C" NOT NULL,
	unmerged   boolean NOT NULL,
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS sessions_by_end ON sessions (expires_at);
CREATE INDEX IF NOT EXISTS sessions_by_guest ON sessions (guest);

CREATE TABLE IF NOT EXISTS contacts (
	id        text COLLATE "C" PRIMARY KEY,
	name      text NOT NULL,
	email     text NOT NULL,
	subject   text NOT NULL,
	message   text NOT NULL,
	phone     text NOT NULL,
	call_back boolean NOT NULL,
	sent_at   timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS contacts_by_age ON contacts (sent_at, id);

-- What the demo gateway would remember on its own side of the wire.
CREATE TABLE IF NOT EXISTS demo_charges (
	order_id     text COLLATE "C" PRIMARY KEY,
	verdict      text NOT NULL,
	amount       bigint NOT NULL,
	currency     text NOT NULL,
	silent_until timestamptz
);
