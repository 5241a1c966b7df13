package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/web/page"
)

// folder is a folder with files, by name and content.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

const svg = `<svg xmlns="http://www.w3.org/2000/svg"/>`

func TestShopSettings(t *testing.T) {
	read := func(t *testing.T, environ ...string) (page.ShopInfo, domain.Pricing) {
		t.Helper()
		cfg, err := readConfig(env.ToMap(append(environ, "SERVER_NAME=one")))
		require.NoError(t, err)
		info, err := shopInfo(cfg)
		require.NoError(t, err)
		return info, cfg.pricing()
	}
	t.Run("of a shop whose owner has said nothing pages say nothing", func(t *testing.T) {
		info, pricing := read(t, "ESHOP_NAME=", "ESHOP_CURRENCY=", "ESHOP_DELIVERY_COST=", "ESHOP_FREE_DELIVERY_FROM=", "ESHOP_SHOP_DIR=")
		assert.Equal(t, page.ShopInfo{ServerName: "one", TrialPayments: true}, info)
		assert.Equal(t, domain.DefaultPricing(), pricing)
	})
	t.Run("a demo says all that can be said, but a logo, and what is set instead", func(t *testing.T) {
		info, _ := read(t, "ESHOP_DEMO=true", "ESHOP_NAME= Kettle & Co ", "ESHOP_FREE_DELIVERY_FROM=never")
		assert.Equal(t, "Kettle & Co", info.Name)
		assert.Equal(t, "support@eshop.com", info.Email)
		assert.False(t, info.PromiseFreeDelivery)
		info, _ = read(t, "ESHOP_DEMO=true")
		for field, value := range reflect.ValueOf(info).Fields() {
			if field.Name != "Logo" && field.Name != "Opening" && field.Name != "Assets" {
				assert.False(t, value.IsZero(), field.Name)
			}
		}
	})
	t.Run("what is set is what pages say and what delivery costs", func(t *testing.T) {
		info, pricing := read(t, "ESHOP_NAME=Kettle & Co", "ESHOP_TAX_NOTE=Prices include VAT.", "ESHOP_CURRENCY=eur", "ESHOP_DELIVERY_COST=7", "ESHOP_FREE_DELIVERY_FROM=99.5",
			"ESHOP_SHOP_DIR="+folder(t, map[string]string{"logo.svg": svg, "terms.txt": "Terms", "imprint.txt": "Us", ".DS_Store": "x"}))
		assert.Equal(t, page.ShopInfo{
			ServerName: "one", TrialPayments: true, Name: "Kettle & Co", TaxNote: "Prices include VAT.", PromiseFreeDelivery: true, Terms: "Terms", Imprint: "Us",
			Logo: page.Logo{MediaType: "image/svg+xml", Content: []byte(svg)},
		}, info)
		assert.Equal(t, domain.Pricing{Currency: "EUR", Delivery: 7_00, FreeFrom: 99_50}, pricing)
		_, pricing = read(t, "ESHOP_DELIVERY_COST=0", "ESHOP_FREE_DELIVERY_FROM=never")
		assert.Equal(t, domain.Pricing{Currency: domain.USD, Delivery: 0, FreeFrom: domain.NeverFree}, pricing)
	})
	for name, c := range map[string]struct{ environ, says []string }{
		"a currency that there is not":  {[]string{"ESHOP_CURRENCY=XYZ"}, []string{"ESHOP_CURRENCY must be one of [AUD"}},
		"one without cents":             {[]string{"ESHOP_CURRENCY=JPY"}, []string{"ESHOP_CURRENCY", "hundred"}},
		"sums that are none":            {[]string{"ESHOP_DELIVERY_COST=$5", "ESHOP_FREE_DELIVERY_FROM=-1"}, []string{"ESHOP_DELIVERY_COST", "ESHOP_FREE_DELIVERY_FROM"}},
		"a bound that is no word":       {[]string{"ESHOP_FREE_DELIVERY_FROM=nevermore"}, []string{"ESHOP_FREE_DELIVERY_FROM"}},
		"sums with a comma":             {[]string{"ESHOP_DELIVERY_COST=4,99", "ESHOP_FREE_DELIVERY_FROM=1.999"}, []string{"ESHOP_DELIVERY_COST", "ESHOP_FREE_DELIVERY_FROM"}},
		"texts of two lines":            {[]string{"ESHOP_NAME=a\nb", "ESHOP_HOURS=" + strings.Repeat("x", 501), "ESHOP_ABOUT=\xff"}, []string{"ESHOP_NAME", "ESHOP_HOURS", "ESHOP_ABOUT"}},
		"a folder that there is not":    {[]string{"ESHOP_SHOP_DIR=/nowhere"}, []string{"ESHOP_SHOP_DIR", "/nowhere"}},
		"a file that is not looked for": {[]string{"ESHOP_SHOP_DIR=" + folder(t, map[string]string{"agb.txt": "x"})}, []string{"agb.txt", "terms.txt"}},
		"files that are not what their names say": {
			[]string{"ESHOP_SHOP_DIR=" + folder(t, map[string]string{"logo.png": svg, "terms.txt": "a\x00b", "returns.txt": strings.Repeat("x", 200_001)})},
			[]string{"logo.png", "terms.txt", "returns.txt"},
		},
		"two logos": {[]string{"ESHOP_SHOP_DIR=" + folder(t, map[string]string{"logo.svg": svg, "logo.jpg": "\xff\xd8\xff\xe0"})}, []string{"more than one logo"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(env.ToMap(c.environ))
			require.Error(t, err)
			for _, says := range c.says {
				assert.Contains(t, err.Error(), says)
			}
		})
	}
}
