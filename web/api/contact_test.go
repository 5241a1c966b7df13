package api_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop/domain"
	testshop "eshop/test/shop"
)

func letter() object {
	return object{"name": "Jane Smith", "email": "jane@example.com", "subject": "A lamp", "message": "Do you have it\nin birch?"}
}

// with is o with other members in place of its own.
func with(o, changes object) object {
	changed := maps.Clone(o)
	maps.Copy(changed, changes)
	return changed
}

func TestContact_KeepsTheMessage(t *testing.T) {
	s := open(t)
	v := s.visitor()
	kept := v.post("/api/contact", letter()).is(http.StatusCreated)
	id := kept.at("id").(string)
	assert.JSONEq(t, `{"id":"`+id+`"}`, kept.Body)
	assert.Equal(t, []domain.Contact{{
		ID: domain.ContactID(id), Name: "Jane Smith", Email: "jane@example.com", Subject: "A lamp",
		Message: "Do you have it\nin birch?", SentAt: testshop.Opened,
	}}, s.messages())
	assert.Empty(t, v.cookie(), "a message needs no session")

	t.Run("with the wish to be called back", func(t *testing.T) {
		v.post("/api/contact", with(letter(), object{"phone": "+1 503 555 0100", "call_back": true})).is(http.StatusCreated)
		assert.Equal(t, "+1 503 555 0100", s.messages()[0].Phone)
		assert.True(t, s.messages()[0].CallBack)
	})
}

func TestContact_ARepeatWithTheSameKeyIsKeptOnce(t *testing.T) {
	s := open(t)
	v := s.visitor()
	one := v.post("/api/contact", letter(), "Idempotency-Key", "letter-1").is(http.StatusCreated)
	again := v.post("/api/contact", letter(), "Idempotency-Key", "letter-1").is(http.StatusCreated)
	assert.JSONEq(t, one.Body, again.Body)
	assert.Len(t, s.messages(), 1)
	v.post("/api/contact", letter(), "Idempotency-Key", "letter-2").is(http.StatusCreated)
	assert.Len(t, s.messages(), 2)
}

func TestContact_SaysWhatIsWrong(t *testing.T) {
	s := open(t)
	v := s.visitor()
	for name, bad := range map[string]struct {
		change object
		fields []string
	}{
		"nothing filled in":      {object{"name": "", "email": "", "subject": " ", "message": "\n"}, []string{"name", "email", "subject", "message"}},
		"no address":             {object{"email": "jane"}, []string{"email"}},
		"two addresses":          {object{"email": "a@example.com, b@example.com"}, []string{"email"}},
		"a header in the name":   {object{"name": "Jane\r\nBcc: all@example.com"}, []string{"name"}},
		"a header in the topic":  {object{"subject": "Hello\nBcc: all@example.com"}, []string{"subject"}},
		"a header in the mail":   {object{"email": "jane@example.com\nBcc:all@example.com"}, []string{"email"}},
		"a name too long":        {object{"name": strings.Repeat("é", 101)}, []string{"name"}},
		"a topic too long":       {object{"subject": strings.Repeat("é", 201)}, []string{"subject"}},
		"a message too long":     {object{"message": strings.Repeat("é", 4001)}, []string{"message"}},
		"no telephone":           {object{"phone": "call me"}, []string{"phone"}},
		"a call back to nowhere": {object{"call_back": true}, []string{"phone"}},
	} {
		t.Run(name, func(t *testing.T) {
			v.post("/api/contact", with(letter(), bad.change)).faults(bad.fields...)
			assert.Empty(t, s.messages())
		})
	}
	t.Run("the longest is taken", func(*testing.T) {
		v.post("/api/contact", with(letter(), object{"name": strings.Repeat("é", 100), "message": strings.Repeat("é", 4000)})).is(http.StatusCreated)
	})
}

func TestContact_FiveAtOnceAndThenOneAMinute(t *testing.T) {
	s := open(t)
	for range 5 {
		s.visitor().post("/api/contact", letter()).is(http.StatusCreated)
	}
	late := s.visitor().post("/api/contact", letter()).fails(http.StatusTooManyRequests, "rate_limited")
	assert.Equal(t, "60", late.Header.Get("Retry-After"))
	assert.Len(t, s.messages(), 5)

	s.Wait(time.Minute)
	s.visitor().post("/api/contact", letter()).is(http.StatusCreated)
	s.visitor().post("/api/contact", letter()).fails(http.StatusTooManyRequests, "rate_limited")
}
