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
	bun.BaseModel `bun:"table:conversations,alias:c"`

	ID               domain.ConversationID    `bun:"id,pk"`
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
	WaitingSince     time.Time                `bun:"waiting_since,nullzero"`
	StartedAt        time.Time                `bun:"started_at"`
	ChangedAt        time.Time                `bun:"changed_at"`
	Revision         int64                    `bun:"revision"`
	MovedTo          domain.ConversationID    `bun:"moved_to,nullzero"`
	Total            int                      `bun:"total,scanonly"`
}

func (r conversationRow) conversation() domain.Conversation {
	return domain.Conversation{
		ID: r.ID, Owner: r.Owner, Name: r.Name, State: r.State, Agent: r.Agent, AgentName: r.AgentName, Last: r.Last,
		ReadByCustomer: r.ReadByCustomer, ReadByAgent: r.ReadByAgent,
		UnreadByCustomer: r.UnreadByCustomer, UnreadByAgent: r.UnreadByAgent,
		WaitingSince: r.WaitingSince.UTC(), StartedAt: r.StartedAt.UTC(), ChangedAt: r.ChangedAt.UTC(), Revision: r.Revision,
	}
}

func newConversationRow(c domain.Conversation) *conversationRow {
	return &conversationRow{
		ID: c.ID, Owner: c.Owner, Name: c.Name, State: c.State, Agent: c.Agent, AgentName: c.AgentName, Last: c.Last,
		ReadByCustomer: c.ReadByCustomer, ReadByAgent: c.ReadByAgent,
		UnreadByCustomer: c.UnreadByCustomer, UnreadByAgent: c.UnreadByAgent,
		WaitingSince: c.WaitingSince, StartedAt: c.StartedAt, ChangedAt: c.ChangedAt, Revision: c.Revision,
	}
}

// messageRow is a message as its table has it.
type messageRow struct {
	bun.BaseModel `bun:"table:messages,alias:m"`

	Conversation domain.ConversationID `bun:"conversation,pk"`
	Seq          int64                 `bun:"seq,pk"`
	ClientID     string                `bun:"client_id"`
	Speaker      string                `bun:"speaker"`
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

func newMessageRow(id domain.ConversationID, m domain.Message) messageRow {
	return messageRow{
		Conversation: id, Seq: m.Seq, ClientID: m.ClientID, Speaker: m.From.Speaker(),
		Side: m.From.Side, User: m.From.User, Name: m.From.Name, Body: m.Body, At: m.At,
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
		_, err = tx.NewInsert().Model(newConversationRow(kept)).Returning("NULL").Exec(ctx)
		return err
	}
	err := s.inTx(ctx, start, conversationOwnedBy(c.Owner))
	if errors.Is(err, errInDoubt) {
		// The owner's row stays locked until the commit in doubt is decided, and shows whether it happened.
		err = s.inTx(ctx, start, conversationOwnedBy(c.Owner))
	}
	if err != nil {
		return domain.Conversation{}, err
	}
	return kept, nil
}

func (s *Store) Conversation(ctx context.Context, id domain.ConversationID) (domain.Conversation, error) {
	var row conversationRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return found(db.NewSelect().Model(&row).Join(leadingTo).Where("n.id = $1").Conn(bind(db, id)).Scan(ctx))
	})
	if err != nil {
		return domain.Conversation{}, err
	}
	return row.conversation(), nil
}

// leadingTo joins to a conversation c the names n that lead to it: its own, and those of
// the conversations that were joined into it.
const leadingTo = "JOIN conversations AS n ON c.id = COALESCE(n.moved_to, n.id)"

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
	err := db.NewSelect().Model(&row).Join("JOIN conversation_owners AS o ON o.conversation = c.id").
		Where("o.owner = $1").Conn(bind(db, owner)).Scan(ctx)
	return row.conversation(), found(err)
}

