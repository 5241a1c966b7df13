package ui

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"

	"github.com/a-h/templ"

	"eshop/web/problem"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Render sends the whole page or fails before a byte of it is sent.
func Render(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if err := c.Render(r.Context(), buffer); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	// Its end is told beforehand: a chunked answer ends with a write of its own, which a server that is killed does not make.
	h.Set("Content-Length", strconv.Itoa(buffer.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buffer.Bytes()) // whoever asked is gone if this fails
	return nil
}

// RenderForm answers with the page of a form: as it is, or with the status of what is wrong.
func RenderForm(w http.ResponseWriter, r *http.Request, prob problem.Problem, c templ.Component) error {
	if prob.Status == 0 {
		return Render(w, r, http.StatusOK, c)
	}
	problem.Log(r, prob, nil)
	prob.Head(w.Header())
	return Render(w, r, prob.StatusFor(r), c)
}
