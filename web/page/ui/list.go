package ui

import (
	"maps"
	"net/url"
	"strconv"

	"eshop/domain"
)

// ListPage is the part of a list that an address asks for.
func ListPage(query url.Values, size int) (domain.Page, error) {
	number := 1
	if text := query.Get("page"); text != "" {
		var err error
		if number, err = strconv.Atoi(text); err != nil || number < 1 {
			return domain.Page{}, domain.InvalidFields(map[string]string{"page": "must be the number of a page"})
		}
	}
	return domain.NewPage(number, size)
}

// ListLink leads to page n of a list at path, with query's other parameters as they are.
func ListLink(path string, query url.Values) func(n int) string {
	return func(n int) string {
		q := url.Values{}
		maps.Copy(q, query)
		q.Del("page")
		q.Del("done")
		if n > 1 {
			q.Set("page", strconv.Itoa(n))
		}
		return AddressOf(path, q)
	}
}

// pageNumbers are the pages that a pager offers: the ends and those around n, 0 for a gap.
func pageNumbers(n, pages int) []int {
	var numbers []int
	for i := 1; i <= pages; i++ {
		near := i == 1 || i == pages || i >= n-1 && i <= n+1
		switch {
		case near:
			numbers = append(numbers, i)
		case len(numbers) > 0 && numbers[len(numbers)-1] != 0:
			numbers = append(numbers, 0)
		}
	}
	return numbers
}
