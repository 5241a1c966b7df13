package cluster_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/adapter/postgres"
	"eshop/domain"
	"eshop/test/cluster"
)

// TestPictures are those that staff added: every server has them, and nginx keeps them.
func TestPictures(t *testing.T) {
	c := cluster.Start(t, 3)
	store, closeStore, err := postgres.Open(t.Context(), postgres.Config{URL: c.Postgres.URL})
	require.NoError(t, err)
	t.Cleanup(closeStore)
	var all []domain.Picture
	for n := range 6 {
		p := domain.NewPicture(domain.PNG, bytes.Repeat([]byte{byte(n), 0, 255}, 100_000))
		require.NoError(t, store.PutPicture(t.Context(), p))
		all = append(all, p)
	}
	look := func(p domain.Picture, query string) answer {
		got := ask(t, "GET", c.URL+p.Name.URL()+query, "")
		require.Equal(t, http.StatusOK, got.status)
		require.True(t, string(p.Content) == got.body, "it comes as it is kept")
		assert.Equal(t, "image/png", got.header.Get("Content-Type"))
		assert.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"))
		assert.Contains(t, got.header.Get("Cache-Control"), "immutable")
		return got
	}

	by := map[string]bool{}
	for _, p := range all[1:] {
		by[look(p, "").header.Get("X-Served-By")] = true
	}
	assert.Len(t, by, 3, "every server has what one was given")

	c.Postgres.Stop(t)
	for _, p := range all[1:] {
		tag := look(p, "").header.Get("ETag")
		look(p, "?whatever=is-asked-besides")
		assert.Equal(t, http.StatusNotModified, ask(t, "GET", c.URL+p.Name.URL(), "", "If-None-Match", tag).status)
		part := ask(t, "GET", c.URL+p.Name.URL(), "", "Range", "bytes=2-4")
		assert.Equal(t, http.StatusPartialContent, part.status)
		assert.Equal(t, string(p.Content[2:5]), part.body)
	}
	unseen := ask(t, "GET", c.URL+all[0].Name.URL(), "")
	assert.Equal(t, http.StatusServiceUnavailable, unseen.status)
	assert.NotEmpty(t, unseen.header.Get("Retry-After"))

	c.Postgres.Start(t)
	c.WaitWhole(t)
	look(all[0], "")
	assert.Equal(t, http.StatusNotFound, ask(t, "GET", c.URL+domain.NewPicture(domain.PNG, nil).Name.URL(), "").status)
}
