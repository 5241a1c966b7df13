package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"eshop/cmd/eshop/demo"
	"eshop/domain"
	"eshop/web/page"
)

const (
	// longestLine is several times what fits beside a logo, or into a footer's line.
	longestLine = 500
	// largestText is that of a long contract, which every server keeps in memory.
	largestText = 200_000
	// largestLogo is loaded with every first page.
	largestLogo = 300_000
	// never is a bound of free delivery that no order reaches.
	never = "never"
)

// logoTypes are what a logo may be, by the end of its file's name.
var logoTypes = map[string]string{".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}

// wrongShop says what cannot be said of the shop.
func (c config) wrongShop() []error {
	var wrong []error
	for _, setting := range []struct{ name, value string }{
		{"ESHOP_NAME", c.Name}, {"ESHOP_TAGLINE", c.Tagline}, {"ESHOP_ABOUT", c.About}, {"ESHOP_ADDRESS", c.Address}, {"ESHOP_PHONE", c.Phone},
		{"ESHOP_EMAIL", c.Email}, {"ESHOP_HOURS", c.Hours}, {"ESHOP_TAX_NOTE", c.TaxNote}, {"ESHOP_DELIVERY_TIME", c.DeliveryTime},
	} {
		if utf8.RuneCountInString(setting.value) > longestLine || !domain.CleanText(setting.value) || strings.ContainsAny(setting.value, "\r\n") {
			wrong = append(wrong, fmt.Errorf("%s must be one line of at most %d characters", setting.name, longestLine))
		}
	}
	if !c.currency().Valid() {
		wrong = append(wrong, fmt.Errorf("ESHOP_CURRENCY must be one of %v, each of which has a hundred minor units", domain.Currencies()))
	}
	for _, setting := range []struct{ name, value string }{{"ESHOP_DELIVERY_COST", c.DeliveryCost}, {"ESHOP_FREE_DELIVERY_FROM", strings.TrimPrefix(c.FreeDeliveryFrom, never)}} {
		if _, ok := minorUnits(setting.value); !ok && setting.value != "" {
			wrong = append(wrong, fmt.Errorf("%s must be a sum, like 4.99 or 50", setting.name))
		}
	}
	if err := c.readShopDir(new(page.ShopInfo)); err != nil {
		wrong = append(wrong, err)
	}
	return wrong
}

func (c config) currency() domain.Currency {
	return cmp.Or(domain.Currency(strings.ToUpper(strings.TrimSpace(c.Currency))), domain.USD)
}

// pricing is what the settings make of the shop's pricing. The bound of free delivery is
// domain.DefaultPricing's unless it is set, and then nobody is told of it.
func (c config) pricing() domain.Pricing {
	p := domain.DefaultPricing()
	p.Currency = c.currency()
	if cost, ok := minorUnits(c.DeliveryCost); ok {
		p.Delivery = cost
	}
	if from, ok := minorUnits(c.FreeDeliveryFrom); ok {
		p.FreeFrom = from
	} else if c.FreeDeliveryFrom == never {
		p.FreeFrom = domain.NeverFree
	}
	return p
}

// minorUnits reads a sum as operators write it: 4.99 or 50.
func minorUnits(text string) (amount int64, ok bool) {
	whole, part, point := strings.Cut(strings.TrimSpace(text), ".")
	if point && (part == "" || len(part) > 2) || len(whole) > 10 || strings.Trim(whole+part, "0123456789") != "" {
		return 0, false
	}
	amount, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
	return amount, err == nil && whole != ""
}

// shopInfo is what pages say of the shop: what is set, and of a demo all of it.
func shopInfo(c config) (page.ShopInfo, error) {
	var info page.ShopInfo
	if c.hasDemoData() {
		info = demo.Info()
	}
	info.Assets = c.AssetURL
	info.ServerName, info.Demo, info.Opening, info.TrialPayments = c.ServerName, c.hasDemoData(), c.Environment == production, true
	for _, text := range []struct {
		to  *string
		set string
	}{
		{&info.Name, c.Name}, {&info.Tagline, c.Tagline}, {&info.About, c.About}, {&info.Address, c.Address}, {&info.Phone, c.Phone},
		{&info.Email, c.Email}, {&info.Hours, c.Hours}, {&info.TaxNote, c.TaxNote}, {&info.DeliveryTime, c.DeliveryTime},
	} {
		*text.to = cmp.Or(strings.TrimSpace(text.set), *text.to)
	}
	if c.FreeDeliveryFrom != "" {
		info.PromiseFreeDelivery = c.FreeDeliveryFrom != never
	}
	return info, c.readShopDir(&info)
}

// readShopDir reads the logo and the texts of the folder that the settings name, if they name one.
// A file by another name is a mistake that its owner would not notice.
func (c config) readShopDir(info *page.ShopInfo) error {
	if c.ShopDir == "" {
		return nil
	}
	files, err := os.ReadDir(c.ShopDir)
	if err != nil {
		return fmt.Errorf("ESHOP_SHOP_DIR: %w", err)
	}
	texts := map[string]*string{"terms.txt": &info.Terms, "privacy.txt": &info.Privacy, "returns.txt": &info.Returns, "imprint.txt": &info.Imprint}
	var wrong []error
	logos := 0
	for _, file := range files {
		name := file.Name()
		if strings.HasPrefix(name, ".") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(c.ShopDir, name))
		extension := filepath.Ext(name)
		switch text := texts[name]; {
		case err != nil:
			wrong = append(wrong, err)
		case text != nil && (len(content) > largestText || !domain.CleanText(string(content))):
			wrong = append(wrong, fmt.Errorf("%s must be plain text in UTF-8 of at most %d kB", name, largestText/1000))
		case text != nil:
			*text = string(content)
		case strings.TrimSuffix(name, extension) == "logo" && logoTypes[extension] != "":
			if logos++; len(content) > largestLogo || !isPicture(content, logoTypes[extension]) {
				wrong = append(wrong, fmt.Errorf("%s must be a picture of that kind of at most %d kB", name, largestLogo/1000))
			}
			info.Logo = page.Logo{MediaType: logoTypes[extension], Content: content}
		default:
			wrong = append(wrong, fmt.Errorf("%s is no file that is looked for; these are logo.svg, .png, .jpg or .webp, terms.txt, privacy.txt, returns.txt and imprint.txt", name))
		}
	}
	if logos > 1 {
		wrong = append(wrong, errors.New("there is more than one logo"))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("ESHOP_SHOP_DIR: %w", errors.Join(wrong...))
	}
	return nil
}

// isPicture reports whether content looks like a picture of the type.
func isPicture(content []byte, mediaType string) bool {
	if mediaType == "image/svg+xml" {
		return bytes.Contains(content, []byte("<svg"))
	}
	return http.DetectContentType(content) == mediaType
}
