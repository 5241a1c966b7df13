package page

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/a-h/templ"

	"eshop/domain"
	"eshop/web/problem"
)

// fieldView is one input of a form as it is shown.
type fieldView struct {
	Name         string
	Label        string
	Type         string // "" for text
	Value        string
	Error        string // what is wrong with the value, if anything
	Hint         string
	Class        string // of the box around it
	Autocomplete string
	InputMode    string
	Placeholder  string
	Max          int // characters; 0 for no bound
	Required     bool
	Secret       bool // what was typed is never sent back
	Focus        bool
	Rows         int      // of a textarea
	Options      []option // of a select
	Offers       []string // what a text may be completed to
	Accept       string   // of a file
	MaxBytes     int      // of a file
}

// option is one choice of a select.
type option struct{ Value, Text string }

func (f fieldView) id() string { return "field-" + strings.ReplaceAll(f.Name, ".", "-") }

func (f fieldView) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

// attributes are what an input, a textarea and a select have in common.
func (f fieldView) attributes() templ.Attributes {
	class := "form-control"
	if f.Options != nil {
		class = "form-select"
	}
	a := templ.Attributes{"id": f.id(), "name": f.Name, "required": f.Required, "autofocus": f.Focus}
	var described []string
	if f.Hint != "" {
		described = append(described, f.id()+"-hint")
	}
	if f.Error != "" {
		class += " is-invalid"
		described = append(described, f.id()+"-error")
		a["aria-invalid"] = "true"
	}
	a["class"] = class
	for name, value := range map[string]string{
		"accept": f.Accept, "autocomplete": f.Autocomplete, "inputmode": f.InputMode, "placeholder": f.Placeholder,
		"aria-describedby": strings.Join(described, " "),
	} {
		if value != "" {
			a[name] = value
		}
	}
	if f.MaxBytes > 0 {
		a["data-most"] = strconv.Itoa(f.MaxBytes)
	}
	if f.Offers != nil {
		a["list"] = f.id() + "-offers"
	}
	if f.Max > 0 {
		a["maxlength"] = strconv.Itoa(f.Max)
	}
	return a
}

// sheet is a form: what was typed into it and what is wrong with that.
type sheet struct {
	typed url.Values
	what  problem.Problem // zero when nothing is wrong
}

// fill is f with what was typed into it and what is wrong with that.
func (s sheet) fill(f fieldView) fieldView {
	if !f.Secret && f.Type != "password" {
		f.Value = s.typed.Get(f.Name)
	}
	f.Error = s.what.Fields[f.Name]
	return f
}

// mistake is the problem that err is when the one who sent a form can mend it there; other failures come back as they are.
func mistake(err error) (problem.Problem, error) {
	what := problem.From(err)
	if what.Status >= http.StatusInternalServerError {
		return problem.Problem{}, err
	}
	return what, nil
}

// again answers with the page of a form: as it is, or after a mistake with the mistake's status.
func again(w http.ResponseWriter, r *http.Request, what problem.Problem, c templ.Component) error {
	if what.Status == 0 {
		return render(w, r, http.StatusOK, c)
	}
	what.Head(w.Header())
	return render(w, r, what.StatusFor(r), c)
}

// unmarked is what for a page that has no input to say it beside: the detail says all.
func unmarked(what problem.Problem) problem.Problem {
	if len(what.Fields) > 0 {
		what.Detail, what.Fields = strings.Join(sortedFields(what.Fields), " "), nil
	}
	return what
}

// formKey returns the key by which a form that is sent twice is known; "" when the form has none.
func formKey(f url.Values, name string) (domain.IdempotencyKey, error) {
	return optionalKey(name, f.Get(name))
}

// requestKey returns the key that a balancer gives to each request. A server that was
// held up knows by it what another has done in its place.
func requestKey(r *http.Request) (domain.IdempotencyKey, error) {
	return optionalKey("Idempotency-Key", r.Header.Get("Idempotency-Key"))
}

func optionalKey(field, text string) (domain.IdempotencyKey, error) {
	if text == "" {
		return "", nil
	}
	return domain.ParseIdempotencyKey(field, text)
}

// listPage is the part of a list that an address asks for.
func listPage(query url.Values, size int) (domain.Page, error) {
	number := 1
	if text := query.Get("page"); text != "" {
		var err error
		if number, err = strconv.Atoi(text); err != nil || number < 1 {
			return domain.Page{}, domain.InvalidFields(map[string]string{"page": "must be the number of a page"})
		}
	}
	return domain.NewPage(number, size)
}

// listLink leads to page n of a list at path, with query's other parameters as they are.
func listLink(path string, query url.Values) func(n int) string {
	return func(n int) string {
		q := url.Values{}
		maps.Copy(q, query)
		q.Del("page")
		q.Del("done")
		if n > 1 {
			q.Set("page", strconv.Itoa(n))
		}
		return addressOf(path, q)
	}
}

func addressOf(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// sentence is text as one: with a capital letter and a full stop.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = strings.ToUpper(string(first)) + text[size:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// shortage says of how much of a product there is less than was asked for.
func shortage(name string, available int) string {
	switch {
	case name == domain.DiscontinuedProduct("").Name:
		return "Something in your cart is no longer sold."
	case available == 0:
		return name + " is sold out."
	}
	return fmt.Sprintf("Only %d of %s left.", available, name)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// from is the page that a form was on; elsewhere when the form does not say.
func from(f url.Values, elsewhere string) string {
	if path := f.Get("from"); path != "" {
		return path
	}
	return elsewhere
}

// parsePrice reads dollars and cents: 12, 12.9 or 12.99.
func parsePrice(text string) (domain.Money, error) {
	whole, part, point := strings.Cut(strings.TrimPrefix(strings.TrimSpace(text), "$"), ".")
	if !isDigits(whole, 1, 10) || point && !isDigits(part, 1, 2) {
		return domain.Money{}, domain.InvalidFields(map[string]string{"price": "must be dollars and cents, like 12.99"})
	}
	cents, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
	if err != nil {
		return domain.Money{}, err
	}
	return domain.Dollars(cents), nil
}

func isDigits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// centsText is a price as parsePrice reads it.
func centsText(m domain.Money) string { return fmt.Sprintf("%d.%02d", m.Amount/100, m.Amount%100) }

// paragraphs are the lines of a text that are not blank.
func paragraphs(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
}
