package live

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"eshop/domain"
	"eshop/usecase"
)

func TestSocket_ForgetsClosedConversations(t *testing.T) {
	s := newSocket(usecase.Visitor{}, "", "192.0.2.1")
	s.cursors["open"], s.cursors["behind"] = newCursor(1), &cursor{seq: 1, last: 2, closed: true}
	for i := range 10 * closedKept {
		id := domain.ConversationID(fmt.Sprint("talk-", i))
		s.cursors[id] = &cursor{seq: 3, last: 3, closed: true}
		s.forgetClosed(id)
		assert.Contains(t, s.cursors, id)
	}
	assert.LessOrEqual(t, len(s.cursors), closedKept+3)
	assert.Contains(t, s.cursors, domain.ConversationID("open"))
	assert.Contains(t, s.cursors, domain.ConversationID("behind"), "of which not all was sent")
	assert.Equal(t, []domain.ConversationID{"open"}, s.knownOpen(), "closed ones are not asked for")
}
