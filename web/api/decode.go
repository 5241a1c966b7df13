package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"eshop/domain"
	"eshop/web/problem"
)

const (
	maxBody     = 1 << 20
	maxDepth    = 32
	maxUnknown  = 20     // unknown names that one answer lists
	maxName     = 64     // bytes of an unknown name that are shown
	bodyField   = "body" // stands in fields for the body as a whole
	mustBeGiven = "must be given"
)

// decode reads the JSON object in the body of r into the struct that dst points
// to. The names are those of the struct's json tags and are told apart by case;
// what is not tagged optional must be given, and null counts as not given.
//
// What is not JSON fails as malformed. That includes a name given twice and half
// of a surrogate pair, which readers of JSON understand each in their own way.
// JSON of another shape fails by field, all of them at once, each under its
// dotted path.
func decode(w http.ResponseWriter, r *http.Request, dst any) error {
	if !sendsJSON(r.Header) {
		return problem.ErrContentType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return problem.ErrTooLarge
	}
	if err != nil || !utf8.Valid(body) || !json.Valid(body) || halfSurrogate(body) {
		return problem.ErrMalformed
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	value, err := read(d, maxDepth)
	if err != nil {
		return err
	}
	wrong := map[string]string{}
	fill(reflect.ValueOf(dst).Elem(), value, "", wrong)
	if len(wrong) > 0 {
		return domain.InvalidFields(wrong)
	}
	return nil
}

func sendsJSON(h http.Header) bool {
	types := h.Values("Content-Type")
	if len(types) != 1 {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != "application/json" {
		return false
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}

// read reads the next value of d, which is valid JSON. Arrays come back without
// what is in them: no request has any.
func read(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, problem.ErrMalformed
	}
	start, nested := token.(json.Delim)
	if !nested {
		return token, nil
	}
	if depth == 0 {
		return nil, malformed("the body is nested too deep")
	}
	members := map[string]any{}
	for d.More() {
		name := ""
		if start == '{' {
			token, err := d.Token()
			if err != nil {
				return nil, problem.ErrMalformed
			}
			name, _ = token.(string)
		}
		if _, twice := members[name]; twice {
			return nil, malformed("a name is given twice in one object")
		}
		member, err := read(d, depth-1)
		if err != nil {
			return nil, err
		}
		if start == '{' {
			members[name] = member
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, problem.ErrMalformed
	}
	if start == '[' {
		return []any{}, nil
	}
	return members, nil
}

func malformed(text string) error {
	err := problem.ErrMalformed
	err.Text = text
	return err
}

// fill puts value, which read returned, into dst, and notes in wrong what does not fit, by path.
func fill(dst reflect.Value, value any, path string, wrong map[string]string) {
	switch dst.Kind() {
	case reflect.Struct:
		members, ok := value.(map[string]any)
		if !ok {
			if path == "" {
				path = bodyField
			}
			wrong[path] = "must be an object"
			return
		}
		fillStruct(dst, members, path, wrong)
	case reflect.String:
		text, ok := value.(string)
		switch {
		case !ok:
			wrong[path] = "must be text"
		case !domain.CleanText(text):
			wrong[path] = "has characters that cannot be used"
		default:
			dst.SetString(text)
		}
	case reflect.Int:
		number, _ := value.(json.Number)
		n, err := strconv.Atoi(number.String())
		switch {
		case number == "" || strings.ContainsAny(number.String(), ".eE"):
			wrong[path] = "must be a whole number"
		case err != nil:
			wrong[path] = "is too large a number"
		default:
			dst.SetInt(int64(n))
		}
	case reflect.Bool:
		yes, ok := value.(bool)
		if !ok {
			wrong[path] = "must be true or false"
			return
		}
		dst.SetBool(yes)
	default:
		panic("no request has a " + dst.Kind().String())
	}
}

func fillStruct(dst reflect.Value, members map[string]any, path string, wrong map[string]string) {
	if path != "" {
		path += "."
	}
	for field := range dst.NumField() {
		tag := dst.Type().Field(field).Tag
		name := tag.Get("json")
		member := members[name]
		delete(members, name)
		switch {
		case member != nil:
			fill(dst.Field(field), member, path+name, wrong)
		case tag.Get("optional") == "":
			wrong[path+name] = mustBeGiven
		}
	}
	unknown := slices.Sorted(maps.Keys(members))
	for _, name := range unknown[:min(len(unknown), maxUnknown)] {
		if len(name) > maxName {
			name = strings.ToValidUTF8(name[:maxName], "") + "…"
		}
		wrong[path+name] = "is not known here"
	}
}

// halfSurrogate reports whether a string in the JSON text escapes one half of a
// UTF-16 surrogate pair, which stands for no character.
func halfSurrogate(body []byte) bool {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		if body[i] != 'u' {
			continue
		}
		unit := escaped(body[i:])
		i += 4
		switch {
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			low := rune(0)
			if bytes.HasPrefix(body[i+1:], []byte(`\u`)) {
				low = escaped(body[i+2:])
			}
			if low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 6
		}
	}
	return false
}

// escaped is the UTF-16 unit that the beginning of b, as u0041, stands for.
func escaped(b []byte) rune {
	n, _ := strconv.ParseUint(string(b[1:5]), 16, 16) // valid JSON has four hex digits there
	return rune(n)
}

const keyHeader = "Idempotency-Key"

// idempotencyKey is the caller's name for the call, by which a repeat is known; "" without one.
func idempotencyKey(r *http.Request) (domain.IdempotencyKey, error) {
	keys := r.Header.Values(keyHeader)
	if len(keys) == 0 {
		return "", nil
	}
	return domain.ParseIdempotencyKey(keyHeader, strings.Join(keys, ", ")) // a key has no space: one is given, or it fails
}

// query is the query of the address; one that cannot be read whole is not read in part.
func query(r *http.Request) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, domain.InvalidFields(map[string]string{"query": "cannot be read"})
	}
	return values, nil
}
