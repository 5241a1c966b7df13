// Package contract holds requests and answers of the JSON interface against its OpenAPI document.
package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Contract is an OpenAPI document, ready to hold requests and answers against. Its methods may be called at once. The
// schemas of OpenAPI 3.1 are JSON Schema 2020-12, so the document's own are compiled, once each: kin-openapi compiles
// one anew for each value.
type Contract struct {
	*openapi3.T
	router routers.Router

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer
}

// Answer is what a request got.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// New reads a document, and fails when it is none.
func New(content []byte) (*Contract, error) {
	doc, err := openapi3.NewLoader().LoadFromData(content)
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, err
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", whole); err != nil {
		return nil, err
	}
	return &Contract{T: doc, router: router, compiler: compiler, schemas: map[string]*jsonschema.Schema{}}, nil
}

// Fits says how a value breaks the schema at a pointer into the document.
func (c *Contract) Fits(schema string, value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	compiled := c.schemas[schema]
	if compiled == nil {
		var err error
		if compiled, err = c.compiler.Compile("openapi.json" + schema); err != nil {
			return err
		}
		c.schemas[schema] = compiled
	}
	return compiled.Validate(value)
}

// Pointer is the JSON pointer of what lies below names in the document, as a fragment.
func Pointer(names ...string) string { return "#" + Below(names...) }

// Below is what goes behind a pointer to lead to names below it.
func Below(names ...string) string {
	var path strings.Builder
	for _, name := range names {
		name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		path.WriteString("/" + url.PathEscape(name))
	}
	return path.String()
}

// ResponseAt is the pointer of what an operation answers with a status.
func ResponseAt(path, method, status string, response *openapi3.ResponseRef) string {
	if response.Ref != "" {
		return response.Ref
	}
	return Pointer("paths", path, strings.ToLower(method), "responses", status)
}

// Hold says how an answer breaks the document: when it is not in it, or when a
// request was taken that it forbids.
func (c *Contract) Hold(r *http.Request, body []byte, got Answer) error {
	r = r.Clone(context.Background())
	r.Body = io.NopCloser(bytes.NewReader(body))
	if c.Paths.Value(r.URL.Path) == nil && c.Paths.Value(r.URL.Path+"/") != nil {
		r.URL.Path += "/"
	}
	head := r.Method == http.MethodHead
	if head {
		r.Method = http.MethodGet
	}
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		return c.holdElsewhere(err, got)
	}
	if got.Status < 300 {
		err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{SkipSettingDefaults: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
		})
		if err != nil {
			return fmt.Errorf("the document forbids the request: %w", err)
		}
	}
	response := route.Operation.Responses.Status(got.Status)
	if response == nil {
		return fmt.Errorf("the document has no such status")
	}
	at := ResponseAt(route.Path, route.Method, strconv.Itoa(got.Status), response)
	if err := c.holdHeaders(at, response.Value, got.Header); err != nil {
		return err
	}
	if head {
		return nil
	}
	return c.holdBody(at, response.Value, got)
}

func (c *Contract) holdHeaders(at string, response *openapi3.Response, got http.Header) error {
	for name, header := range response.Headers {
		text := got.Get(name)
		if text == "" {
			if header.Value.Required {
				return fmt.Errorf("%s is missing", name)
			}
			continue
		}
		schema := header.Ref
		if schema == "" {
			schema = at + Below("headers", name)
		}
		var value any = text
		if header.Value.Schema.Value.Type.Is("integer") {
			value = json.Number(text)
		}
		if err := c.Fits(schema+"/schema", value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (c *Contract) holdBody(at string, response *openapi3.Response, got Answer) error {
	if len(response.Content) == 0 {
		if len(got.Body) > 0 {
			return fmt.Errorf("the document has no body there")
		}
		return nil
	}
	media, _, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	content := response.Content[media]
	if content == nil {
		return fmt.Errorf("the document has no %s there", media)
	}
	if content.Schema == nil {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(got.Body))
	if err != nil {
		return err
	}
	return c.Fits(at+Below("content", media, "schema"), value)
}

// holdElsewhere says how the answer to a call that is not in the document, for
// the reason why, breaks it all the same: it must be a problem as any other.
func (c *Contract) holdElsewhere(why error, got Answer) error {
	if got.Status != http.StatusNotFound && got.Status != http.StatusMethodNotAllowed {
		return why
	}
	for _, name := range []string{"X-Request-ID", "X-Served-By"} {
		if err := c.Fits(Pointer("components", "headers", name, "schema"), got.Header.Get(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return c.HoldProblem(got)
}

// HoldProblem says how an answer is not a problem as any other.
func (c *Contract) HoldProblem(got Answer) error {
	if media := got.Header.Get("Content-Type"); media != "application/problem+json" {
		return fmt.Errorf("the answer is %q", media)
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(got.Body))
	if err != nil {
		return err
	}
	return c.Fits(Pointer("components", "schemas", "Problem"), body)
}
