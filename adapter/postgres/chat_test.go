package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestConversations(t *testing.T) {
	porttest.Conversations(t, func(t *testing.T) (a, b port.Conversations) { return openTwo(t) })
}
