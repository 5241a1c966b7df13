package postgres

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
)

// Messages are written under the lock of their conversation's row, so their
// numbers become visible in order. Locks are taken of an owner first, then of
// conversations by id.

// conversationRow is a conversation as its table has it.
type conversationRow struct {
	ID               domain.ConversationID    `bun:"id"`
	Owner            domain.OwnerID           `bun:"owner"`
	Name             string                   `bun:"name"`
	State            domain.ConversationState `bun:"state"`
	Agent            domain.UserID            `bun:"agent"`
	AgentName        string                   `bun:"agent_name"`
	Last             int64                    `bun:"last"`
	ReadByCustomer   int64                    `bun:"read_by_customer"`
	ReadByAgent      int64                    `bun:"read_by_agent"`
	UnreadByCustomer int64                    `bun:"unread_by_customer"`
	UnreadByAgent    int64                    `bun:"unread_by_agent"`
	WaitingSince     time.Time                `bun:"waiting_since"`
	StartedAt        time.Time                `bun:"started_at"`
	ChangedAt        time.Time                `bun:"changed_at"`
	Revision         int64                    `bun:"revision"`
	MovedTo          domain.ConversationID    `bun:"moved_to"`
}

// conversationColumns are what a conversationRow is read from, of a table of conversations called c.
const conversationColumns = `c.id, c.owner, c.name, c.state, c.agent, c.agent_name, c.last, c.read_by_customer, c.read_by_agent,
	c.unread_by_customer, c.unread_by_agent, c.waiting_since, c.started_at, c.changed_at, c.revision, c.moved_to`

func (r conversationRow) conversation() domain.Conversation {
	return domain.Conversation{
		ID: r.ID, Owner: r.Owner, Name: r.Name, State: r.State, Agent: r.Agent, AgentName: r.AgentName, Last: r.Last,
		ReadByCustomer: r.ReadByCustomer, ReadByAgent: r.ReadByAgent,
		UnreadByCustomer: r.UnreadByCustomer, UnreadByAgent: r.UnreadByAgent,
		WaitingSince: r.WaitingSince.UTC(), StartedAt: r.StartedAt.UTC(), ChangedAt: r.ChangedAt.UTC(), Revision: r.Revision,
	}
}

// messageRow is a message as its table has it.
type messageRow struct {
	Conversation domain.ConversationID `bun:"conversation"`
	Seq          int64                 `bun:"seq"`
	ClientID     string                `bun:"client_id"`
	Side         domain.Side           `bun:"side"`
	User         domain.UserID         `bun:"user_id"`
	Name         string                `bun:"name"`
	Body         string                `bun:"body"`
	At           time.Time             `bun:"at"`
}

func (r messageRow) message() domain.Message {
	return domain.Message{
		Conversation: r.Conversation, Seq: r.Seq, ClientID: r.ClientID,
		From: domain.Party{Side: r.Side, User: r.User, Name: r.Name}, Body: r.Body, At: r.At.UTC(),
	}
}

