package strictjson_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/web/problem"
	"eshop/web/strictjson"
)

var decoder = strictjson.Decoder{Name: "body", Malformed: problem.CodeMalformedBody}

// fuzzed has a field of each kind that requests have.
type fuzzed struct {
	Name    string `json:"name"`
	Note    string `json:"note" optional:"yes"`
	Count   int    `json:"count"`
	Call    bool   `json:"call" optional:"yes"`
	Address struct {
		City  string `json:"city"`
		Line2 string `json:"line2" optional:"yes"`
	} `json:"address"`
}

func FuzzDecode(f *testing.F) {
	const good = `{"name":"Jane","note":"a\nb","count":1,"call":true,"address":{"city":"Portland","line2":""}}`
	for _, body := range []string{
		good, strings.TrimSuffix(good, "}"), good + good, good + "\x00", "\xef\xbb\xbf" + good, strings.Replace(good, "Jane", "\xff", 1),
		strings.Replace(good, "Jane", `\u0000`, 1), strings.Replace(good, "Jane", `\ud83d\ude00`, 1), strings.Replace(good, "Jane", `\ud83d`, 1),
		strings.Replace(good, "Jane", `\\ud83d`, 1), strings.Replace(good, "Jane", `\ud83d\u0041`, 1), strings.Replace(good, "Jane", `\`, 1),
		strings.Replace(good, `"name"`, `"Name"`, 1), strings.Replace(good, `"name"`, `"\u006eame"`, 1),
		strings.Replace(good, "1", "-0", 1), strings.Replace(good, "1", "1e2", 1), strings.Replace(good, "1", "9223372036854775808", 1),
		strings.Replace(good, "1", "null", 1), strings.Replace(good, "true", "null", 1), strings.Replace(good, "true", "0", 1),
		`{"name":"a","name":"b"}`, `{"name":{"a":1,"a":2}}`, `{"address":{}}`, `{"address":[{}]}`, `{"":{"":[[],[{}]]}}`,
		"", " ", "null", "[]", `"\ud83d"`, "1e400", "{}", strings.Repeat("[", 40) + strings.Repeat("]", 40), strings.Repeat(`{"a":`, 40),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got fuzzed
		err := decoder.Decode(body, &got)
		if err != nil {
			p := problem.From(err)
			switch p.Code {
			case decoder.Malformed:
				assert.Equal(t, http.StatusBadRequest, p.Status)
			default:
				assert.Equal(t, domain.CodeValidationFailed, p.Code)
				assert.Equal(t, http.StatusUnprocessableEntity, p.Status)
				assert.NotEmpty(t, p.Fields)
				assert.True(t, json.Valid(body))
			}
			return
		}
		// What is taken means the same to every reader of JSON.
		var want fuzzed
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&want))
		assert.Equal(t, want, got)
		for _, text := range []string{got.Name, got.Note, got.Address.City, got.Address.Line2} {
			assert.NotContains(t, text, "\x00")
		}
	})
}
