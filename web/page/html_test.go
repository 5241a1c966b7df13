package page_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// answer is what a visitor got: a page, or where to go on.
type answer struct {
	t        testing.TB
	status   int
	header   http.Header
	location string
	body     string
	doc      *html.Node // nil when it is no page
}

// leadsTo holds that the answer leads on to path of this shop.
func (a answer) leadsTo(path string) {
	a.t.Helper()
	require.Equal(a.t, http.StatusSeeOther, a.status, "%.3000s", a.text())
	require.Equal(a.t, path, a.location)
}

// is holds that the answer is a page with the status.
func (a answer) is(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "leads to %q; %.3000s", a.location, a.text())
	require.NotNil(a.t, a.doc)
	return a
}

// all are the elements that have the attribute.
func (a answer) all(attribute string) []*html.Node {
	return every(a.doc, func(n *html.Node) bool { return has(n, attribute) })
}

// of is the text of the first element with the attribute, "" when there is none.
func (a answer) of(attribute string) string {
	return textOf(first(a.doc, func(n *html.Node) bool { return has(n, attribute) }))
}

// value is the attribute of the first element that has it.
func (a answer) value(attribute string) string {
	return attr(first(a.doc, func(n *html.Node) bool { return has(n, attribute) }), attribute)
}

// text is all that the page says in its main part.
func (a answer) text() string {
	if a.doc == nil {
		return a.body
	}
	return textOf(first(a.doc, func(n *html.Node) bool { return n.Data == "main" }))
}

// form is what a browser would send of the form that leads to action and has the
// fields given, as names and values.
func (a answer) form(action string, fields ...string) url.Values {
	a.t.Helper()
	for _, node := range a.forms(action) {
		values := filled(node)
		matches := true
		for i := 0; i < len(fields); i += 2 {
			matches = matches && values.Get(fields[i]) == fields[i+1]
		}
		if matches {
			return values
		}
	}
	require.Failf(a.t, "no such form", "to %s with %v", action, fields)
	return nil
}

func (a answer) forms(action string) []*html.Node {
	return every(a.doc, func(n *html.Node) bool { return n.Data == "form" && attr(n, "action") == action })
}

// mistakes are what the page says is wrong, by the name of the input beside which it says so.
func (a answer) mistakes() map[string]string {
	a.t.Helper()
	said := map[string]string{}
	for _, n := range every(a.doc, isControl) {
		if !strings.Contains(" "+attr(n, "class")+" ", " is-invalid ") {
			assert.False(a.t, has(n, "aria-invalid"), attr(n, "name"))
			continue
		}
		assert.Equal(a.t, "true", attr(n, "aria-invalid"), attr(n, "name"))
		for _, id := range strings.Fields(attr(n, "aria-describedby")) {
			if strings.HasSuffix(id, "-error") {
				said[attr(n, "name")] = textOf(byID(a.doc, id))
			}
		}
		assert.NotEmpty(a.t, said[attr(n, "name")], "%s is marked and nothing says why", attr(n, "name"))
	}
	return said
}

// filled is what a browser would send of a form as it stands.
func filled(form *html.Node) url.Values {
	values := url.Values{}
	for _, n := range every(form, isControl) {
		name := attr(n, "name")
		switch {
		case name == "" || n.Data == "button" || (attr(n, "type") == "checkbox" || attr(n, "type") == "radio") && !has(n, "checked"):
		case n.Data == "textarea":
			values.Add(name, strings.ReplaceAll(rawText(n), "\n", "\r\n"))
		case n.Data == "select":
			options := every(n, func(o *html.Node) bool { return o.Data == "option" })
			chosen := slices.IndexFunc(options, func(o *html.Node) bool { return has(o, "selected") })
			values.Add(name, attr(options[max(0, chosen)], "value"))
		default:
			values.Add(name, attr(n, "value"))
		}
	}
	return values
}

