package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"eshop/domain"
	"eshop/web/problem"
	"eshop/web/strictjson"
)

const maxBody = 1 << 20

var requestBody = strictjson.Decoder{Name: "body", Malformed: problem.CodeMalformedBody}

// decode reads the JSON object in the body of r into the struct that dst points to.
func decode(w http.ResponseWriter, r *http.Request, dst any) error {
	if !sendsJSON(r.Header) {
		return problem.ErrContentType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return problem.ErrTooLarge
	}
	if err != nil {
		return problem.ErrMalformed
	}
	return requestBody.Decode(body, dst)
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
