package asset

import (
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// Prefix is the address below which browsers find the shop's assets and pictures: that of a
// cache in front of the shop (CDN), which asks the shop for what it lacks. The zero value
// is the shop itself.
type Prefix struct{ url string }

var errPrefix = errors.New("must be an address like https://cdn.example/shop, of letters, digits and . _ ~ - alone")

// What a source of a content policy can name: no user, no address in brackets, no query, and no
// separator of the policy's own.
var (
	prefixHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	prefixPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*/?$`)
)

// ParsePrefix reads an absolute address of http or https. The empty text is the zero value.
func ParsePrefix(text string) (Prefix, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Prefix{}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(text, "?#@%") ||
		!prefixHost.MatchString(u.Host) || !prefixPath.MatchString(u.Path) {
		return Prefix{}, errPrefix // without what was typed, which may bear a password
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." { // browsers resolve these, policies do not
			return Prefix{}, errPrefix
		}
	}
	return Prefix{u.Scheme + "://" + strings.ToLower(u.Host) + strings.TrimSuffix(u.Path, "/")}, nil
}

// UnmarshalText is ParsePrefix for settings.
func (p *Prefix) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePrefix(string(text))
	return err
}

// String returns the address, "" for the shop itself.
func (p Prefix) String() string { return p.url }

// Secure reports whether nobody on the way can change what browsers find there.
func (p Prefix) Secure() bool { return !strings.HasPrefix(p.url, "http:") }

// Source is what a content policy names beside 'self', "" for the shop itself.
func (p Prefix) Source() string {
	if p.url == "" {
		return ""
	}
	return p.url + "/"
}

// At returns where browsers find what the shop itself has at path. A whole address stays as it is.
func (p Prefix) At(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return path
	}
	return p.url + path
}

// URL returns the address of the asset called name, such as app.css. The sprite of icons has
// none but the shop's own, as browsers take the target of an SVG use from nowhere else.
func (p Prefix) URL(name string) string { return p.At(URL(name)) }

// Integrity returns by what browsers tell that somebody else's copy of a script or style is
// the shop's, "" where they find the shop's own.
func (p Prefix) Integrity(name string) string {
	b, err := open()
	if err != nil || p.url == "" {
		return ""
	}
	return b.files[b.Assets[name]].integrity
}

func integrity(body []byte) string {
	sum := sha512.Sum384(body)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}
