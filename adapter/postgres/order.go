package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"eshop/domain"
	"eshop/port"
)

// Rows are locked in one order, so that there are no deadlocks: orders by id,
// carts by owner, products by id. Stock comes last, for many transactions wait for
// it. An order that is being placed is seen by no other transaction yet.

// orderRow is an order as its tables have it. Its number is that of an attempt, below
// zero, until it is paid.
type orderRow struct {
	Number          int64                `bun:"number"`
	ID              domain.OrderID       `bun:"id"`
	Owner           domain.OwnerID       `bun:"owner"`
	Email           string               `bun:"email"`
	Status          domain.OrderStatus   `bun:"status"`
	Currency        domain.Currency      `bun:"currency"`
	Subtotal        int64                `bun:"subtotal"`
	Shipping        int64                `bun:"shipping"`
	Tax             int64                `bun:"tax"`
	Discount        int64                `bun:"discount"`
	Total           int64                `bun:"total"`
	ShippingAddress address              `bun:"shipping_address,type:jsonb"`
	PaymentMethod   string               `bun:"payment_method"`
	PaymentStatus   domain.PaymentStatus `bun:"payment_status"`
	PaymentLast4    string               `bun:"payment_last4"`
	PaymentAwaited  bool                 `bun:"payment_awaited"`
	PlacedAt        time.Time            `bun:"placed_at"`
	LeasedUntil     time.Time            `bun:"claimed_until"`
	History         []statusChange       `bun:"history,type:jsonb"`
	Lines           []orderLine          `bun:"lines,type:json"`
}

// orderColumns are what an orderRow is read from, of a table of orders called o.
const orderColumns = `o.number, o.id, o.owner, o.email, o.status, o.currency, o.subtotal, o.shipping, o.tax, o.discount, o.total,
	o.shipping_address, o.payment_method, o.payment_status, o.payment_last4, o.payment_awaited, o.placed_at, o.claimed_until, o.history,
	(SELECT json_agg(json_build_object('product', l.product_id, 'name', l.name, 'quantity', l.quantity,
		'unit_price', l.unit_price, 'line_total', l.line_total) ORDER BY l.position)
		FROM order_lines l WHERE l.order_number = o.number) AS lines`

type address struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	City       string `json:"city"`
	Region     string `json:"region"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"`
	Phone      string `json:"phone"`
}

type statusChange struct {
	Status domain.OrderStatus    `json:"status"`
	At     time.Time             `json:"at"`
	Key    domain.IdempotencyKey `json:"key,omitempty"`
	By     string                `json:"by,omitempty"`
}

type orderLine struct {
	Product   domain.ProductID `json:"product"`
	Name      string           `json:"name"`
	Quantity  int              `json:"quantity"`
	UnitPrice int64            `json:"unit_price"`
	LineTotal int64            `json:"line_total"`
}

func (r orderRow) order() domain.Order {
	money := func(amount int64) domain.Money { return domain.Money{Amount: amount, Currency: r.Currency} }
	o := domain.Order{
		ID: r.ID, Number: numberOf(r.Number), Owner: r.Owner, Email: r.Email, Status: r.Status,
		Subtotal: money(r.Subtotal), Shipping: money(r.Shipping), Tax: money(r.Tax), Discount: money(r.Discount), Total: money(r.Total),
		ShippingAddress: domain.Address(r.ShippingAddress),
		Payment:         domain.Payment{Method: r.PaymentMethod, Status: r.PaymentStatus, Last4: r.PaymentLast4, Awaited: r.PaymentAwaited},
		PlacedAt:        r.PlacedAt.UTC(), LeasedUntil: r.LeasedUntil.UTC(),
	}
	for _, l := range r.Lines {
		o.Lines = append(o.Lines, domain.OrderLine{
			Product: l.Product, Name: l.Name, Quantity: l.Quantity, UnitPrice: money(l.UnitPrice), LineTotal: money(l.LineTotal),
		})
	}
	for _, change := range r.History {
		o.History = append(o.History, domain.StatusChange{Status: change.Status, At: change.At.UTC(), Key: change.Key, By: change.By})
	}
	return o
}

