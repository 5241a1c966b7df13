package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	testshop "eshop/test/shop"
)

func TestWishlist_IsFilledAndEmptied(t *testing.T) {
	s := open(t)
	v := s.visitor()
	assert.JSONEq(t, `{"items":[]}`, v.get("/api/wishlist/").is(http.StatusOK).Body)

	one := v.wish(lamp)
	wish := one.at("items", 0, "id").(string)
	lampWish := `{"id":"` + wish + `","product":` + lampJSON + `,"added_at":"2026-11-24T12:00:00Z"}`
	assert.JSONEq(t, `{"items":[`+lampWish+`]}`, one.Body)
	assert.Equal(t, "no-store", one.Header.Get("Cache-Control"))

	t.Run("adding twice changes nothing", func(t *testing.T) {
		s.Wait(time.Minute)
		assert.JSONEq(t, one.Body, v.wish(lamp).Body)
		assert.JSONEq(t, one.Body, v.post("/api/wishlist/add", object{"product_id": lamp.Slug}).is(http.StatusOK).Body)
	})
	t.Run("the newest comes first", func(t *testing.T) {
		two := v.wish(desk)
		assert.JSONEq(t, `{"items":[{"id":"`+two.at("items", 0, "id").(string)+`","product":`+deskJSON+`,"added_at":"2026-11-24T12:01:00Z"},`+
			lampWish+`]}`, two.Body)
		assert.JSONEq(t, two.Body, v.get("/api/wishlist/").is(http.StatusOK).Body)
	})
	t.Run("what is sold out may be wished for", func(*testing.T) { v.wish(rug) })
	t.Run("a wish is taken off", func(t *testing.T) {
		left := v.remove("/api/wishlist/remove/" + wish).is(http.StatusOK)
		assert.Len(t, left.at("items"), 2)
		assert.NotContains(t, left.Body, string(lamp.ID))
		v.remove("/api/wishlist/remove/"+wish).fails(http.StatusNotFound, "not_found")
	})
	t.Run("the same key again is answered as it was the first time", func(t *testing.T) {
		v := s.visitor()
		added := v.post("/api/wishlist/add", object{"product_id": lamp.ID}, "Idempotency-Key", "add-1").is(http.StatusOK)
		path := "/api/wishlist/remove/" + added.at("items", 0, "id").(string)
		for range 2 {
			assert.JSONEq(t, `{"items":[]}`, v.remove(path, "Idempotency-Key", "remove-1").is(http.StatusOK).Body)
			assert.JSONEq(t, `{"items":[]}`, v.post("/api/wishlist/add", object{"product_id": lamp.ID}, "Idempotency-Key", "add-1").is(http.StatusOK).Body,
				"what comes late does not undo what was done since")
		}
		v.remove(path).fails(http.StatusNotFound, "not_found")
		v.remove(path, "Idempotency-Key", "another").fails(http.StatusNotFound, "not_found")
	})
	t.Run("an unknown product is not there", func(*testing.T) {
		v.post("/api/wishlist/add", object{"product_id": "p-none"}).fails(http.StatusNotFound, "not_found")
	})
}

func TestWishlist_HoldsTwoHundredProducts(t *testing.T) {
	s := open(t)
	v := s.visitor()
	v.wish(lamp)
	_, err := s.Store.UpdateWishlist(context.Background(), s.owner(v), func(w *domain.Wishlist) error {
		for i := range domain.MaxWishlistItems - 1 {
			id := fmt.Sprintf("wish-%d", i)
			w.Items = append(w.Items, domain.WishlistItem{ID: domain.WishlistItemID(id), Product: domain.ProductID(id), AddedAt: testshop.Opened})
		}
		return nil
	})
	require.NoError(t, err)
	v.post("/api/wishlist/add", object{"product_id": desk.ID}).fails(http.StatusConflict, "wishlist_full")
	assert.Len(t, v.wish(lamp).at("items"), domain.MaxWishlistItems)
}

func TestWishlist_KeepsAWishWhoseProductVanished(t *testing.T) {
	s := open(t)
	v := s.visitor()
	wish := v.wish(lamp).at("items", 0, "id").(string)
	s.loseProducts(v)
	assert.JSONEq(t, `{"items":[{"id":"`+wish+`","product":`+goneJSON+`,"added_at":"2026-11-24T12:00:00Z"}]}`,
		v.get("/api/wishlist/").is(http.StatusOK).Body)
	v.post("/api/wishlist/add", object{"product_id": "p-gone"}).fails(http.StatusNotFound, "not_found")
	assert.JSONEq(t, `{"items":[]}`, v.remove("/api/wishlist/remove/"+wish).is(http.StatusOK).Body)
}

func TestWishlist_IsTheVisitorsOwn(t *testing.T) {
	s := open(t)
	jane, john := s.member("jane"), s.visitor()
	wish := jane.wish(lamp).at("items", 0, "id").(string)
	john.wish(desk)
	before := s.everything(jane)

	john.remove("/api/wishlist/remove/"+wish).fails(http.StatusNotFound, "not_found")
	s.visitor().remove("/api/wishlist/remove/"+wish).fails(http.StatusNotFound, "not_found")
	assert.NotContains(t, john.get("/api/wishlist/").Body, wish)
	assert.Equal(t, before, s.everything(jane))
}
