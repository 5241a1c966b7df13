package api

import (
	"net/http"
	"net/url"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/usecase"
	"eshop/web/listing"
	"eshop/web/session"
)

func (a *API) buy(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Email           string      `json:"email" optional:"yes"`
		ShippingAddress addressJSON `json:"shipping_address"`
		Payment         struct {
			Method     string `json:"method"`
			CardNumber string `json:"card_number"`
			Expiry     string `json:"expiry"`
			CVC        string `json:"cvc"`
		} `json:"payment"`
		ExpectedTotal *moneyJSON `json:"expected_total" optional:"yes"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	pass, err := a.cookies.Begin(r, "")
	if err != nil {
		return err
	}
	if in.Email == "" {
		in.Email = pass.User.Email
	}
	order, placed, err := a.shop.Checkout.Buy(r.Context(), pass.Session.Owner(), key, domain.Purchase{
		Email: in.Email, ShippingAddress: domain.Address(in.ShippingAddress),
		Method: in.Payment.Method, Card: domain.NewCard(in.Payment.CardNumber, in.Payment.Expiry, in.Payment.CVC),
		ExpectedTotal: (*domain.Money)(in.ExpectedTotal), ClientAddress: session.ClientAddress(r), Guest: pass.Session.UnmergedGuest(),
	})
	if err != nil {
		return err
	}
	if err := a.cookies.Keep(w, r, pass); err != nil {
		return err
	}
	status := http.StatusOK
	switch {
	case order.Status == domain.Pending:
		status = http.StatusAccepted
		w.Header().Set("Location", "/api/checkout/orders/"+url.PathEscape(string(order.ID)))
	case placed:
		status = http.StatusCreated
	}
	return answer(w, status, map[string]orderJSON{"order": orderOf(order)})
}

func (a *API) orders(w http.ResponseWriter, r *http.Request, who usecase.Visitor) error {
	if !who.SignedIn() {
		return domain.SignInFirst()
	}
	values, err := query(r)
	if err != nil {
		return err
	}
	q, err := listing.Parse(url.Values{"page": values["page"], "per_page": values["per_page"]})
	if err != nil {
		return err
	}
	orders, total, err := a.shop.Checkout.Orders(r.Context(), who.Session.Owner(), q.Page)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, struct {
		Orders []orderJSON `json:"orders"`
		pageJSON
	}{each(orders, orderOf), page(q.Page, total)})
}

func (a *API) order(w http.ResponseWriter, r *http.Request, who usecase.Visitor) error {
	order, err := a.shop.Checkout.Order(r.Context(), who.Session.Owner(), domain.OrderID(mux.Vars(r)["id"]))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]orderJSON{"order": orderOf(order)})
}
