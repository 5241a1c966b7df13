package domain

// Event is news that something changed. It is a wake-up and no more: it may be
// lost or come twice, and who hears it reads the truth again.
type Event struct {
	Topic Topic
	Key   string // what changed, by its id
}

// Topic is what sort of thing changed.
type Topic string

// The topics.
const (
	OrderChanged   Topic = "order"
	ProductChanged Topic = "product"
)
