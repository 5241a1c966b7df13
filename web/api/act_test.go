package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSupport_EachActIsTold(t *testing.T) {
	s := open(t, quick)
	v := s.staff("sue")
	conversation := s.visitor().say("m-0", "Hello?").at("message", "conversation").(string)
	acts := map[string]string{
		"messages": "chat_answered", "take": "chat_take", "hand-back": "chat_hand-back", "close": "chat_close", "reopen": "chat_reopen",
	}
	require.NoError(t, s.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		methods, _ := route.GetMethods()
		call, ok := strings.CutPrefix(path, "/api/support/conversations/{id}/")
		if ok && call != "read" && slices.Contains(methods, http.MethodPost) {
			assert.NotEmpty(t, acts[call], "%s is not tried", path)
		}
		return err
	}))
	for call, what := range acts {
		before := s.Log.String()
		v.post("/api/support/conversations/"+conversation+"/"+call, object{"client_id": "a-1", "body": "Good day."})
		line := strings.TrimPrefix(s.Log.String(), before)
		for _, part := range []string{"msg=act", "what=" + what, "by=sue", "on=" + conversation, "request_id=", "address=192.0.2.7"} {
			assert.Contains(t, line, part)
		}
		assert.Equal(t, 1, strings.Count(line, "\n"))
	}
	for _, secret := range []string{"correct horse", "Good day.", v.cookie()} {
		assert.NotContains(t, s.Log.String(), secret)
	}
}