func (s *Store) Conversations(ctx context.Context, state domain.ConversationState, page domain.Page) ([]domain.Conversation, int, error) {
	var rows []conversationRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		inState := db.NewSelect().Model((*conversationRow)(nil)).Where("state = ? AND last > 0 AND moved_to IS NULL", state)
		return scanPage(ctx, db, &rows, inState, "waiting_since NULLS LAST, changed_at DESC, id", page)
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
		// A caller that went away is told so all the same.
		return nil, over(ctx)
	}
	var rows []conversationRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.NewSelect().Model(&rows).ColumnExpr("n.id, c.revision").Join(leadingTo).
			Where("n.id = ANY ($1)").Conn(bind(db, ids)).Scan(ctx)
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
	err := s.inTx(ctx, add, conversationNamed(id))
	if errors.Is(err, errInDoubt) {
		// The conversation stays locked until the commit in doubt is decided. Then the client id shows whether it happened.
		tried = true
		err = s.inTx(ctx, add, conversationNamed(id))
	}
	if err != nil {
		return domain.Message{}, false, err
	}
	return kept, added, nil
}

// conversationNamed names a conversation, for inTx.
func conversationNamed(id domain.ConversationID) string { return "conversation " + string(id) }

// saidBefore returns the message that m repeats, or one without a number.
func saidBefore(ctx context.Context, tx bun.Tx, id domain.ConversationID, m domain.Message) (domain.Message, error) {
	var row messageRow
	err := tx.NewSelect().Model(&row).Where("conversation = ? AND speaker = ?", id, m.From.Speaker()).
		Where("client_id = ? AND client_id <> ''", m.ClientID).Scan(ctx)
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
	}, conversationNamed(id))
	if err != nil {
		return domain.Conversation{}, err
	}
	return kept, nil
}

func (s *Store) Messages(ctx context.Context, id domain.ConversationID, after int64, limit int) ([]domain.Message, error) {
	var rows []messageRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		after := db.NewSelect().Model((*messageRow)(nil)).Where("conversation = COALESCE(n.moved_to, n.id)").
			Where("seq > ?", after).Order("seq").Limit(int64(limit))
		// A conversation without such a message comes as one row of nulls.
		return db.NewSelect().ColumnExpr("m.*").TableExpr("conversations AS n").
			Join("LEFT JOIN LATERAL (?) AS m ON true", after).Where("n.id = ?", id).OrderExpr("m.seq").Scan(ctx, &rows)
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
	if from == into {
		return nil
	}
	owners := inOrder(from, into)
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
	}, conversationOwnedBy(owners[0]), conversationOwnedBy(owners[1]))
}

// conversationOwnedBy names what an owner's conversation is found by, for inTx.
func conversationOwnedBy(owner domain.OwnerID) string { return "conversation of " + string(owner) }

// joinConversations appends the messages of one conversation to the other, and makes every name of the first lead to the other.
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
	if err := tx.NewSelect().Model(&rows).Where("conversation = ?", given).
		Where(`NOT EXISTS (SELECT FROM messages o
			WHERE o.conversation = ? AND o.speaker = m.speaker AND o.client_id = m.client_id AND o.client_id <> '')`, target).
		Order("seq").Scan(ctx); err != nil {
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
		err := tx.NewSelect().Model(&row).Where("id = $1").For("UPDATE").Conn(bind(tx, id)).Scan(ctx)
		if err != nil || row.MovedTo == "" {
			return row.conversation(), found(err)
		}
		id = row.MovedTo
	}
}

// keepConversation keeps a changed conversation that is held, and the messages that the change added.
func keepConversation(ctx context.Context, tx bun.Tx, c domain.Conversation) error {
	c.Revision++
	if err := keepRow(ctx, tx, newConversationRow(c)); err != nil || len(c.Added) == 0 {
		return err
	}
	rows := make([]messageRow, len(c.Added))
	for i, m := range c.Added {
		rows[i] = newMessageRow(c.ID, m)
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// found turns the lack of a row into the error that there is no such conversation.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return domain.NotFound("conversation")
	}
	return err
}
