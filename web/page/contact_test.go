package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
)

// letter is what somebody types into the form of the contact page.
func letter(form url.Values, changes ...string) url.Values {
	return with(with(form, "name", "Ann Smith", "email", "ann@mail.example", "subject", "My lamp", "message", "It is dark."), changes...)
}

func TestContact(t *testing.T) {
	t.Run("a message", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		form := b.get("/contact").form("/contact")
		assert.False(t, form.Has("call_back"))
		b.post("/contact", letter(form, "message", "It is dark.\r\n\r\nVery.")).leadsTo("/contact?done=sent")
		assert.Equal(t, "Thank you. We have received your message.", b.get("/contact?done=sent").of("data-notice"))
		require.Len(t, s.messages(), 1)
		got := s.messages()[0]
		assert.Equal(t, "It is dark.\n\nVery.", got.Message)
		assert.Equal(t, "Ann Smith", got.Name)
		assert.False(t, got.CallBack)
		assert.False(t, b.hasSession(), "writing needs no session")
	})
	t.Run("to be called back", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		form := letter(b.get("/contact").form("/contact"), "call_back", "yes")
		a := b.post("/contact", form).is(http.StatusUnprocessableEntity)
		assert.Equal(t, map[string]string{"phone": "Must be given to be called back."}, a.mistakes())
		form = a.form("/contact")
		assert.Equal(t, "yes", form.Get("call_back"), "the tick stays")
		b.post("/contact", with(form, "phone", " +1 (555) 010-0200 ")).leadsTo("/contact?done=sent")
		require.Len(t, s.messages(), 1)
		assert.True(t, s.messages()[0].CallBack)
		assert.Equal(t, "+1 (555) 010-0200", s.messages()[0].Phone)
	})
	t.Run("a form that is sent twice is kept once", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		form := letter(b.get("/contact").form("/contact"))
		for range 2 {
			b.post("/contact", form).leadsTo("/contact?done=sent")
		}
		assert.Len(t, s.messages(), 1)
		b.post("/contact", letter(b.get("/contact").form("/contact"))).leadsTo("/contact?done=sent")
		assert.Len(t, s.messages(), 2, "the same words on a new page are a new message")
	})
	t.Run("who is signed in need not say who they are", func(t *testing.T) {
		s := open(t)
		s.AddAccount("anna", domain.Customer)
		form := s.signedIn("anna").get("/contact").form("/contact")
		assert.Equal(t, "anna", form.Get("name"))
		assert.Equal(t, "anna@mail.example", form.Get("email"))
	})
	t.Run("too often", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		for range 5 {
			b.post("/contact", letter(b.get("/contact").form("/contact"))).leadsTo("/contact?done=sent")
		}
		form := letter(b.get("/contact").form("/contact"), "message", "\nStill\n\n  dark.\n")
		a := b.post("/contact", form).is(http.StatusTooManyRequests)
		assert.Equal(t, "That was too often; wait a little and try again.", a.of("data-mistake"))
		assert.Equal(t, "60", a.header.Get("Retry-After"))
		assert.Len(t, s.messages(), 5)
		s.Wait(time.Minute)
		again := a.form("/contact")
		assert.Equal(t, "\r\nStill\r\n\r\n  dark.\r\n", again.Get("message"), "nothing typed is lost")
		b.post("/contact", again).leadsTo("/contact?done=sent")
	})
	const evil = `<script>alert("1")</script></textarea>`
	for name, c := range map[string]struct{ field, typed, says string }{
		"no name":                {"name", "", "Must be given."},
		"a name of two lines":    {"name", "Ann\nSmith", "Has characters that cannot be used."},
		"a long name":            {"name", strings.Repeat("n", 101), "Must have at most 100 characters."},
		"no address":             {"email", " ", "Must be given."},
		"what is no address":     {"email", evil, "Must be an e-mail address."},
		"no subject":             {"subject", "", "Must be given."},
		"a long subject":         {"subject", evil + strings.Repeat("s", 200), "Must have at most 200 characters."},
		"no message":             {"message", "\n \n", "Must be given."},
		"a long message":         {"message", evil + strings.Repeat("ü", 4000), "Must have at most 4000 characters."},
		"no telephone's number":  {"phone", evil, "Must be a telephone number."},
		"a short phone's number": {"phone", "12", "Must be a telephone number."},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			b := s.visitor()
			form := letter(b.get("/contact").form("/contact"), "phone", "+1 555 010 0200", c.field, c.typed)
			a := b.post("/contact", form).is(http.StatusUnprocessableEntity)
			assert.Equal(t, map[string]string{c.field: c.says}, a.mistakes())
			shown := a.form("/contact")
			for name := range form {
				assert.Equal(t, form.Get(name), strings.ReplaceAll(shown.Get(name), "\r", ""), name)
			}
			assert.NotContains(t, a.body, "<script>alert")
			assert.Empty(t, s.messages())
		})
	}
	t.Run("the longest message, with line breaks as browsers send them", func(t *testing.T) {
		s := open(t)
		b := s.visitor()
		message := strings.Repeat("line\r\n", 800)
		b.post("/contact", letter(b.get("/contact").form("/contact"), "message", message)).leadsTo("/contact?done=sent")
		assert.Len(t, s.messages(), 1)
	})
	t.Run("all at once", func(t *testing.T) {
		b := open(t).visitor()
		assert.Len(t, b.post("/contact", url.Values{"call_back": {"yes"}}).is(http.StatusUnprocessableEntity).mistakes(), 5)
	})
}
