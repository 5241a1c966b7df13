package domain

// Event is news that something changed. It is a wake-up and no more: it may be
// lost or come twice, and who hears it reads the truth again.
type Event struct {
	Topic Topic
	Key   string // what changed, by its id; "" when news was missed and anything may have
}

// Topic is what sort of thing changed.
type Topic string

// The topics.
const (
	OrderChanged   Topic = "order"
	ProductChanged Topic = "product"
)
