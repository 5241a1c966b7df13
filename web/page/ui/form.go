package ui

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"eshop/domain"
	"eshop/web/problem"
)

// ReadForm reads a posted form. Text that cannot be kept is a failure.
func ReadForm(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, unreadable(err)
	}
	if err := checkText(r.PostForm); err != nil {
		return nil, err
	}
	return r.PostForm, nil
}

// ReadUpload is ReadForm for a form that may have a file called name; its content is nil when there is none.
// When problem.ErrTooLarge is the failure, the form has what came before the file.
func ReadUpload(r *http.Request, name string) (f url.Values, content []byte, err error) {
	parts, err := r.MultipartReader()
	if errors.Is(err, http.ErrNotMultipart) {
		f, err = ReadForm(r)
		return f, nil, err
	}
	f = url.Values{}
	for err == nil {
		var part *multipart.Part
		if part, err = parts.NextPart(); err != nil {
			break
		}
		var body []byte
		if body, err = io.ReadAll(part); err != nil {
			break
		}
		switch {
		case part.FormName() == name:
			content = body
		case part.FileName() == "":
			f.Add(part.FormName(), string(body))
		}
	}
	if err == io.EOF { //nolint:errorlint // wrapped, it is that of a form that was cut off
		err = nil
	} else {
		err = unreadable(err)
	}
	if dirty := checkText(f); dirty != nil {
		return nil, nil, dirty
	}
	return f, content, err
}

var errUnreadable = problem.Request{Status: http.StatusBadRequest, Code: problem.CodeMalformedBody, Text: "the form could not be read"}

// unreadable is what kept a form from being read.
func unreadable(err error) error {
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return problem.ErrTooLarge
	}
	return errUnreadable
}

// checkText fails on text that cannot be kept.
func checkText(f url.Values) error {
	for name, values := range f {
		if !domain.CleanText(name) {
			return errUnreadable
		}
		for _, value := range values {
			if !domain.CleanText(value) {
				return domain.InvalidFields(map[string]string{name: "has characters that cannot be used"})
			}
		}
	}
	return nil
}

// NewToken is the key of a form, by which a form that is sent twice is known.
func NewToken() string { return uuid.NewString() }

// keyFields are the names by which forms carry a key; "page" is of a form that has no need of
// one and names its page nevertheless.
var keyFields = []string{"token", "key", "client_id", "page"}

// FormState is the state of a form: what was typed into it and what is wrong with that.
type FormState struct {
	Typed   url.Values
	Problem problem.Problem // zero when nothing is wrong
}

// Fill returns f with what was typed into it and what is wrong with that.
func (s FormState) Fill(f FieldView) FieldView {
	if !f.Secret && f.Type != "password" {
		f.Value = s.Typed.Get(f.Name)
	}
	f.Error = s.Problem.Fields[f.Name]
	return f
}

// UserError returns the problem if the user can fix it in the form, else err.
func UserError(err error) (problem.Problem, error) {
	prob := problem.From(err)
	if prob.Status >= http.StatusInternalServerError {
		return problem.Problem{}, err
	}
	return prob, nil
}

// FoldFields moves the errors of fields into the detail, for pages without their inputs.
func FoldFields(prob problem.Problem) problem.Problem {
	if len(prob.Fields) > 0 {
		prob.Detail, prob.Fields = strings.Join(SortedFields(prob.Fields), " "), nil
	}
	return prob
}

const keyHeader = "Idempotency-Key"

// FormKey returns the key by which a form that is sent twice is known: what its field
// called name holds, or else the request's Idempotency-Key, which nginx gives to what
// has none; "" without either.
func FormKey(r *http.Request, f url.Values, name string) (domain.IdempotencyKey, error) {
	if key := f.Get(name); key != "" {
		return domain.ParseIdempotencyKey(name, key)
	}
	if keys := r.Header.Values(keyHeader); len(keys) > 0 {
		return domain.ParseIdempotencyKey(keyHeader, strings.Join(keys, ", ")) // a key has no space: one is given, or it fails
	}
	return "", nil
}
