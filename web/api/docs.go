package api

import (
	"bytes"
	_ "embed" // the document and its page
	"html/template"
	"net/http"

	"eshop/web/asset"
)

//go:embed openapi.json
var openapi []byte

//go:embed docs.html
var docsHTML string

var (
	openapiTag = etag(openapi)
	docsPage   = template.Must(template.New("docs").Parse(docsHTML))
)

// document is what this interface promises, as OpenAPI.
func (a *API) document(w http.ResponseWriter, r *http.Request) error {
	return sendToAll(w, r, openapi, openapiTag)
}

// docs is the document as a page.
func (a *API) docs(w http.ResponseWriter, _ *http.Request) error {
	var page bytes.Buffer
	err := docsPage.Execute(&page, struct {
		Assets     asset.Prefix
		ServerName string
	}{a.assets, w.Header().Get("X-Served-By")})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(page.Bytes()) // whoever asked is gone if this fails
	return nil
}