// checkPage holds a page to what must be true of all.
func checkPage(t testing.TB, what string, a answer) {
	t.Helper()
	assert.True(t, utf8.ValidString(a.body), what)
	assert.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"), what)
	assert.NotEmpty(t, a.header.Get("Cache-Control"), what)
	if !strings.HasPrefix(strings.ToLower(a.body), "<!doctype html>") {
		return // a part of a page
	}
	ids, headings := map[string]bool{}, []string{}
	for _, n := range every(a.doc, func(*html.Node) bool { return true }) {
		for _, at := range n.Attr {
			assert.False(t, at.Key == "style" || strings.HasPrefix(at.Key, "on"), "%s: <%s %s> is inline", what, n.Data, at.Key)
			assert.False(t, strings.HasPrefix(strings.ToLower(strings.TrimSpace(at.Val)), "javascript:"), "%s: <%s %s=%s>", what, n.Data, at.Key, at.Val)
		}
		checkStyled(t, what, attr(n, "class"))
		if id := attr(n, "id"); has(n, "id") {
			assert.NotEmpty(t, id, what)
			assert.False(t, ids[id], "%s: two elements have the id %s", what, id)
			ids[id] = true
		}
		switch n.Data {
		case "style":
			assert.Fail(t, "inline style", what)
		case "script":
			assert.NotEmpty(t, attr(n, "src"), "%s: inline script", what)
			assert.Empty(t, strings.TrimSpace(rawText(n)), "%s: inline script", what)
		case "img":
			assert.True(t, has(n, "alt"), "%s: a picture without words", what)
		case "h1", "h2", "h3", "h4", "h5", "h6":
			if len(headings) > 0 {
				assert.LessOrEqual(t, n.Data[1], headings[len(headings)-1][1]+1, "%s: <%s> %s leaves a level out", what, n.Data, textOf(n))
			}
			headings = append(headings, n.Data)
			assert.NotEmpty(t, textOf(n), "%s: an empty heading", what)
		case "form":
			assert.True(t, strings.HasPrefix(attr(n, "action"), "/"), "%s: a form to %q", what, attr(n, "action"))
		case "a":
			assert.NotEmpty(t, attr(n, "href"), "%s: a link to nowhere: %s", what, textOf(n))
			assert.NotEmpty(t, nameOf(a.doc, n), "%s: a link without words to %s", what, attr(n, "href"))
		case "input", "select", "textarea", "button", "progress":
			assert.NotEmpty(t, nameOf(a.doc, n), "%s: no label for <%s name=%q id=%q>", what, n.Data, attr(n, "name"), attr(n, "id"))
		}
	}
	for _, attribute := range []string{"for", "aria-describedby", "aria-labelledby", "aria-controls"} {
		for _, n := range a.all(attribute) {
			for _, id := range strings.Fields(attr(n, attribute)) {
				assert.True(t, ids[id], "%s: <%s %s=%s> names nothing", what, n.Data, attribute, id)
			}
		}
	}
	assert.Equal(t, 1, strings.Count(strings.Join(headings, " "), "h1"), "%s: headings %v", what, headings)
	assert.NotEmpty(t, textOf(first(a.doc, func(n *html.Node) bool { return n.Data == "title" })), what)
	assert.Len(t, every(a.doc, func(n *html.Node) bool { return n.Data == "main" }), 1, what)
}

// nameOf is how an element is called to who cannot see it.
func nameOf(doc, n *html.Node) string {
	switch {
	case attr(n, "type") == "hidden" || attr(n, "aria-hidden") == "true" && attr(n, "tabindex") == "-1":
		return "not seen"
	case attr(n, "aria-label") != "":
		return attr(n, "aria-label")
	case attr(n, "aria-labelledby") != "":
		return textOf(byID(doc, attr(n, "aria-labelledby")))
	case n.Data == "a" || n.Data == "button":
		name := textOf(n)
		for _, img := range every(n, func(i *html.Node) bool { return i.Data == "img" }) {
			name += attr(img, "alt")
		}
		return name
	}
	return textOf(first(doc, func(l *html.Node) bool {
		return l.Data == "label" && attr(l, "for") != "" && attr(l, "for") == attr(n, "id")
	}))
}

func isControl(n *html.Node) bool {
	return n.Data == "input" || n.Data == "select" || n.Data == "textarea" || n.Data == "button"
}

// every are the elements under root for which is holds.
func every(root *html.Node, is func(*html.Node) bool) []*html.Node {
	var found []*html.Node
	if root == nil {
		return nil
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && is(n) {
			found = append(found, n)
		}
	}
	return found
}

func first(root *html.Node, is func(*html.Node) bool) *html.Node {
	if found := every(root, is); len(found) > 0 {
		return found[0]
	}
	return nil
}

func byID(doc *html.Node, id string) *html.Node {
	return first(doc, func(n *html.Node) bool { return attr(n, "id") == id })
}

func has(n *html.Node, name string) bool {
	return n != nil && slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attr(n *html.Node, name string) string {
	if n != nil {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
	}
	return ""
}

func rawText(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			text.WriteString(d.Data)
		}
	}
	return text.String()
}

// textOf is what an element says, with single spaces, one between any two elements.
func textOf(n *html.Node) string {
	if n == nil {
		return ""
	}
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(words, " ")
}
