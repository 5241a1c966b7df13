package ui

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// FieldView is one input of a form as it is shown.
type FieldView struct {
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
	Options      []Option // of a select
	Offers       []string // what a text may be completed to
	Accept       string   // of a file
	MaxBytes     int      // of a file
}

// Option is one choice of a select.
type Option struct{ Value, Text string }

func (f FieldView) id() string { return "field-" + strings.ReplaceAll(f.Name, ".", "-") }

func (f FieldView) kind() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

// attributes are what an input, a textarea and a select have in common.
func (f FieldView) attributes() templ.Attributes {
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
