package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestConversations(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Conversations(t, func(t *testing.T) port.Conversations { return open(t) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Conversations(t, func(t *testing.T) port.Conversations {
			a, b := openTwo(t)
			return porttest.ConversationsInTurns(a, b)
		})
	})
}
