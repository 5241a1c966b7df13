// Package strictjson reads the JSON objects that clients send, in calls and in frames, so that what is
// taken means the same to every reader of JSON. encoding/json takes names in any case and the last of two;
// encoding/json/v2 is as strict, and still an experiment in Go 1.26.
package strictjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"eshop/domain"
	"eshop/web/problem"
)

const (
	maxDepth   = 32
	maxUnknown = 20 // unknown names that one answer lists
	maxName    = 64 // bytes of an unknown name that are shown

	notJSON = "is not valid JSON in UTF-8"
)

// Decoder reads one sort of text.
type Decoder struct {
	Name      string      // of the text as a whole, in its failures
	Malformed domain.Code // of text that is not JSON
}

// Decode reads the JSON object in text into the struct that dst points to. The names are
// those of the struct's json tags and are told apart by case; what is not tagged optional
// must be given, and null counts as not given.
//
// What is not JSON fails as malformed, and leaves dst as it was. That includes a name given
// twice and half of a surrogate pair, which readers of JSON understand each in their own way.
// JSON of another shape fails by field, all of them at once, each under its dotted path, and
// fills the fields that fit.
func (d Decoder) Decode(text []byte, dst any) error {
	if !utf8.Valid(text) || !json.Valid(text) || halfSurrogate(text) {
		return d.malformed(notJSON)
	}
	tokens := json.NewDecoder(bytes.NewReader(text))
	tokens.UseNumber()
	value, err := d.read(tokens, maxDepth)
	if err != nil {
		return err
	}
	wrong := map[string]string{}
	d.fill(reflect.ValueOf(dst).Elem(), value, "", wrong)
	if len(wrong) > 0 {
		return domain.InvalidFields(wrong)
	}
	return nil
}

func (d Decoder) malformed(text string) error {
	return problem.Request{Status: http.StatusBadRequest, Code: d.Malformed, Text: "the " + d.Name + " " + text}
}

// read returns the next value of tokens, which are of valid JSON. Arrays come back without
// what is in them: no struct has any.
func (d Decoder) read(tokens *json.Decoder, depth int) (any, error) {
	token, err := tokens.Token()
	if err != nil {
		return nil, d.malformed(notJSON)
	}
	start, ok := token.(json.Delim)
	if !ok {
		return token, nil
	}
	if depth == 0 {
		return nil, d.malformed("is nested too deep")
	}
	members := map[string]any{}
	for tokens.More() {
		name := ""
		if start == '{' {
			token, err := tokens.Token()
			if err != nil {
				return nil, d.malformed(notJSON)
			}
			name, _ = token.(string)
		}
		if _, ok := members[name]; ok {
			return nil, d.malformed("gives a name twice in one object")
		}
		member, err := d.read(tokens, depth-1)
		if err != nil {
			return nil, err
		}
		if start == '{' {
			members[name] = member
		}
	}
	if _, err := tokens.Token(); err != nil {
		return nil, d.malformed(notJSON)
	}
	if start == '[' {
		return []any{}, nil
	}
	return members, nil
}

// fill puts value, which read returned, into dst, and notes in wrong what does not fit, by path.
func (d Decoder) fill(dst reflect.Value, value any, path string, wrong map[string]string) {
	switch dst.Kind() {
	case reflect.Pointer:
		dst.Set(reflect.New(dst.Type().Elem()))
		d.fill(dst.Elem(), value, path, wrong)
	case reflect.Struct:
		members, ok := value.(map[string]any)
		if !ok {
			wrong[cmp.Or(path, d.Name)] = "must be an object"
			return
		}
		d.fillStruct(dst, members, path, wrong)
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
	case reflect.Int, reflect.Int64:
		number, _ := value.(json.Number)
		n, err := strconv.ParseInt(number.String(), 10, 64)
		switch {
		case number == "" || strings.ContainsAny(number.String(), ".eE"):
			wrong[path] = "must be a whole number"
		case err != nil:
			wrong[path] = "is too large a number"
		default:
			dst.SetInt(n)
		}
	case reflect.Bool:
		yes, ok := value.(bool)
		if !ok {
			wrong[path] = "must be true or false"
			return
		}
		dst.SetBool(yes)
	default:
		panic("no struct has a " + dst.Kind().String())
	}
}

func (d Decoder) fillStruct(dst reflect.Value, members map[string]any, path string, wrong map[string]string) {
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
			d.fill(dst.Field(field), member, path+name, wrong)
		case tag.Get("optional") == "":
			wrong[path+name] = "must be given"
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
func halfSurrogate(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		i++
		if text[i] != 'u' {
			continue
		}
		unit := escaped(text[i:])
		i += 4
		switch {
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			low := rune(0)
			if bytes.HasPrefix(text[i+1:], []byte(`\u`)) {
				low = escaped(text[i+2:])
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