// findLines reads the lines of an order that was locked. A statement that waited for the lock
// sees the order as it is now and the lines as they were when it began: by a number that the
// order had before it was paid, so none.
func (r *orderRow) findLines(ctx context.Context, db bun.IDB) error {
	if len(r.Lines) > 0 {
		return nil
	}
	return db.NewRaw(`SELECT `+orderColumns+` FROM orders o WHERE o.id = ?`, r.ID).Scan(ctx, r)
}

func linesOf(o domain.Order) []orderLine {
	lines := []orderLine{}
	for _, l := range o.Lines {
		lines = append(lines, orderLine{l.Product, l.Name, l.Quantity, l.UnitPrice.Amount, l.LineTotal.Amount})
	}
	return lines
}

func historyOf(o domain.Order) []statusChange {
	history := []statusChange{}
	for _, change := range o.History {
		history = append(history, statusChange(change))
	}
	return history
}

const numberPrefix = "E-"

func numberOf(sequence int64) domain.OrderNumber {
	if sequence < 0 {
		return ""
	}
	return domain.OrderNumber(numberPrefix + strconv.FormatInt(sequence, 10))
}

func (s *Store) PlaceOrder(ctx context.Context, p port.Placement, build port.BuildOrder) (domain.Order, bool, error) {
	var (
		order  domain.Order
		placed bool
		mine   domain.OrderID // the order that a commit of this call may have kept
	)
	place := func(ctx context.Context, tx bun.Tx) error {
		// Calls with one key have one cart, so holding it makes them go one after another.
		cart, err := lockCart(ctx, tx, p.Owner)
		if err != nil {
			return err
		}
		before, fingerprint, err := placedBy(ctx, tx, p)
		if err != nil {
			return err
		}
		if before.ID != "" {
			if fingerprint != p.Fingerprint {
				return domain.KeyReused()
			}
			order, placed = before, before.ID == mine
			return nil
		}
		products, err := cartProducts(ctx, tx, cart)
		if err != nil {
			return err
		}
		if order, err = build(cart, products); err != nil {
			return err
		}
		if order, err = addOrder(ctx, tx, order, p); err != nil {
			return err
		}
		short, err := takeStock(ctx, tx, order.ID, order.Lines, order.PlacedAt)
		if err != nil {
			return err
		}
		if len(short) > 0 {
			return domain.OutOfStock(short...)
		}
		placed, mine = true, order.ID
		return nil
	}
	err := s.inTx(ctx, place, cartOf(p.Owner))
	if errors.Is(err, errInDoubt) {
		// The cart is held until the commit in doubt has happened or not, and then the key tells which.
		err = s.inTx(ctx, place, cartOf(p.Owner))
	}
	if err != nil {
		return domain.Order{}, false, err
	}
	return order, placed, nil
}

// placedBy returns the order that the key has placed, and its fingerprint; one without an id when there is none.
func placedBy(ctx context.Context, tx bun.Tx, p port.Placement) (domain.Order, string, error) {
	var row struct {
		Fingerprint string `bun:"fingerprint"`
		orderRow
	}
	// Two look-ups, each by its index; an OR would have neither.
	err := tx.NewRaw(`SELECT o.fingerprint, `+orderColumns+` FROM orders o WHERE o.id = (
		SELECT id FROM (
			SELECT id, placed_at, true AS own FROM orders WHERE placed_by = ? AND key = ?
			UNION ALL SELECT id, placed_at, false FROM orders WHERE ? AND owner = ? AND key = ?
		) found ORDER BY own DESC, placed_at DESC LIMIT 1)`,
		p.Owner, p.Key, p.Adopted, p.Owner, p.Key).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return domain.Order{}, "", nil
	}
	return row.order(), row.Fingerprint, err
}

