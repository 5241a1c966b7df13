package staff

import (
	"net/http"

	"github.com/gorilla/mux"

	"eshop/domain"
	"eshop/web/page/ui"
)

// Messages lists the letters that shoppers sent.
func (p *Pages) Messages(w http.ResponseWriter, r *http.Request, v ui.View) error {
	query := r.URL.Query()
	page, err := ui.ListPage(query, rowsAPage)
	if err != nil {
		return err
	}
	messages, total, err := p.Shop.Contact.Messages(r.Context(), v.Visitor.User, page)
	if err != nil {
		return err
	}
	return ui.Render(w, r, http.StatusOK, messagesPage(v, messages, total, page, ui.ListLink("/admin/messages", query)))
}

// FinishMessage marks a letter as done.
func (p *Pages) FinishMessage(w http.ResponseWriter, r *http.Request, v ui.View) error {
	f, err := ui.ReadForm(r)
	if err != nil {
		return err
	}
	if err := p.Shop.Contact.Finish(r.Context(), v.Visitor.User, domain.ContactID(mux.Vars(r)["id"])); err != nil {
		return err
	}
	return ui.RedirectWithNotice(w, r, ui.ReturnPath(f, "/admin/messages"), "saved")
}
