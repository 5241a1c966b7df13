package page

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/problem"
)

const rowsAPage = 20

func (p *Pages) mountAdmin(r *mux.Router) {
	get := func(path string, h staffHandler) { r.Methods("GET", "HEAD").Path(path).Handler(p.staff(path, h)) }
	get("/admin", p.dashboard)
	get("/admin/orders", p.adminOrders)
	get("/admin/orders/{number}", p.adminOrder)
	get("/admin/products", p.adminProducts)
	get("/admin/products/new", p.newProduct)
	get("/admin/products/{id}", p.editProduct)
	get("/admin/messages", p.adminMessages)
	r.Methods("POST").Path("/admin/messages/{id}/done").Handler(p.staff("/admin/messages", p.finishMessage))
	r.Methods("POST").Path("/admin/orders/{number}").Handler(p.staff("/admin/orders", p.moveOrder))
	r.Methods("POST").Path("/admin/products/new").Handler(p.staff("/admin/products/new", p.addProduct))
	r.Methods("POST").Path("/admin/products/{id}/edit").Handler(p.staff("/admin/products", p.saveProduct))
	r.Methods("POST").Path("/admin/products/{id}/remove").Handler(p.staff("/admin/products", p.removeProduct))
	r.Methods("POST").Path("/admin/products/{id}").Handler(p.staff("/admin/products", p.changeProduct))
}

// staffHandler is a page for staff, who v's visitor is.
type staffHandler func(w http.ResponseWriter, r *http.Request, v view) error

// staff keeps everybody else out. Guests may sign in; a post that they sent is lost, and elsewhere is where they go on.
func (p *Pages) staff(elsewhere string, h staffHandler) http.Handler {
	return p.handle(func(w http.ResponseWriter, r *http.Request) error {
		v, err := p.view(r)
		if err != nil {
			return err
		}
		if !v.Visitor.SignedIn() {
			if r.Method == http.MethodPost {
				return toSignIn(w, r, elsewhere)
			}
			return toSignIn(w, r, v.Path)
		}
		if !v.isStaff() {
			return domain.ErrDenied.Errorf(domain.CodeForbidden, "only the shop's staff may see that")
		}
		return h(w, r, v)
	})
}

// statusCount is how many orders are in a state.
type statusCount struct {
	status domain.OrderStatus
	count  int
}

func (p *Pages) dashboard(w http.ResponseWriter, r *http.Request, v view) error {
	var counts []statusCount
	one := domain.Page{Number: 1, Size: 1}
	for _, status := range domain.OrderStatuses {
		_, n, err := p.shop.Fulfillment.Orders(r.Context(), v.Visitor.User, status, one)
		if err != nil {
			return err
		}
		counts = append(counts, statusCount{status, n})
	}
	found, err := p.shop.Catalog.Search(r.Context(), domain.Query{Page: one})
	if err != nil {
		return err
	}
	_, messages, err := p.shop.Contact.Messages(r.Context(), v.Visitor.User, one)
	if err != nil {
		return err
	}
	_, talks, err := p.shop.Chat.Conversations(r.Context(), v.Visitor.User, domain.ConversationOpen, one)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, dashboardPage(v, counts, found.Total, messages, talks))
}

func (p *Pages) adminOrders(w http.ResponseWriter, r *http.Request, v view) error {
	query := r.URL.Query()
	status := domain.OrderStatus(query.Get("status"))
	if status != "" && !slices.Contains(domain.OrderStatuses, status) {
		return domain.InvalidFields(map[string]string{"status": "must be a state of an order"})
	}
	list := ordersView{link: listLink("/admin/orders", query)}
	var err error
	if list.page, err = listPage(query, rowsAPage); err != nil {
		return err
	}
	list.orders, list.total, err = p.shop.Fulfillment.Orders(r.Context(), v.Visitor.User, status, list.page)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, adminOrdersPage(v, list, status))
}

func (p *Pages) adminOrder(w http.ResponseWriter, r *http.Request, v view) error {
	return p.showAdminOrder(w, r, v, problem.Problem{})
}

func (p *Pages) showAdminOrder(w http.ResponseWriter, r *http.Request, v view, what problem.Problem) error {
	order, err := p.shop.Fulfillment.Order(r.Context(), v.Visitor.User, domain.OrderNumber(mux.Vars(r)["number"]))
	if err != nil {
		return err
	}
	v.Path = adminOrderPath(order.Number)
	return again(w, r, what, adminOrderPage(v, order, what))
}