// addOrder keeps the order with its lines and its key and empties the cart, and
// returns the order with its lease.
func addOrder(ctx context.Context, tx bun.Tx, o domain.Order, p port.Placement) (domain.Order, error) {
	o = o.Clone()
	var row orderRow
	err := tx.NewRaw(`WITH placed AS (
			INSERT INTO orders (number, id, owner, email, status, currency, subtotal, shipping, tax, discount, total,
				shipping_address, payment_method, payment_status, payment_last4, payment_awaited, placed_at, claimed_until, history,
				placed_by, key, fingerprint)
			VALUES (nextval('order_attempts'), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, clock_timestamp() + ? * interval '1 microsecond', ?, ?, ?, ?)
			RETURNING number, claimed_until
		), bought AS (
			INSERT INTO order_lines (order_number, position, product_id, name, quantity, unit_price, line_total)
			SELECT placed.number, line.position, line.product, line.name, line.quantity, line.unit_price, line.line_total
			FROM placed, ROWS FROM (json_to_recordset(?) AS (product text, name text, quantity integer, unit_price bigint, line_total bigint))
				WITH ORDINALITY AS line (product, name, quantity, unit_price, line_total, position)
		), emptied AS (
			UPDATE carts SET lines = '[]' WHERE owner = ?
		)
		SELECT number, claimed_until FROM placed`,
		o.ID, o.Owner, o.Email, o.Status, o.Total.Currency, o.Subtotal.Amount, o.Shipping.Amount, o.Tax.Amount, o.Discount.Amount, o.Total.Amount,
		address(o.ShippingAddress), o.Payment.Method, o.Payment.Status, o.Payment.Last4, o.Payment.Awaited, o.PlacedAt, p.Lease.Microseconds(), historyOf(o),
		p.Owner, p.Key, p.Fingerprint, linesOf(o), p.Owner).Scan(ctx, &row)
	o.Number, o.LeasedUntil = numberOf(row.Number), row.LeasedUntil.UTC()
	return o, err
}

func (s *Store) Order(ctx context.Context, id domain.OrderID) (domain.Order, error) {
	return s.order(ctx, `o.id = ?`, id)
}

func (s *Store) OrderByNumber(ctx context.Context, number domain.OrderNumber) (domain.Order, error) {
	sequence, _ := strconv.ParseInt(strings.TrimPrefix(string(number), numberPrefix), 10, 64)
	if numberOf(sequence) != number {
		return domain.Order{}, domain.NotFound("order")
	}
	return s.order(ctx, `o.number = ?`, sequence)
}

func (s *Store) order(ctx context.Context, which string, args ...any) (domain.Order, error) {
	var row orderRow
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		err := db.NewRaw(`SELECT `+orderColumns+` FROM orders o WHERE `+which, args...).Scan(ctx, &row)
		if errors.Is(err, sql.ErrNoRows) {
			return domain.NotFound("order")
		}
		return err
	})
	if err != nil {
		return domain.Order{}, err
	}
	return row.order(), nil
}

func (s *Store) Orders(ctx context.Context, filter port.OrderFilter, page domain.Page) ([]domain.Order, int, error) {
	where, args := `true`, []any{}
	if filter.Owner != "" {
		where, args = where+` AND owner = ?`, append(args, filter.Owner)
	}
	if filter.Status != "" {
		where, args = where+` AND status = ?`, append(args, filter.Status)
	} else {
		where += ` AND status <> 'cancelled'`
	}
	// The total comes in one row at least, though the page be empty.
	statement := fmt.Sprintf(`SELECT n.of_all, %s
		FROM (SELECT count(*) AS of_all FROM orders WHERE %s) n LEFT JOIN (
			SELECT number FROM orders WHERE %s ORDER BY placed_at DESC, number DESC LIMIT ? OFFSET ?
		) page ON true LEFT JOIN orders o ON o.number = page.number
		ORDER BY o.placed_at DESC, o.number DESC`, orderColumns, where, where)
	var rows []struct {
		OfAll int `bun:"of_all"`
		orderRow
	}
	err := s.read(ctx, func(ctx context.Context, db bun.IDB) error {
		rows = nil
		return db.NewRaw(statement, slices.Concat(args, args, []any{page.Size, page.Offset()})...).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, 0, err
	}
	var found []domain.Order
	for _, row := range rows {
		if row.ID != "" {
			found = append(found, row.order())
		}
	}
	return found, rows[0].OfAll, nil
}

func (s *Store) TransitionOrder(ctx context.Context, id domain.OrderID,
	change func(*domain.Order) (domain.Effects, error)) (domain.Order, domain.Effects, error) {
	var (
		order   domain.Order
		effects domain.Effects
	)
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var row orderRow
		err := tx.NewRaw(`SELECT `+orderColumns+` FROM orders o WHERE o.id = ? FOR UPDATE OF o`, id).Scan(ctx, &row)
		if err == nil {
			err = row.findLines(ctx, tx)
		}
		if errors.Is(err, sql.ErrNoRows) {
			return domain.NotFound("order")
		}
		if err != nil {
			return err
		}
		order = row.order()
		changed := order.Clone()
		if effects, err = change(&changed); err != nil {
			return err
		}
		order.Status, order.Payment, order.History = changed.Status, changed.Payment, slices.Clone(changed.History)
		if effects.EndLease {
			order.LeasedUntil = time.Time{}
		}
		order.Number, err = keepTransition(ctx, tx, order, effects)
		return err
	}, "order "+string(id))
	if err != nil {
		return domain.Order{}, domain.Effects{}, err
	}
	return order, effects, nil
}

