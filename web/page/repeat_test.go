package page_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/domain"
	"eshop/port"
	"eshop/web/page"
)

// posts are the paths of all forms, as the table of routes has them.
func posts(t *testing.T) []string {
	t.Helper()
	r := mux.NewRouter()
	page.New(page.ShopInfo{}, nil, nil).Mount(r)
	var paths []string
	require.NoError(t, r.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		methods, err := route.GetMethods()
		if err != nil || methods[0] != http.MethodPost {
			return err
		}
		path, err := route.GetPathTemplate()
		paths = append(paths, path)
		return err
	}))
	return paths
}

// sending is a form, and who sends it where.
type sending struct {
	by   *browser
	path string
	form url.Values
}

// repeatable has a sending for each form of the shop.
var repeatable = map[string]func(s *shop) sending{
	"/wishlist/add": func(s *shop) sending {
		return sending{s.known(), "/wishlist/add", url.Values{"product_id": {"p-lamp"}}}
	},
	"/wishlist/remove": func(s *shop) sending {
		b := s.known()
		b.wish("p-lamp")
		return sending{b, "/wishlist/remove", b.get("/wishlist").form("/wishlist/remove")}
	},
	"/wishlist/move": func(s *shop) sending {
		b := s.known()
		b.wish("p-lamp")
		return sending{b, "/wishlist/move", b.get("/wishlist").form("/wishlist/move")}
	},
	"/cart/add": func(s *shop) sending {
		return sending{s.known(), "/cart/add", url.Values{"product_id": {"p-lamp"}, "quantity": {"2"}}}
	},
	"/cart/update": func(s *shop) sending {
		b := s.known()
		return sending{b, "/cart/update", with(b.get("/cart").form("/cart/update"), "quantity", "3")}
	},
	"/cart/remove": func(s *shop) sending {
		b := s.known()
		return sending{b, "/cart/remove", b.get("/cart").form("/cart/remove")}
	},
	"/checkout": func(s *shop) sending {
		b := s.known()
		return sending{b, "/checkout", b.checkoutForm()}
	},
	"/login": func(s *shop) sending {
		s.AddAccount("anna", domain.Customer)
		return sending{s.known(), "/login", url.Values{"username": {"anna"}, "password": {password}}}
	},
	"/register": func(s *shop) sending {
		return sending{s.known(), "/register", url.Values{"username": {"bert"}, "email": {"bert@mail.example"}, "password": {"a long and winding road"}}}
	},
	"/logout": func(s *shop) sending {
		s.AddAccount("anna", domain.Customer)
		return sending{s.signedIn("anna"), "/logout", url.Values{}}
	},
	"/account/name": func(s *shop) sending {
		return sending{s.staff(), "/account/name", url.Values{"display_name": {"Sam of the shop"}}}
	},
	"/account/password": func(s *shop) sending {
		s.AddAccount("anna", domain.Customer)
		return sending{s.signedIn("anna"), "/account/password", url.Values{"current": {password}, "new": {"a long and winding road"}}}
	},
	"/account/sessions": func(s *shop) sending {
		s.AddAccount("anna", domain.Customer)
		s.signedIn("anna")
		return sending{s.signedIn("anna"), "/account/sessions", url.Values{"session": {"others"}}}
	},
	"/contact": func(s *shop) sending {
		return sending{s.known(), "/contact", letter(url.Values{})}
	},
	"/chat": func(s *shop) sending {
		return sending{s.known(), "/chat", url.Values{"body": {"Does it pour?"}}}
	},
	"/admin/orders/{number}": func(s *shop) sending {
		b := s.known()
		path := "/admin" + b.buy()
		return sending{s.staff(), path, url.Values{"status": {"refunded"}}}
	},
	"/admin/orders/{number}/settle": func(s *shop) sending {
		return sending{s.staff(), "/admin/orders/" + s.pending() + "/settle", url.Values{}}
	},
	"/admin/products/new": func(s *shop) sending {
		b := s.staff()
		return sending{b, "/admin/products/new", b.mug()}
	},
	"/admin/products/{id}": func(s *shop) sending {
		return sending{s.staff(), "/admin/products/p-lamp", url.Values{"delta": {"10"}}}
	},
	"/admin/products/{id}/edit": func(s *shop) sending {
		b := s.staff()
		return sending{b, "/admin/products/p-lamp/edit", with(b.get("/admin/products/p-lamp").form("/admin/products/p-lamp/edit"), "price", "9.99")}
	},
	"/admin/products/{id}/remove": func(s *shop) sending {
		return sending{s.staff(), "/admin/products/p-desk/remove", url.Values{}}
	},
	"/admin/messages/{id}/done": func(s *shop) sending {
		s.visitor().post("/contact", letter(url.Values{})).leadsTo("/contact?done=sent")
		return sending{s.staff(), "/admin/messages/" + string(s.messages()[0].ID) + "/done", url.Values{}}
	},
	"/admin/chat/{id}": func(s *shop) sending {
		return sending{s.staff(), "/admin/chat/" + s.visitor().write("Hello?"), url.Values{"body": {"Yes?"}}}
	},
	"/admin/chat/{id}/{move:take|hand-back|close|reopen}": func(s *shop) sending {
		return sending{s.staff(), "/admin/chat/" + s.visitor().write("Hello?") + "/close", url.Values{}}
	},
}