func (p *Pages) moveOrder(w http.ResponseWriter, r *http.Request, v view) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	number := domain.OrderNumber(mux.Vars(r)["number"])
	if _, err := p.shop.Fulfillment.Move(r.Context(), v.Visitor.User, number, domain.OrderStatus(f.Get("status"))); err != nil {
		what, err := mistake(err)
		if err != nil {
			return err
		}
		return p.showAdminOrder(w, r, v, unmarked(what))
	}
	return back(w, r, adminOrderPath(number), "saved")
}

func adminOrderPath(number domain.OrderNumber) string {
	return "/admin/orders/" + url.PathEscape(string(number))
}

// mayMoveTo are the states to which staff may bring an order; the others are the payment's to say.
func mayMoveTo(o domain.Order) []domain.OrderStatus {
	return slices.DeleteFunc(o.Status.Next(), func(s domain.OrderStatus) bool { return s == domain.Paid || s == domain.Cancelled })
}

// adminProductsView is a page of products to look after.
type adminProductsView struct {
	domain.Found
	text  string // that was searched for
	here  string // path and query of the list
	link  func(n int) string
	sheet                  // of the product that something is wrong with
	wrong domain.ProductID // whose sheet it is
}

// of is the sheet of a product.
func (a adminProductsView) of(id domain.ProductID) sheet {
	if id == a.wrong {
		return a.sheet
	}
	return sheet{}
}

func (p *Pages) adminProducts(w http.ResponseWriter, r *http.Request, v view) error {
	return p.showAdminProducts(w, r, v, r.URL.Query(), adminProductsView{})
}

func (p *Pages) showAdminProducts(w http.ResponseWriter, r *http.Request, v view, query url.Values, a adminProductsView) error {
	page, err := listPage(query, rowsAPage)
	if err != nil {
		return err
	}
	a.text, a.link = query.Get("q"), listLink("/admin/products", query)
	a.here = a.link(page.Number)
	a.Found, err = p.shop.Catalog.Search(r.Context(), domain.Query{Text: a.text, Sort: domain.ByName, Page: page})
	if err != nil {
		return err
	}
	v.Path = a.here
	return again(w, r, a.what, adminProductsPage(v, a))
}

// changeProduct sets a price or counts stock in or out, as the form has the one or the other.
func (p *Pages) changeProduct(w http.ResponseWriter, r *http.Request, v view) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	id, list := domain.ProductID(mux.Vars(r)["id"]), here(from(f, "/admin/products"))
	if f.Has("price") {
		err = p.setPrice(r, v, id, f.Get("price"))
	} else {
		err = p.changeStock(r, v, id, f.Get("delta"))
	}
	if err == nil {
		return back(w, r, list, "saved")
	}
	what, err := mistake(err)
	if err != nil {
		return err
	}
	if what.Fields == nil && f.Has("delta") {
		what.Fields = map[string]string{"delta": what.Detail}
	}
	at, err := url.Parse(list)
	if err != nil {
		return err
	}
	return p.showAdminProducts(w, r, v, at.Query(), adminProductsView{sheet: sheet{f, what}, wrong: id})
}

func (p *Pages) setPrice(r *http.Request, v view, id domain.ProductID, text string) error {
	price, err := parsePrice(text)
	if err != nil {
		return err
	}
	return p.shop.Inventory.SetPrice(r.Context(), v.Visitor.User, id, price)
}

func (p *Pages) changeStock(r *http.Request, v view, id domain.ProductID, text string) error {
	delta, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return domain.InvalidFields(map[string]string{"delta": "must be a whole number, like 10 or -3"})
	}
	_, err = p.shop.Inventory.ChangeStock(r.Context(), v.Visitor.User, id, delta)
	return err
}

func (p *Pages) adminMessages(w http.ResponseWriter, r *http.Request, v view) error {
	query := r.URL.Query()
	page, err := listPage(query, rowsAPage)
	if err != nil {
		return err
	}
	messages, total, err := p.shop.Contact.Messages(r.Context(), v.Visitor.User, page)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, messagesPage(v, messages, total, page, listLink("/admin/messages", query)))
}

func (p *Pages) finishMessage(w http.ResponseWriter, r *http.Request, v view) error {
	f, err := form(r)
	if err != nil {
		return err
	}
	if err := p.shop.Contact.Finish(r.Context(), v.Visitor.User, domain.ContactID(mux.Vars(r)["id"])); err != nil {
		return err
	}
	return back(w, r, from(f, "/admin/messages"), "saved")
}
