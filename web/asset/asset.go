// Package asset is what build.mjs made of Bootstrap, our own CSS and JavaScript and
// the pictures, inside the binary. Names bear a hash of what is in them, so that
// browsers keep them for ever and an old page never meets a new script.
package asset

import (
	"embed"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed all:dist
var dist embed.FS

// built is what build.mjs wrote down.
type built struct {
	Assets map[string]string // by plain name: the name with a hash
	Media  map[string]string // by name: a hash
	files  map[string]file   // by the name with a hash
}

// file is one asset, with its compressed forms by their encoding.
type file struct {
	kind      string
	integrity string
	bodies    map[string][]byte
}

var errNotBuilt = errors.New("the assets were not built; run: make build")

// encodings are the compressed forms, the smallest first.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

var open = sync.OnceValues(func() (built, error) {
	manifest, err := dist.ReadFile("dist/manifest.json")
	if err != nil {
		return built{}, errNotBuilt
	}
	var b built
	if err := json.Unmarshal(manifest, &b); err != nil {
		return built{}, errors.Join(errNotBuilt, err)
	}
	b.files = make(map[string]file, len(b.Assets))
	for _, hashed := range b.Assets {
		body, err := dist.ReadFile("dist/assets/" + hashed)
		if err != nil {
			return built{}, errors.Join(errNotBuilt, err)
		}
		f := file{mime.TypeByExtension(path.Ext(hashed)), integrity(body), map[string][]byte{"": body}}
		for _, e := range encodings {
			if packed, err := dist.ReadFile("dist/assets/" + hashed + e.suffix); err == nil {
				f.bodies[e.name] = packed
			}
		}
		b.files[hashed] = f
	}
	return b, nil
})

// Check says what to do when the assets were not built.
func Check() error {
	_, err := open()
	return err
}

// URL is the address within the shop of the asset called name, such as app.css.
func URL(name string) string {
	b, _ := open() // without assets Check says so at the start, and tests need none
	if hashed, ok := b.Assets[name]; ok {
		return "/assets/" + hashed
	}
	return "/assets/" + name
}

// Picture is the address of the picture called name, if there is one.
func Picture(name string) (string, bool) {
	b, _ := open()
	_, ok := b.Media[name]
	return "/media/" + name, ok
}

// Handler answers for /assets/.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/assets/")
		serve(w, r, name, "public, max-age=31536000, immutable")
	})
}

// Favicon answers for /favicon.ico, which some ask for whatever the page says.
func Favicon() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := open()
		serve(w, r, b.Assets["favicon.svg"], "public, max-age=86400")
	})
}

func serve(w http.ResponseWriter, r *http.Request, name, keep string) {
	if !readOnly(w, r) {
		return
	}
	b, err := open()
	f, ok := b.files[name]
	if err != nil || !ok {
		missing(w)
		return
	}
	encoding := accepted(r.Header.Get("Accept-Encoding"), f.bodies)
	body := f.bodies[encoding]
	h := w.Header()
	h.Set("Cache-Control", keep)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Access-Control-Allow-Origin", "*") // pages check the integrity of what another address answers
	tag := strconv.Quote(strings.TrimSuffix(name+"-"+encoding, "-"))
	h.Set("ETag", tag)
	if Matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // whoever asked is gone if this fails
	}
}

// Media answers for /media/, whose names stay while the pictures may change.
func Media() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !readOnly(w, r) {
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/media/")
		b, err := open()
		hash, ok := b.Media[name]
		if err != nil || !ok {
			missing(w)
			return
		}
		picture, err := dist.Open("dist/media/" + name)
		if err != nil {
			missing(w)
			return
		}
		defer func() { _ = picture.Close() }()
		body, ok := picture.(io.ReadSeeker)
		if !ok {
			missing(w)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=604800")
		w.Header().Set("ETag", strconv.Quote(hash))
		http.ServeContent(w, r, name, time.Time{}, body)
	})
}

func readOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "this address does not answer that method", http.StatusMethodNotAllowed)
	return false
}

func missing(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "there is nothing at this address", http.StatusNotFound)
}

// accepted is the best encoding of a body that the header allows, "" for none.
func accepted(header string, bodies map[string][]byte) string {
	for _, e := range encodings {
		if _, ok := bodies[e.name]; ok && allows(header, e.name) {
			return e.name
		}
	}
	return ""
}

func allows(header, encoding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), encoding) {
			continue
		}
		_, q, given := strings.Cut(strings.ReplaceAll(weight, " ", ""), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !given || err == nil && value > 0
	}
	return false
}

// Matches reports whether an If-None-Match header names tag, by its weak comparison (RFC 9110, 13.1.2).
func Matches(header, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == tag || part == "*" {
			return true
		}
	}
	return false
}
