package api_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	"eshop/web/problem"
)

// askWith is ask with headers.
func (s *shop) askWith(ctx context.Context, method, path string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	s.Handler.ServeHTTP(recorder, r)
	return recorder
}

func TestPicture(t *testing.T) {
	s := open(t, quick)
	content := []byte("<script>alert(1)</script> \x00\xff stores do not look, and neither may browsers")
	for kind, media := range map[domain.PictureType]string{domain.JPEG: "image/jpeg", domain.PNG: "image/png", domain.WebP: "image/webp"} {
		t.Run("a "+media+" is sent as what it is, to be kept for ever", func(t *testing.T) {
			p := domain.NewPicture(kind, content)
			require.NoError(t, s.Store.PutPicture(t.Context(), p))
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				got := s.ask(method, p.Name.URL())
				require.Equal(t, http.StatusOK, got.Code)
				if method == http.MethodGet {
					assert.Equal(t, content, got.Body.Bytes())
				} else {
					assert.Empty(t, got.Body.Bytes())
				}
				assert.Equal(t, media, got.Header().Get("Content-Type"))
				assert.Equal(t, strconv.Itoa(len(content)), got.Header().Get("Content-Length"))
				assert.Equal(t, "public, max-age=31536000, immutable", got.Header().Get("Cache-Control"))
				assert.Equal(t, "nosniff", got.Header().Get("X-Content-Type-Options"))
				assert.Contains(t, got.Header().Get("Content-Security-Policy"), "default-src 'self'")
				assert.Empty(t, got.Header().Values("Set-Cookie"))
				tag := got.Header().Get("ETag")
				require.NotEmpty(t, tag)

				for _, have := range []string{tag, `"other", ` + tag, "W/" + tag} {
					got = s.askWith(t.Context(), method, p.Name.URL(), "If-None-Match", have)
					assert.Equal(t, http.StatusNotModified, got.Code, have)
					assert.Empty(t, got.Body.Bytes())
					assert.Equal(t, tag, got.Header().Get("ETag"))
					assert.Contains(t, got.Header().Get("Cache-Control"), "immutable")
				}
				assert.Equal(t, http.StatusOK, s.askWith(t.Context(), method, p.Name.URL(), "If-None-Match", `"other"`).Code)
			}
			got := s.askWith(t.Context(), http.MethodGet, p.Name.URL(), "Range", "bytes=1-6")
			assert.Equal(t, http.StatusPartialContent, got.Code)
			assert.Equal(t, "script", got.Body.String())
		})
	}
	t.Run("what is not there is a page that says so, and is not kept", func(t *testing.T) {
		hash := strings.Repeat("0f", 32)
		for _, path := range []string{
			"/media/p/" + hash + ".png", "/media/p/" + hash, "/media/p/" + hash + ".svg", "/media/p/" + strings.ToUpper(hash) + ".png",
			"/media/p/x.png", "/media/p/" + hash + ".png%0a", "/media/p/%00", "/media/p/" + strings.Repeat("a", 4000),
		} {
			got := s.ask(http.MethodGet, path)
			assert.Equal(t, http.StatusNotFound, got.Code, path)
			assert.Equal(t, "no-store", got.Header().Get("Cache-Control"), path)
			assert.NotContains(t, got.Header().Get("Content-Type"), "image", path)
		}
		assert.Contains(t, s.ask(http.MethodGet, "/media/p/"+hash+".png").Body.String(), "</html>")
	})
	t.Run("pictures of the shop's own are where they were", func(t *testing.T) {
		assert.Equal(t, http.StatusNotFound, s.ask(http.MethodGet, "/media/p").Code)
		assert.Equal(t, http.StatusNotFound, s.ask(http.MethodGet, "/media/never-was.svg").Code)
	})
}

// darkroom is a store of pictures that is away.
type darkroom struct{ port.Pictures }

func (darkroom) Picture(context.Context, domain.PictureName) (domain.Picture, error) {
	err := domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "the records are away")
	err.RetryAfter = 2 * time.Second
	return domain.Picture{}, err
}

func TestPicture_WhenTheStoreIsAway(t *testing.T) {
	s := open(t, quick, func(p *parts) { p.Pictures = darkroom{} })
	address := domain.NewPicture(domain.PNG, bytes.Repeat([]byte{1}, 9)).Name.URL()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		got := s.ask(method, address)
		assert.Equal(t, http.StatusServiceUnavailable, got.Code)
		assert.Equal(t, "2", got.Header().Get("Retry-After"))
		assert.Equal(t, "no-store", got.Header().Get("Cache-Control"))
		assert.Empty(t, got.Header().Get("ETag"))
	}
	assert.Equal(t, http.StatusBadGateway, s.askWith(problem.BehindBalancer(t.Context(), http.StatusBadGateway), http.MethodGet, address).Code,
		"a balancer asks another server, which may have it")
}
