package api_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/test/contract"
)

// What the document has and package web answers, not this one.
var elsewhere = []string{"GET /health", "GET /ready", "GET /ws/chat", "GET /ws/support"}

func TestDocument_HasEveryCallAndNoOther(t *testing.T) {
	var documented, served []string
	for path, item := range document().Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	err := open(t).router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		require.NoError(t, err)
		methods, err := route.GetMethods()
		require.NoError(t, err)
		assert.Equal(t, slices.Contains(methods, http.MethodGet), slices.Contains(methods, http.MethodHead), "%s: GET and HEAD go together", path)
		if document().Paths.Value(path) == nil {
			path += "/" // the same without its last slash, of which the document says that it is
		}
		for _, method := range methods {
			if call := method + " " + path; method != http.MethodHead && !slices.Contains(served, call) {
				served = append(served, call)
			}
		}
		return nil
	})
	require.NoError(t, err)
	assert.ElementsMatch(t, documented, append(served, elsewhere...))
}

func TestDocument_IsServed(t *testing.T) {
	assert.Equal(t, "3.1.0", open(t).visitor().get("/api/openapi.json").is(http.StatusOK).at("openapi"))
}

func TestDocument_ListsEveryCode(t *testing.T) {
	// Each answer's own list of codes is part of the whole list, which says what each means.
	codes := document().Components.Schemas["Problem"].Value.Properties["code"].Value
	for _, code := range codes.Enum {
		assert.Contains(t, codes.Description, "`"+code.(string)+"`")
	}
}

func TestDocument_ExamplesAreRight(t *testing.T) {
	fits := func(example any, schema string) {
		if example != nil {
			assert.NoError(t, document().Fits(schema, example), schema)
		}
	}
	for name, schema := range document().Components.Schemas {
		for _, example := range schema.Value.Examples {
			fits(example, contract.Pointer("components", "schemas", name))
		}
	}
	for name, response := range document().Components.Responses {
		for media, content := range response.Value.Content {
			fits(content.Example, contract.Pointer("components", "responses", name, "content", media, "schema"))
		}
	}
	for path, item := range document().Paths.Map() {
		for method, operation := range item.Operations() {
			for status, response := range operation.Responses.Map() {
				for media, content := range response.Value.Content {
					fits(content.Example, contract.ResponseAt(path, method, status, response)+contract.Below("content", media, "schema"))
				}
			}
		}
	}
}

func TestDocs_IsAPage(t *testing.T) {
	page := open(t).visitor().get("/api/docs").is(http.StatusOK)
	assert.Equal(t, "text/html; charset=utf-8", page.Header.Get("Content-Type"))
	assert.Contains(t, page.Body, `<a href="/api/openapi.json">`)
	assert.Contains(t, page.Body, "Served by shop-1")
	assert.NotContains(t, page.Body, "<style")
	assert.Equal(t, strings.Count(page.Body, "<script"), strings.Count(page.Body, "<script src="), "no script stands in the page itself")
}

func TestEveryGETAnswersHEAD(t *testing.T) {
	s := open(t, quick)
	v := s.staff("jane")
	v.add(lamp, 1)
	conversation := v.say("m-1", "Hello?").at("message", "conversation").(string)
	order := v.buy(goodCard, "").is(http.StatusCreated).at("order", "id").(string)
	for path, item := range document().Paths.Map() {
		if item.Get == nil || slices.Contains(elsewhere, "GET "+path) {
			continue
		}
		path = strings.ReplaceAll(path, "/orders/{id}", "/orders/"+order)
		path = strings.ReplaceAll(path, "/conversations/{id}", "/conversations/"+conversation)
		path = strings.ReplaceAll(path, "{id}", lamp.Slug)
		v.send(http.MethodHead, path, nil).is(http.StatusOK)
		v.get(path).is(http.StatusOK)
		without := strings.TrimSuffix(path, "/")
		v.get(without).is(http.StatusOK)
	}
}

func TestDocument_NoticesDrift(t *testing.T) {
	const empty = `{"cart":{"items":[],"item_count":0,"subtotal":{"amount":0,"currency":"USD"}}}`
	for name, drift := range map[string]struct {
		status int
		header string // left out
		body   string
	}{
		"another status":   {http.StatusAccepted, "", empty},
		"a header less":    {http.StatusOK, "X-Served-By", empty},
		"another type":     {http.StatusOK, "Content-Type", empty},
		"a field more":     {http.StatusOK, "", strings.Replace(empty, `"items"`, `"more":1,"items"`, 1)},
		"a field less":     {http.StatusOK, "", strings.Replace(empty, `"item_count":0,`, "", 1)},
		"a field deep in":  {http.StatusOK, "", strings.Replace(empty, `"amount":0`, `"amount":0,"more":1`, 1)},
		"a float for cash": {http.StatusOK, "", strings.Replace(empty, `"amount":0`, `"amount":0.5`, 1)},
		"null for a list":  {http.StatusOK, "", strings.Replace(empty, `[]`, `null`, 1)},
		"an unknown code":  {http.StatusInternalServerError, "", `{"type":"about:blank","title":"","status":500,"detail":"","code":"new"}`},
		"a code elsewhere": {http.StatusInternalServerError, "", `{"type":"about:blank","title":"","status":500,"detail":"","code":"not_found"}`},
		"nothing":          {http.StatusOK, "", empty},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("Content-Type", "application/json")
			if drift.status >= 400 {
				w.Header().Set("Content-Type", "application/problem+json")
			}
			w.Header().Set("X-Request-ID", "request-1")
			w.Header().Set("X-Served-By", "test")
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Del(drift.header)
			w.WriteHeader(drift.status)
			_, _ = w.WriteString(drift.body)
			err := document().Hold(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/cart/", nil), nil, answerOf(w))
			if name == "nothing" {
				assert.NoError(t, err)
				return
			}
			assert.Error(t, err)
		})
	}
}
