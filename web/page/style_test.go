package page_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/web/asset"
)

// hooks are classes without a style, by which scripts and tests find an element.
var hooks = []string{"message-time", "desk-list", "desk-beside", "gallery", "product-about", "product-form", "product-image"}

var classAttribute = regexp.MustCompile(`\bclass="([^"]*)"|\bclass=\{([^}]*)\}|\bClass: ("[^"]*")`)

// The builder of the style sheet leaves out what it sees in no page.
func TestStyles_HaveTheClassesOfThePages(t *testing.T) {
	files, err := filepath.Glob("*/*.templ")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, found := range classAttribute.FindAllStringSubmatch(string(source), -1) {
			classes := found[1]
			for _, literal := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(found[2]+found[3], -1) {
				classes += " " + literal[1]
			}
			checkStyled(t, file, classes)
		}
	}
}

// checkStyled holds that the style sheet has a rule for each of the classes.
func checkStyled(t testing.TB, where, classes string) {
	t.Helper()
	for _, class := range strings.Fields(classes) {
		assert.True(t, styled()[class] || slices.Contains(hooks, class), "%s: no style for the class %s (run: make build)", where, class)
	}
}

// styled are the classes that the style sheet has rules for.
var styled = sync.OnceValue(func() map[string]bool {
	r, err := http.NewRequest(http.MethodGet, home+asset.URL("app.css"), nil)
	if err != nil {
		panic(err)
	}
	w := httptest.NewRecorder()
	asset.Handler().ServeHTTP(w, r)
	classes := map[string]bool{}
	for _, found := range regexp.MustCompile(`\.(-?[a-zA-Z_][\w-]*)`).FindAllStringSubmatch(w.Body.String(), -1) {
		classes[found[1]] = true
	}
	return classes
})