func (s *Store) StartConversation(ctx context.Context, c domain.Conversation) (domain.Conversation, error) {
	var kept domain.Conversation
	start := func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewRaw(`INSERT INTO conversation_owners (owner, conversation) VALUES (?, ?)
			ON CONFLICT (owner) DO NOTHING`, c.Owner, c.ID).Exec(ctx)
		if err != nil {
			return err
		}
		if inserted, err := result.RowsAffected(); err != nil {
			return err
		} else if inserted == 0 {
			kept, err = conversationOf(ctx, tx, c.Owner)
			return err
		}
		kept = c
		kept.Revision, kept.Added = 1, nil
		_, err = tx.NewRaw(`INSERT INTO conversations (id, owner, name, state, agent, agent_name, last, read_by_customer, read_by_agent,
				unread_by_customer, unread_by_agent, waiting_since, started_at, changed_at, revision)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
			c.ID, c.Owner, c.Name, c.State, c.Agent, c.AgentName, c.Last, c.ReadByCustomer, c.ReadByAgent,
			c.UnreadByCustomer, c.UnreadByAgent, bun.NullTime{Time: c.WaitingSince}, c.StartedAt, c.ChangedAt).Exec(ctx)
		return err
	}
	err := s.inTx(ctx, start)
	if errors.Is(err, errInDoubt) {
		// The owner's row is held until the commit in doubt has happened or not, and tells which.
		err = s.inTx(ctx, start)
	}
	if err != nil {
		return domain.Conversation{}, err
	}
	return kept, nil
}

func (s *Store) Conversation(ctx context.Context, id domain.ConversationID) (domain.Conversation, error) {
	var row conversationRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return found(db.NewRaw(`SELECT `+conversationColumns+` FROM conversations n
			JOIN conversations c ON c.id = COALESCE(n.moved_to, n.id) WHERE n.id = ?`, id).Scan(ctx, &row))
	})
	if err != nil {
		return domain.Conversation{}, err
	}
	return row.conversation(), nil
}

func (s *Store) ConversationOf(ctx context.Context, owner domain.OwnerID) (domain.Conversation, error) {
	var c domain.Conversation
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		var err error
		c, err = conversationOf(ctx, db, owner)
		return err
	})
	if err != nil {
		return domain.Conversation{}, err
	}
	return c, nil
}

func conversationOf(ctx context.Context, db bun.IDB, owner domain.OwnerID) (domain.Conversation, error) {
	var row conversationRow
	err := db.NewRaw(`SELECT `+conversationColumns+` FROM conversation_owners o
		JOIN conversations c ON c.id = o.conversation WHERE o.owner = ?`, owner).Scan(ctx, &row)
	return row.conversation(), found(err)
}

func (s *Store) Conversations(ctx context.Context, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error) {
	var rows []struct {
		Total int `bun:"total"`
		conversationRow
	}
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		rows = nil
		// The total comes in one row at least, though the page be empty.
		return db.NewRaw(`SELECT n.total, `+conversationColumns+`
			FROM (SELECT count(*) AS total FROM conversations WHERE state = ? AND last > 0 AND moved_to IS NULL) n
			LEFT JOIN LATERAL (
				SELECT * FROM conversations WHERE state = ? AND last > 0 AND moved_to IS NULL
				ORDER BY waiting_since NULLS LAST, changed_at DESC, id LIMIT ? OFFSET ?
			) c ON true ORDER BY c.waiting_since NULLS LAST, c.changed_at DESC, c.id`,
			state, state, page.Size, page.Offset()).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, 0, err
	}
	var all []domain.Conversation
	for _, row := range rows {
		if row.ID != "" {
			all = append(all, row.conversation())
		}
	}
	return all, rows[0].Total, nil
}

func (s *Store) Revisions(ctx context.Context, ids []domain.ConversationID) (map[domain.ConversationID]int64, error) {
	if len(ids) == 0 {
		// A caller that has gone away is told so all the same.
		return nil, ctx.Err()
	}
	var rows []struct {
		ID       domain.ConversationID `bun:"id"`
		Revision int64                 `bun:"revision"`
	}
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		rows = nil
		return db.NewRaw(`SELECT n.id, c.revision FROM conversations n
			JOIN conversations c ON c.id = COALESCE(n.moved_to, n.id) WHERE n.id IN (?)`, bun.List(ids)).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, err
	}
	revisions := make(map[domain.ConversationID]int64, len(rows))
	for _, row := range rows {
		revisions[row.ID] = row.Revision
	}
	return revisions, nil
}

func (s *Store) AddMessage(ctx context.Context, id domain.ConversationID, m domain.Message) (domain.Message, bool, error) {
	var (
		kept  domain.Message
		added bool
		tried bool // and it may have happened
	)
	add := func(ctx context.Context, tx bun.Tx) error {
		c, err := lockConversation(ctx, tx, id)
		if err != nil {
			return err
		}
		before, err := saidBefore(ctx, tx, c.ID, m)
		if err != nil {
			return err
		}
		if before.Seq > 0 {
			kept, added = before, tried && before.At.Equal(m.At.Truncate(time.Microsecond))
			return nil
		}
		if err := c.Say(m); err != nil {
			return err
		}
		kept, added = c.Added[len(c.Added)-1], true
		return keepConversation(ctx, tx, c)
	}
	err := s.inTx(ctx, add)
	if errors.Is(err, errInDoubt) {
		// The conversation is held until the commit in doubt has happened or not, and then the client id tells which.
		tried = true
		err = s.inTx(ctx, add)
	}
	if err != nil {
		return domain.Message{}, false, err
	}
	return kept, added, nil
}

// saidBefore is the message that m is a repeat of; one without a number when it is none.
func saidBefore(ctx context.Context, tx bun.Tx, id domain.ConversationID, m domain.Message) (domain.Message, error) {
	var row messageRow
	err := tx.NewRaw(`SELECT conversation, seq, client_id, side, user_id, name, body, at FROM messages
		WHERE conversation = ? AND speaker = ? AND client_id = ? AND client_id <> ''`, id, m.From.Speaker(), m.ClientID).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return domain.Message{}, nil
	}
	return row.message(), err
}

func (s *Store) UpdateConversation(ctx context.Context, id domain.ConversationID,
	change func(*domain.Conversation) error) (domain.Conversation, error) {
	var kept domain.Conversation
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		c, err := lockConversation(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := change(&c); err != nil {
			return err
		}
		kept = c
		kept.Revision, kept.Added = c.Revision+1, nil
		return keepConversation(ctx, tx, c)
	})
	if err != nil {
		return domain.Conversation{}, err
	}
	return kept, nil
}

func (s *Store) Messages(ctx context.Context, id domain.ConversationID, after int64, limit int) ([]domain.Message, error) {
	var rows []messageRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		rows = nil
		// A conversation of which there is nothing to read comes as one row without a number.
		return db.NewRaw(`SELECT COALESCE(n.moved_to, n.id) AS conversation, m.seq, m.client_id, m.side, m.user_id, m.name, m.body, m.at
			FROM conversations n LEFT JOIN LATERAL (
				SELECT * FROM messages WHERE conversation = COALESCE(n.moved_to, n.id) AND seq > ? ORDER BY seq LIMIT ?
			) m ON true WHERE n.id = ? ORDER BY m.seq`, after, limit, id).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, domain.NotFound("conversation")
	}
	var all []domain.Message
	for _, row := range rows {
		if row.Seq > 0 {
			all = append(all, row.message())
		}
	}
	return all, nil
}

func (s *Store) AdoptConversation(ctx context.Context, from, into domain.OwnerID) error {
	return s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var given, target domain.ConversationID
		err := tx.NewRaw(`SELECT conversation FROM conversation_owners WHERE owner = ? FOR UPDATE`, from).Scan(ctx, &given)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw(`INSERT INTO conversation_owners (owner, conversation) VALUES (?, ?)
			ON CONFLICT (owner) DO NOTHING`, into, given).Exec(ctx); err != nil {
			return err
		}
		if err := tx.NewRaw(`SELECT conversation FROM conversation_owners WHERE owner = ?`, into).Scan(ctx, &target); err != nil {
			return err
		}
		if target == given {
			_, err := tx.NewRaw(`UPDATE conversations SET owner = ?, revision = revision + 1
				WHERE id = ? AND owner <> ?`, into, given, into).Exec(ctx)
			return err
		}
		return joinConversations(ctx, tx, given, target)
	})
}

// joinConversations moves the messages of one conversation behind the other's, and makes every name of it one of the other.
func joinConversations(ctx context.Context, tx bun.Tx, given, target domain.ConversationID) error {
	locked := map[domain.ConversationID]domain.Conversation{}
	ids := []domain.ConversationID{given, target}
	slices.Sort(ids)
	for _, id := range ids {
		c, err := lockConversation(ctx, tx, id)
		if err != nil {
			return err
		}
		if c.ID != id {
			return errMovedOn
		}
		locked[id] = c
	}
	var rows []messageRow
	if err := tx.NewRaw(`SELECT conversation, seq, client_id, side, user_id, name, body, at FROM messages m
		WHERE conversation = ? AND NOT EXISTS (SELECT FROM messages o
			WHERE o.conversation = ? AND o.speaker = m.speaker AND o.client_id = m.client_id AND o.client_id <> '')
		ORDER BY seq`, given, target).Scan(ctx, &rows); err != nil {
		return err
	}
	moved := make([]domain.Message, len(rows))
	for i, row := range rows {
		moved[i] = row.message()
	}
	c := locked[target]
	c.Adopt(locked[given], moved)
	if err := keepConversation(ctx, tx, c); err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM messages WHERE conversation = ?1`,
		`UPDATE conversations SET moved_to = ?0 WHERE id = ?1 OR moved_to = ?1`,
		`UPDATE conversation_owners SET conversation = ?0 WHERE conversation = ?1`,
	} {
		if _, err := tx.NewRaw(statement, target, given).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// lockConversation returns the conversation that id leads to and holds it until the transaction ends.
func lockConversation(ctx context.Context, tx bun.Tx, id domain.ConversationID) (domain.Conversation, error) {
	for {
		var row conversationRow
		err := tx.NewRaw(`SELECT `+conversationColumns+` FROM conversations c WHERE c.id = ? FOR UPDATE`, id).Scan(ctx, &row)
		if err != nil || row.MovedTo == "" {
			return row.conversation(), found(err)
		}
		id = row.MovedTo
	}
}

// keepConversation keeps what a change made of a conversation that is held, with the messages that it added.
func keepConversation(ctx context.Context, tx bun.Tx, c domain.Conversation) error {
	if _, err := tx.NewRaw(`UPDATE conversations SET name = ?, state = ?, agent = ?, agent_name = ?, last = ?,
			read_by_customer = ?, read_by_agent = ?, unread_by_customer = ?, unread_by_agent = ?,
			waiting_since = ?, started_at = ?, changed_at = ?, revision = ? WHERE id = ?`,
		c.Name, c.State, c.Agent, c.AgentName, c.Last, c.ReadByCustomer, c.ReadByAgent, c.UnreadByCustomer, c.UnreadByAgent,
		bun.NullTime{Time: c.WaitingSince}, c.StartedAt, c.ChangedAt, c.Revision+1, c.ID).Exec(ctx); err != nil {
		return err
	}
	if len(c.Added) == 0 {
		return nil
	}
	rows := make([]addedMessage, len(c.Added))
	for i, m := range c.Added {
		rows[i] = addedMessage{m.Seq, m.ClientID, m.From.Speaker(), m.From.Side, m.From.User, m.From.Name, m.Body, m.At}
	}
	_, err := tx.NewRaw(`INSERT INTO messages (conversation, seq, client_id, speaker, side, user_id, name, body, at)
		SELECT ?, m.* FROM json_to_recordset(?) AS m (seq bigint, client_id text, speaker text, side text, user_id text,
			name text, body text, at timestamptz)`, c.ID, rows).Exec(ctx)
	return err
}

// addedMessage is a message as a statement takes it.
type addedMessage struct {
	Seq      int64         `json:"seq"`
	ClientID string        `json:"client_id"`
	Speaker  string        `json:"speaker"`
	Side     domain.Side   `json:"side"`
	User     domain.UserID `json:"user_id"`
	Name     string        `json:"name"`
	Body     string        `json:"body"`
	At       time.Time     `json:"at"`
}

// found gives the failure to find a conversation its kind.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return domain.NotFound("conversation")
	}
	return err
}