// keepTransition keeps what a transition changed of an order, makes its effects, and
// returns the order's number.
func keepTransition(ctx context.Context, tx bun.Tx, o domain.Order, effects domain.Effects) (domain.OrderNumber, error) {
	var number int64
	err := tx.NewRaw(`UPDATE orders SET status = ?, payment_method = ?, payment_status = ?, payment_last4 = ?, payment_awaited = ?,
		history = ?, key = CASE WHEN ? THEN NULL ELSE key END, claimed_until = CASE WHEN ? THEN NULL ELSE claimed_until END,
		number = CASE WHEN ? AND number < 0 THEN nextval('orders_number_seq') ELSE number END WHERE id = ? RETURNING number`,
		o.Status, o.Payment.Method, o.Payment.Status, o.Payment.Last4, o.Payment.Awaited, historyOf(o),
		effects.FreeKey, effects.EndLease, effects.TakeNumber, o.ID).Scan(ctx, &number)
	if err != nil {
		return "", err
	}
	if len(effects.RestoreCart.Lines) > 0 {
		cart, err := lockCart(ctx, tx, o.Owner)
		if err != nil {
			return "", err
		}
		cart.Merge(effects.RestoreCart)
		if err := keepCart(ctx, tx, o.Owner, cart); err != nil {
			return "", err
		}
	}
	if len(effects.ReturnStock) > 0 {
		err = returnStock(ctx, tx, o.ID, effects.ReturnStock, effects.At)
	}
	return numberOf(number), err
}

// LeaseOrder is repeated when its answer was lost. What it leased the first time then stays leased until that lease ends.
func (s *Store) LeaseOrder(ctx context.Context, lease port.Lease) (domain.Order, error) {
	var row orderRow
	err := s.retry(ctx, func(ctx context.Context) error {
		err := s.db.NewRaw(`WITH free AS (
				SELECT id FROM orders WHERE status = ? AND (? = '' OR id = ?)
					AND (claimed_until IS NULL OR claimed_until <= clock_timestamp() - ? * interval '1 microsecond')
				ORDER BY claimed_until NULLS FIRST, number LIMIT 1 FOR UPDATE SKIP LOCKED
			)
			UPDATE orders o SET claimed_until = clock_timestamp() + ? * interval '1 microsecond'
			FROM free WHERE o.id = free.id RETURNING `+orderColumns,
			cmp.Or(lease.Status, domain.Pending), lease.Order, lease.Order, lease.EndedFor.Microseconds(), lease.For.Microseconds()).Scan(ctx, &row)
		if err == nil {
			err = row.findLines(ctx, s.db)
		}
		if errors.Is(err, sql.ErrNoRows) {
			return domain.NotFound("order")
		}
		return err
	})
	if err != nil {
		return domain.Order{}, err
	}
	return row.order(), nil
}

func (s *Store) AdoptOrders(ctx context.Context, from, into domain.OwnerID) error {
	if from == into {
		return nil
	}
	return s.repeat(ctx, `WITH theirs AS (SELECT id FROM orders WHERE owner = ? ORDER BY id FOR UPDATE)
		UPDATE orders o SET owner = ? FROM theirs WHERE o.id = theirs.id`, from, into)
}
