package asset_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/web/asset"
)

func TestParsePrefix(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "",
		" \n":                        "",
		"https://cdn.example":        "https://cdn.example",
		"https://cdn.example/":       "https://cdn.example",
		" https://cdn.example/shop/": "https://cdn.example/shop",
		"HTTPS://CDN.example/Shop":   "https://cdn.example/Shop",
		"http://localhost:9000/a/b":  "http://localhost:9000/a/b",
		"https://d-1.cdn.example:8443/eu-west/v1.2_~": "https://d-1.cdn.example:8443/eu-west/v1.2_~",
	} {
		got, err := asset.ParsePrefix(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got.String(), text)
	}
	for _, text := range []string{
		"cdn.example", "//cdn.example", "/shop", "ftp://cdn.example", "https:cdn.example", "https://", "https:///shop", "https://cdn.example?x=1", "https://cdn.example/?",
		"https://cdn.example/#top", "https://cdn.example#", "https://me:hidden@cdn.example", "https://cdn.example/a b", "https://cdn.example/;script-src", "https://cdn.example/,",
		"https://cdn.example/'self'", "https://cdn.example/%2e%2e", "https://cdn.example/a/../b", "https://cdn.example/./a", "https://cdn.example//a", "https://*.example",
		"https://[2001:db8::1]/", "https://cdn.example:port", "https://cdn.example:", "https://-cdn.example", "https://bücher.example", "https://cdn.example/\nx", "null", "*", "data:,x",
	} {
		got, err := asset.ParsePrefix(text)
		require.Error(t, err, text)
		assert.NotContains(t, err.Error(), "hidden")
		assert.Zero(t, got, text)
	}
}

func TestPrefix_At(t *testing.T) {
	prefix, err := asset.ParsePrefix("https://cdn.example/shop")
	require.NoError(t, err)
	assert.Equal(t, "https://cdn.example/shop/media/a.svg", prefix.At("/media/a.svg"))
	assert.Equal(t, "/media/a.svg", asset.Prefix{}.At("/media/a.svg"))
	for _, whole := range []string{"https://other.example/a.svg", "//other.example/a.svg", ""} {
		assert.Equal(t, whole, prefix.At(whole))
	}
}
