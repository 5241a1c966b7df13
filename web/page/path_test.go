package page_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/web/page"
)

const (
	longestTarget = 4 << 10
	// longestHead is far below what nginx takes for the head of an answer.
	longestHead = 8 << 10
)

var variable = regexp.MustCompile(`\{[^}]*\}`)

// TestPages_BoundWhatComesBack sends every page what a client may send at most: the longest address, in
// letters that grow when they are written anew, and forms that say where to go on.
func TestPages_BoundWhatComesBack(t *testing.T) {
	s := open(t)
	s.AddAccount("admin", domain.Staff)
	guest, staff := s.visitor(), s.signedIn("admin")
	routes := mux.NewRouter()
	page.New(page.ShopInfo{}, nil, s.UseCases).Mount(routes)

	seen, redirects := 0, 0
	require.NoError(t, routes.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		template, err := route.GetPathTemplate()
		require.NoError(t, err)
		methods, err := route.GetMethods()
		require.NoError(t, err)
		for _, letter := range []string{"(", "%41", "%28", "%C3%A4", "/", "+", "%00"} {
			filled := func(room int) string { return strings.Repeat(letter, room/len(letter)) }
			bare := strings.ReplaceAll(template, "{move:take|hand-back|close|reopen}", "take")
			targets := []string{variable.ReplaceAllString(bare, "a") + "?from=1&next=/"}
			if variable.MatchString(bare) {
				targets = append(targets, variable.ReplaceAllLiteralString(bare, "\x00"))
			}
			for _, target := range targets {
				if before, after, ok := strings.Cut(target, "\x00"); ok {
					target = before + filled(longestTarget-len(target)) + after
				} else {
					target += filled(longestTarget - len(target))
				}
				// A form says where it was, in a body that is longer than any address.
				where := "/products?q=" + strings.Repeat(letter, 20_000)
				form := url.Values{"from": {where}, "next": {where}, "done": {where}, "username": {"admin"}, "password": {password}, "product_id": {"p-lamp"}, "quantity": {"1"}}
				for _, b := range []*browser{guest, staff} {
					seen++
					head, status := b.head(methods[0], target, form)
					assert.Less(t, len(head), longestHead, "%s %.80s…", methods[0], target)
					assert.Less(t, status, http.StatusInternalServerError, "%s %.80s…", methods[0], target)
					if status == http.StatusSeeOther {
						redirects++
					}
				}
			}
		}
		return nil
	}))
	assert.Greater(t, seen, 500)
	assert.Greater(t, redirects, 50, "some lead on")
}

// head is the head of the answer to a request as it would be sent, and its status.
func (b *browser) head(method, target string, form url.Values) (string, int) {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, "/", strings.NewReader(form.Encode()))
	r.RequestURI = target
	var err error
	r.URL, err = url.ParseRequestURI(target)
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie := b.session(); cookie != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	}
	w := httptest.NewRecorder()
	b.Handler.ServeHTTP(w, r)
	var head bytes.Buffer
	require.NoError(b.t, w.Result().Header.Write(&head))
	return head.String(), w.Code
}

func TestServer_RefusesALongAddress(t *testing.T) {
	s := open(t)
	for path, kind := range map[string]string{"/": "text/html; charset=utf-8", "/nothing": "text/html; charset=utf-8", "/api/products/": "application/problem+json"} {
		room := longestTarget - len(path+"?")
		fits, tooLong := s.visitor().do("GET", path+"?"+strings.Repeat("x", room), "", nil), s.visitor().do("GET", path+"?"+strings.Repeat("x", room+1), "", nil)
		assert.NotEqual(t, http.StatusRequestURITooLong, fits.status, path)
		assert.Equal(t, http.StatusRequestURITooLong, tooLong.status, path)
		assert.Equal(t, kind, tooLong.header.Get("Content-Type"), path)
	}
}
