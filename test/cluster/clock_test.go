package cluster_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/demopay"
	"eshop/test/cluster"
)

// clocksWrong replaces the servers by some whose clocks are ten minutes ahead, a minute
// behind, and set back a minute while they serve.
func (tr *trial) clocksWrong(t *testing.T) {
	build := cluster.BuildWithClock(t)
	tr.people.Pay(true, "4242424242424242", "4242424242424242", demopay.HangsThenPays)
	defer tr.people.Pay(false)
	report := tr.run(t, fault{name: "clocks ten minutes ahead, a minute behind, and set back", do: func(t *testing.T) {
		for i, offset := range []string{"10m", "-1m", "0s"} {
			tr.Servers[i].Replace(t, build, "CLOCK_OFFSET", offset)
		}
		shop(4)
		tr.signOutHolds(t)
		tr.conversationIsInOrder(t)
		tr.limitsHold(t)
		for _, s := range tr.Servers {
			s.Signal(t, "SIGUSR1")
		}
		shop(4)
		tr.signOutHolds(t)
		tr.limitsHold(t)
	}})
	tr.note("clocks: the longest answer of the catalog %.2f s", report.Of(cluster.OfCatalog).Longest().Took.Seconds())
}

// signOutHolds signs in at each server, is known at all of them, and stays out after signing out at one.
func (tr *trial) signOutHolds(t *testing.T) {
	t.Helper()
	for i, s := range tr.Servers {
		in := ask(t, "POST", s.Direct()+"/auth/login", `{"username":"john_doe","password":"password123"}`, "Content-Type", "application/json")
		require.Equal(t, http.StatusOK, in.status, in.body)
		cookie := cookieOf(in)
		known := func() []int {
			var statuses []int
			for _, other := range tr.Servers {
				statuses = append(statuses, ask(t, "GET", other.Direct()+"/auth/current-user", "", "Cookie", cookie).status)
			}
			return statuses
		}
		assert.Equal(t, []int{200, 200, 200}, known(), "signed in at %s", s.Name)
		out := ask(t, "POST", tr.Servers[(i+1)%len(tr.Servers)].Direct()+"/auth/logout", "", "Cookie", cookie)
		require.Equal(t, http.StatusNoContent, out.status, out.body)
		assert.Eventually(t, func() bool { return assert.ObjectsAreEqual([]int{401, 401, 401}, known()) }, 10*time.Second, 100*time.Millisecond, "signed out")
		assert.Equal(t, []int{401, 401, 401}, known(), "the session came back")
	}
}

func cookieOf(a answer) string {
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return cookie
}

// conversationIsInOrder says something at one server after another.
func (tr *trial) conversationIsInOrder(t *testing.T) {
	t.Helper()
	cookie := ""
	for range 2 {
		for _, s := range tr.Servers {
			said := ask(t, "POST", s.Direct()+"/api/chat/messages", fmt.Sprintf(`{"client_id":%q,"body":"hello"}`, uuid.NewString()),
				"Content-Type", "application/json", "Cookie", cookie)
			require.Equal(t, http.StatusCreated, said.status, said.body)
			if cookie == "" {
				cookie = cookieOf(said)
			}
		}
	}
	for _, s := range tr.Servers {
		var got struct {
			Messages []struct {
				At time.Time `json:"at"`
			} `json:"messages"`
		}
		read := ask(t, "GET", s.Direct()+"/api/chat/messages", "", "Cookie", cookie)
		require.NoError(t, json.Unmarshal([]byte(read.body), &got), read.body)
		require.Len(t, got.Messages, 6)
		for i, m := range got.Messages[1:] {
			assert.False(t, m.At.Before(got.Messages[i].At), "message %d at %s is earlier than the one before", i+2, s.Name)
		}
	}
}

// limitsHold types wrong passwords at one server after another, and is told to wait as
// if all had one clock.
func (tr *trial) limitsHold(t *testing.T) {
	t.Helper()
	tr.limitsHoldWhile(t, func() {})
}

// limitsHoldWhile is limitsHold, with something else that happens between the last wrong
// password that is allowed and the first that is not.
func (tr *trial) limitsHoldWhile(t *testing.T, do func()) {
	t.Helper()
	const allowed, wait = 10, 30 // wrong passwords for a name from an address, and seconds until one more
	name, refused := "nobody_"+uuid.NewString()[:8], 0
	for i := range allowed + len(tr.Servers) {
		if i == allowed {
			do()
		}
		s := tr.Servers[i%len(tr.Servers)]
		got := ask(t, "POST", s.Direct()+"/auth/login", fmt.Sprintf(`{"username":%q,"password":"wrong password"}`, name), "Content-Type", "application/json")
		if got.status != http.StatusTooManyRequests {
			assert.Equal(t, http.StatusUnauthorized, got.status, got.body)
			continue
		}
		refused++
		seconds, err := strconv.Atoi(got.header.Get("Retry-After"))
		require.NoError(t, err)
		assert.LessOrEqual(t, seconds, wait+1, "%s says when to try again", s.Name)
	}
	assert.GreaterOrEqual(t, refused, 2, "of %d wrong passwords", allowed+len(tr.Servers))
}
