package demo

import (
	"fmt"
	"strings"
	"time"

	"eshop/domain"
	"eshop/web/asset"
)

// Most is how many products there can be.
const Most = 1_000_000

// Size is how many products the demo shop has. More are more of the same kinds.
func Size() int { return len(catalog().turn) }

// Product is the i-th product, from 0 up to Most, the same every time.
func Product(i int) domain.Product {
	turn := catalog().turn
	p := turn[i%len(turn)]
	return p.kind.product(i/len(turn)*p.kind.share + p.ordinal)
}

// The times at which products were added.
var (
	firstAdded = time.Date(2024, time.January, 8, 7, 0, 0, 0, time.UTC)
	lastAdded  = time.Date(2026, time.September, 25, 18, 0, 0, 0, time.UTC)
)

// product is the n-th product of the kind.
func (k *kind) product(n int) domain.Product {
	combinations := k.combinations()
	at := (n%combinations*k.step + int(k.seed%uint64(combinations))) % combinations
	style := k.styles[at%len(k.styles)]
	model := k.models[at/len(k.styles)%len(k.models)]
	maker := k.makers[n/combinations*block+at/len(k.styles)/len(k.models)]

	name := maker + " " + model + " " + style + " " + k.Noun
	if len(k.Titles[0]) > 0 {
		name = model + " by " + maker + ", " + style
	}
	d := dice(mix(k.seed + uint64(n)))
	p := domain.Product{
		ID:          k.id(n),
		Slug:        slugOf(name),
		Name:        name,
		Description: k.describe(&d, maker, model, style),
		Category:    k.in.Category,
		Subcategory: k.Category,
		Price:       domain.Dollars(price(&d, k.Price[0]*100, k.Price[1]*100)),
		Images:      k.images(n, name),
	}
	minutes := int(lastAdded.Sub(firstAdded) / time.Minute)
	age := d.roll(minutes)
	p.AddedAt = lastAdded.Add(-time.Duration(age) * time.Minute)
	p.Stock = stock(&d, p.Price)
	// What was here longer was bought by more, and some are liked much more than others.
	liked := d.roll(100) * d.roll(100) * d.roll(100) / 10_000
	p.Sold = 2 + liked*12*(minutes/20+age)/minutes + d.roll(12)
	p.Rating.Count = p.Sold * (8 + d.roll(18)) / 100
	p.Rating.Sum = p.Rating.Count * (36 + d.roll(7) + d.roll(8)) / 10
	return p
}

func (k *kind) id(n int) domain.ProductID { return domain.ProductID(fmt.Sprintf("%s-%05d", k.Slug, n)) }

// describe writes two to four sentences.
func (k *kind) describe(d *dice, maker, model, style string) string {
	names := strings.NewReplacer("{maker}", maker, "{model}", model, "{use}", d.of(k.Uses))
	sentences := []string{names.Replace(d.of(k.in.Openings)), k.Styles[style]}
	switch fact, closing := d.of(k.Facts), d.of(k.in.Closings); d.roll(5) {
	case 0:
	case 1, 2:
		sentences = append(sentences, fact)
	case 3:
		sentences = append(sentences, closing)
	case 4:
		sentences = append(sentences, fact, closing)
	}
	return strings.Join(sentences, " ")
}

// price is a price from least to most, in cents, more often low than high, and
// one that a shop would write on a label.
func price(d *dice, least, most int64) int64 {
	at := int64(d.roll(1000))
	cents := least + (most-least)*at*at*at/1_000_000_000
	switch {
	case cents < 20_00:
		return cents/100*100 + []int64{49, 90, 99}[d.roll(3)]
	case cents < 100_00:
		return cents/100*100 + []int64{0, 50, 90, 99}[d.roll(4)]
	case cents < 500_00:
		return cents/10_00*10_00 + []int64{4_90, 5_00, 9_00, 9_90}[d.roll(4)]
	}
	return cents/50_00*50_00 + []int64{29_00, 49_00, 49_90}[d.roll(3)]
}

// stock is how many there are: of some none, of some only a few.
func stock(d *dice, price domain.Money) int {
	switch roll := d.roll(100); {
	case roll < 4:
		return 0
	case roll < 14:
		return 1 + d.roll(5)
	case price.Amount < 100_00:
		return 12 + d.roll(240)
	}
	return 6 + d.roll(60)
}

// palettes and views are those of web/asset/pictures.mjs.
var (
	palettes = []string{"sand", "sky", "rose", "mint", "lilac"}
	views    = []string{" on a round plinth", " seen from close by", " on three plinths"}
)

// picturesOf are the pictures of the kind by palette, with what is to be said after the product's name.
func picturesOf(k *kind) [][]domain.Image {
	var all [][]domain.Image
	for _, palette := range palettes {
		var images []domain.Image
		for i, view := range views {
			if url, ok := asset.Picture(fmt.Sprintf("%s-%s-%d.svg", k.Slug, palette, i+1)); ok {
				images = append(images, domain.Image{URL: url, Alt: view})
			}
		}
		all = append(all, images)
	}
	return all
}

func (k *kind) images(n int, name string) []domain.Image {
	pictures := k.pictures[(int(k.seed%256)+n)%len(k.pictures)]
	images := make([]domain.Image, len(pictures))
	for i, picture := range pictures {
		images[i] = domain.Image{URL: picture.URL, Alt: name + picture.Alt}
	}
	return images
}

// slugOf is name as a part of an address.
func slugOf(name string) string {
	slug := make([]byte, 0, len(name))
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			slug = append(slug, byte(r))
		case r == '\'':
		case len(slug) > 0 && slug[len(slug)-1] != '-':
			slug = append(slug, '-')
		}
	}
	return strings.TrimSuffix(string(slug), "-")
}

// dice are thrown the same way every time.
type dice uint64

func (d *dice) roll(n int) int {
	*d = dice(mix(uint64(*d)))
	return int(uint64(*d) >> 1 % uint64(n))
}

func (d *dice) of(words []string) string { return words[d.roll(len(words))] }