// known is a visitor who has a cup in the cart.
func (s *shop) known() *browser {
	s.t.Helper()
	b := s.visitor()
	b.add(cup, 1)
	return b
}

// everything is all of the shop that a form may change, as who sent it sees it.
func (s *shop) everything(b *browser) map[string]any {
	s.t.Helper()
	found, err := s.Store.Search(context.Background(), domain.Query{Sort: domain.ByName, Page: domain.Page{Number: 1, Size: 100}})
	require.NoError(s.t, err)
	movements, err := s.Store.Movements(context.Background(), lamp.ID)
	require.NoError(s.t, err)
	var users []domain.User
	devices := 0
	for _, name := range []string{"anna", "sue"} {
		user, err := s.Store.UserByLogin(context.Background(), name)
		if err == nil {
			open, err := s.Store.SessionsOf(context.Background(), user.ID, time.Time{})
			require.NoError(s.t, err)
			users, devices = append(users, user), devices+len(open)
		}
	}
	var chats []domain.Message
	open, _, err := s.Store.Conversations(context.Background(), domain.ConversationOpen, domain.Page{Number: 1, Size: 100})
	require.NoError(s.t, err)
	for _, c := range open {
		messages, err := s.Store.Messages(context.Background(), c.ID, 0, 100)
		require.NoError(s.t, err)
		chats = append(chats, messages...)
	}
	return map[string]any{
		"products": found.Products, "movements": movements, "orders": s.Orders(), "messages": s.messages(), "open": len(open), "chats": chats,
		"users": users, "devices": devices, "cart": b.cart(), "wishes": b.wishes(), "signed in": strings.Contains(b.get("/").body, `action="/logout"`),
	}
}

// keyless is what is sent without the key of the form's own.
func keyless(s sending) sending {
	for _, name := range []string{"token", "key", "client_id"} {
		s.form.Del(name)
	}
	return s
}

func TestForms_SentTwiceWithOneKey(t *testing.T) {
	for _, route := range posts(t) {
		t.Run(route, func(t *testing.T) {
			prepare := repeatable[route]
			require.NotNil(t, prepare, "say in repeatable how this form is sent")
			s := open(t)
			form := keyless(prepare(s))
			before := s.everything(form.by)
			form.by.balancerKey = "two words"
			if form.by.post(form.path, form.form).status != http.StatusUnprocessableEntity {
				s = open(t) // what has no need of a key passes it over
				form = keyless(prepare(s))
				before = s.everything(form.by)
			}
			assert.Equal(t, before, s.everything(form.by), "a key that is none changes nothing")
			form.by.balancerKey = "4bf92f3577b34da6a3ce929d0e0e4736"
			first := form.by.post(form.path, form.form)
			require.Equal(t, http.StatusSeeOther, first.status, first.text())
			once := s.everything(form.by)
			assert.NotEqual(t, before, once, "it changes something")
			again := form.by.post(form.path, form.form)
			if route != "/register" { // nobody but a person repeats it, who is told that the name is taken
				assert.Equal(t, http.StatusSeeOther, again.status, again.text())
			}
			assert.Equal(t, once, s.everything(form.by))
		})
	}
}

// pending places an order whose server died before it asked for the payment, and returns its ID.
func (s *shop) pending() string {
	_, err := s.Store.UpdateCart(context.Background(), "guest:a", func(c *domain.Cart) error {
		c.Lines = []domain.Line{{ID: "1", Product: lamp.ID, Quantity: 1}}
		return nil
	})
	require.NoError(s.t, err)
	order, _, err := s.Store.PlaceOrder(context.Background(), port.Placement{Owner: "guest:a", Key: "k"},
		func(cart domain.Cart, products map[domain.ProductID]domain.Product) (domain.Order, error) {
			return domain.NewOrder(domain.Order{ID: "order-1", Owner: "guest:a"}, cart, products, domain.DefaultPricing())
		})
	require.NoError(s.t, err)
	return string(order.ID)
}
