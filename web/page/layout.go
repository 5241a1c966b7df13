package page

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"eshop/domain"
	"eshop/web/problem"
)

// signInNext is where somebody who signs in from this page comes back to.
func (v view) signInNext() string {
	u, err := url.Parse(v.Path)
	if err != nil || u.Path == "/login" || u.Path == "/register" {
		return "/"
	}
	q := u.Query()
	q.Del("done")
	u.RawQuery = q.Encode()
	return u.String()
}

func (v view) isStaff() bool { return v.Visitor.User.Role == domain.Staff }

// hasBubble reports whether the page leads to the chat in its corner: all do that are not about one.
func (v view) hasBubble() bool {
	return v.Path != "/chat" && !strings.HasPrefix(v.Path, "/admin")
}

// dial is a telephone number as tel: links have it.
func dial(phone string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, phone)
}

func failureTitle(p problem.Problem) string {
	switch p.Status {
	case 401:
		return "Please sign in first"
	case 403:
		return "This is not for everybody"
	case 404:
		return "We looked everywhere"
	case 429:
		return "That was a lot at once"
	case 503:
		return "We will be right back"
	}
	if p.Status >= 500 {
		return "Something broke"
	}
	return "That did not work"
}

// sortedFields says what is wrong with each field, in the same order each time.
func sortedFields(fields map[string]string) []string {
	said := make([]string, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		said = append(said, sentence(strings.ReplaceAll(name, "_", " ")+" "+fields[name]))
	}
	return said
}
