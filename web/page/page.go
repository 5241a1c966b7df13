// Package page is the shop as pages: server-rendered templ components that work
// without JavaScript. A form posts and is answered by a redirect, or by the same
// page with what is wrong beside each field and all that was typed. This file has
// the routes; each folder has the handlers and templates of one area, and ui has
// what they share.
package page

import (
	"net/http"

	"github.com/gorilla/mux"

	"eshop/usecase"
	"eshop/web/page/account"
	"eshop/web/page/chat"
	"eshop/web/page/checkout"
	"eshop/web/page/shop"
	"eshop/web/page/staff"
	"eshop/web/page/ui"
	"eshop/web/session"
)

// ShopInfo is what every page says of the shop.
type ShopInfo = ui.ShopInfo

// Logo is a picture that stands before the shop's name.
type Logo = ui.Logo

// Pages answers browsers.
type Pages struct{ *ui.Site }

// New makes the pages of a shop.
func New(info ShopInfo, cookies *session.Cookies, shop *usecase.Shop) *Pages {
	return &Pages{&ui.Site{Info: info, Cookies: cookies, Shop: shop}}
}

// Mount gives r every page. What can be read with GET answers HEAD too.
func (p *Pages) Mount(r *mux.Router) {
	browse, buy, me, chats := &shop.Pages{Site: p.Site}, &checkout.Pages{Site: p.Site}, &account.Pages{Site: p.Site}, &chat.Pages{Site: p.Site}
	desk := &staff.Pages{Site: p.Site}
	only := desk.Only
	for _, route := range []struct {
		method, path string
		answer       ui.Handler
	}{
		{"GET", "/", browse.Home},
		{"GET", "/products", browse.Products},
		{"GET", "/products/{slug}", browse.Product},
		{"GET", "/search/suggest", browse.Suggest},
		{"GET", "/media/p/{name}", browse.Picture},
		{"GET", ui.LogoPath + "{hash}", browse.Logo},

		{"GET", "/terms", browse.OwnPage},
		{"GET", "/privacy", browse.OwnPage},
		{"GET", "/returns", browse.OwnPage},
		{"GET", "/imprint", browse.OwnPage},

		{"GET", "/wishlist", browse.Wishlist},
		{"POST", "/wishlist/add", browse.AddWish},
		{"POST", "/wishlist/remove", browse.RemoveWish},
		{"POST", "/wishlist/move", browse.MoveWish},

		{"GET", "/cart", buy.Cart},
		{"POST", "/cart/add", buy.AddToCart},
		{"POST", "/cart/update", buy.UpdateCart},
		{"POST", "/cart/remove", buy.RemoveFromCart},
		{"GET", "/checkout", buy.Checkout},
		{"POST", "/checkout", buy.Buy},

		{"GET", "/login", me.SignInForm},
		{"POST", "/login", me.SignIn},
		{"GET", "/register", me.RegisterForm},
		{"POST", "/register", me.Register},
		{"POST", "/logout", me.SignOut},
		{"GET", "/account", me.Account},
		{"POST", "/account/name", me.SetDisplayName},
		{"POST", "/account/password", me.ChangePassword},
		{"POST", "/account/sessions", me.EndSessions},
		{"GET", "/orders", me.Orders},
		{"GET", "/orders/{number}", me.Order},

		{"GET", "/contact", chats.ContactForm},
		{"POST", "/contact", chats.SendContact},
		{"GET", "/chat", chats.Chat},
		{"POST", "/chat", chats.Say},

		{"GET", "/admin", only(desk.Dashboard)},
		{"GET", "/admin/orders", only(desk.Orders)},
		{"GET", "/admin/orders/{number}", only(desk.Order)},
		{"POST", "/admin/orders/{number}", only(desk.MoveOrder)},
		{"POST", "/admin/orders/{number}/settle", only(desk.SettleOrder)},
		{"GET", "/admin/products", only(desk.Products)},
		{"GET", "/admin/products/new", only(desk.NewProduct)},
		{"POST", "/admin/products/new", only(desk.AddProduct)},
		{"GET", "/admin/products/{id}", only(desk.EditProduct)},
		{"POST", "/admin/products/{id}", only(desk.ChangeProduct)},
		{"POST", "/admin/products/{id}/edit", only(desk.SaveProduct)},
		{"POST", "/admin/products/{id}/remove", only(desk.RemoveProduct)},
		{"GET", "/admin/messages", only(desk.Messages)},
		{"POST", "/admin/messages/{id}/done", only(desk.FinishMessage)},
		{"GET", "/admin/chat", only(desk.Desk)},
		{"GET", "/admin/chat/{id}", only(desk.Conversation)},
		{"POST", "/admin/chat/{id}", only(desk.Answer)},
		{"POST", "/admin/chat/{id}/{move:take|hand-back|close|reopen}", only(desk.MoveConversation)},
	} {
		methods := []string{route.method}
		if route.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		r.Methods(methods...).Path(route.path).Handler(p.Handle(route.answer))
	}
}
