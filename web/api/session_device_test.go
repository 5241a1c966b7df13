package api_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	testshop "eshop/test/shop"
)

// from gives somebody who was never here and asks from an address.
func (s *shop) from(address string) *visitor {
	v := s.visitor()
	v.address = address + ":1234"
	return v
}

// storm tries wrong passwords for an account, 1,000 times from as many networks, by each of its names.
func (s *shop) storm(name string) {
	for n := range 1000 {
		login := name
		if n%2 == 1 {
			login = strings.ToUpper(name) + "@mail.example"
		}
		v := s.from(fmt.Sprintf("[2001:db8:%x::1]", n+1))
		status := v.post("/auth/login", object{"username": login, "password": "battery staple"}).Status
		if n < 100 {
			require.Equal(s.t, http.StatusUnauthorized, status, "%d", n)
		} else {
			require.Equal(s.t, http.StatusTooManyRequests, status, "by name and by e-mail address together, at %d", n)
		}
	}
}

func right(name string) object { return object{"username": name, "password": testshop.Password} }

func wrong(name string) object { return object{"username": name, "password": "battery staple"} }

func TestSignIn_StrangersLockNobodyOut(t *testing.T) {
	for name, role := range map[string]domain.Role{"jane": domain.Customer, "sue": domain.Staff} {
		t.Run(string(role), func(t *testing.T) {
			s := open(t, quick)
			s.AddAccount(name, role)
			phone := s.from("192.0.2.1")
			phone.post("/auth/login", right(name)).is(http.StatusOK)
			phone.post("/auth/logout", nil)
			s.Wait(time.Hour)
			s.storm(name)

			s.from("192.0.2.9").post("/auth/login", right(name)).fails(http.StatusTooManyRequests, "rate_limited")
			phone.address = "198.51.100.1:1234"
			phone.post("/auth/login", right(name)).is(http.StatusOK)
		})
	}
}

func TestSignIn_StrangersLockNobodyOutOfTheirAddress(t *testing.T) {
	s := open(t, quick)
	s.AddAccount("jane", domain.Customer)
	home := s.from("192.0.2.2")
	home.post("/auth/login", right("jane")).is(http.StatusOK)
	s.storm("jane")
	late := s.from("192.0.2.9").post("/auth/login", right("jane")).fails(http.StatusTooManyRequests, "rate_limited")
	assert.NotEmpty(t, late.Header.Get("Retry-After"))

	guesser := s.from("192.0.2.2")
	for range 10 {
		guesser.post("/auth/login", wrong("jane")).fails(http.StatusUnauthorized, "invalid_credentials")
	}
	guesser.post("/auth/login", right("jane")).fails(http.StatusTooManyRequests, "rate_limited")
	home.post("/auth/login", right("jane")).is(http.StatusOK)
	s.Wait(30 * time.Second)
	s.from("192.0.2.2").post("/auth/login", right("jane")).is(http.StatusOK)
}

func TestSignIn_GuessesOnAKnownDeviceAreLimitedToo(t *testing.T) {
	s := open(t, quick)
	s.AddAccount("jane", domain.Customer)
	v := s.from("192.0.2.1")
	v.post("/auth/login", right("jane")).is(http.StatusOK)
	v.post("/auth/logout", nil)
	for n := range 30 {
		v.address = fmt.Sprintf("198.51.100.%d:1234", n)
		a := v.post("/auth/login", wrong("jane"))
		if n < 10 {
			a.fails(http.StatusUnauthorized, "invalid_credentials")
		} else {
			a.fails(http.StatusTooManyRequests, "rate_limited")
		}
	}
	v.post("/auth/login", right("jane")).fails(http.StatusTooManyRequests, "rate_limited")
	other := s.from("192.0.2.7")
	other.post("/auth/login", right("jane")).is(http.StatusOK)
	s.Wait(30 * time.Second)
	v.post("/auth/login", right("jane")).is(http.StatusOK)
}

func TestSignIn_ADeviceIsKnownByWhatTheShopGave(t *testing.T) {
	s := open(t, quick)
	for _, name := range []string{"jane", "eve", "p1", "p2", "p3", "p4"} {
		s.AddAccount(name, domain.Customer)
	}
	mine, eves := s.from("192.0.2.1"), s.from("192.0.2.3")
	given := mine.post("/auth/login", right("jane")).is(http.StatusOK)
	mine.post("/auth/logout", nil)
	eves.post("/auth/login", right("eve")).is(http.StatusOK)
	s.storm("jane")
	var janes string
	for _, cookie := range (&http.Response{Header: given.Header}).Cookies() {
		if cookie.Name == "device" {
			janes = cookie.Value
			assert.True(t, cookie.HttpOnly)
			assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
			assert.NotContains(t, janes, "u-jane")
		}
	}
	require.NotEmpty(t, janes)
	t.Run("and not by what somebody made up", func(t *testing.T) {
		name, mac, _ := strings.Cut(janes, "~")
		for _, made := range []string{
			"", "x", "~", ".", "....", name, name + "~", "other~" + mac, name + "~" + strings.Repeat("0", 64), mac + "~" + name,
			strings.Repeat("a.", 10) + janes, strings.Repeat("a", 4000), strings.Repeat(".", 900), janes[:len(janes)-1], janes + "0",
		} {
			v := s.from("203.0.113.5")
			v.keepDevice(t, made)
			v.post("/auth/login", right("jane")).fails(http.StatusTooManyRequests, "rate_limited")
		}
		eves.post("/auth/login", right("jane")).fails(http.StatusTooManyRequests, "rate_limited")
	})
	t.Run("for all accounts of a family", func(*testing.T) {
		for _, name := range []string{"p1", "p2", "p3"} {
			mine.post("/auth/login", right(name)).is(http.StatusOK)
		}
		mine.address = "203.0.113.6:1234"
		mine.post("/auth/login", right("jane")).is(http.StatusOK)
		mine.post("/auth/logout", nil)
		mine.post("/auth/login", right("p4")).is(http.StatusOK)
		mine.post("/auth/login", right("jane")).is(http.StatusOK)
	})
}

// keepDevice makes the visitor's device one with these keys.
func (v *visitor) keepDevice(t *testing.T, keys string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	jar.SetCookies(shopURL, []*http.Cookie{{Name: "device", Value: keys}})
	v.client.Jar = jar
}
