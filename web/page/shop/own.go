package shop

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"eshop/domain"
	"eshop/web/page/ui"
)

// OwnPage shows a page of the owner's own words, such as the terms.
func (p *Pages) OwnPage(w http.ResponseWriter, r *http.Request) error {
	page, ok := p.Info.OwnPage(r.URL.Path)
	if !ok {
		return domain.NotFound("page")
	}
	return ui.Render(w, r, http.StatusOK, ownPage(p.Browse(r), page))
}

// Logo answers with the shop's logo, whose address is another when it is another. A page of
// another server may name that of before, or of after a change: nobody is to keep this one for it.
func (p *Pages) Logo(w http.ResponseWriter, r *http.Request) error {
	logo := p.Info.Logo.URL()
	if logo == "" {
		return domain.NotFound("picture")
	}
	h := w.Header()
	h.Set("Content-Type", p.Info.Logo.MediaType)
	h.Set("Cache-Control", "no-store")
	if r.URL.Path == logo {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.Info.Logo.Content))
	return nil
}

// block is a part of a text: a heading, the items of a list, or a paragraph.
type block struct {
	heading, paragraph string
	items              []string
}

// blocksOf reads a plain text. An empty line ends a block; a block is a heading when it begins
// with "# ", and a list when each of its lines begins with "- ".
func blocksOf(text string) []block {
	var blocks []block
	for part := range strings.SplitSeq(domain.UnixLines(text), "\n\n") {
		part = strings.TrimSpace(part)
		if heading, ok := strings.CutPrefix(part, "# "); ok {
			first, rest, _ := strings.Cut(heading, "\n")
			blocks = append(blocks, block{heading: first})
			part = strings.TrimSpace(rest)
		}
		switch items := itemsOf(part); {
		case part == "":
		case items != nil:
			blocks = append(blocks, block{items: items})
		default:
			blocks = append(blocks, block{paragraph: part})
		}
	}
	return blocks
}

// itemsOf returns the items of a list, nil for what is none.
func itemsOf(text string) []string {
	var items []string
	for line := range strings.Lines(text) {
		item, ok := strings.CutPrefix(line, "- ")
		if !ok {
			return nil
		}
		items = append(items, strings.TrimSpace(item))
	}
	return items
}
