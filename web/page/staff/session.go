package staff

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"eshop/web/page/ui"
	"eshop/web/problem"
)

// confirmField is the password in a form that is sent again with it.
const confirmField = "confirm_password"

// confirmView is a form that waits for the password.
type confirmView struct {
	ui.FormState
	action  string
	picture bool // a picture came with it, which has to be chosen again
}

// hidden are the names of what was typed, in order.
func (c confirmView) hidden() []string {
	names := slices.Sorted(maps.Keys(c.Typed))
	return slices.DeleteFunc(names, func(name string) bool { return name == confirmField })
}

// confirmed reports whether one of the staff gave the password lately, or in the form. If
// not, it asks for it on a page that sends the form again, with all that was typed.
func (p *Pages) confirmed(w http.ResponseWriter, r *http.Request, v ui.View, f url.Values, picture []byte) (ok bool, err error) {
	if p.Shop.Account.Confirmed(v.Visitor) {
		return true, nil
	}
	var prob problem.Problem
	if f.Has(confirmField) {
		err := p.Shop.Account.Confirm(r.Context(), v.Visitor, f.Get(confirmField))
		if err == nil {
			f.Del(confirmField)
			return true, nil
		}
		if prob, err = ui.UserError(err); err != nil {
			return false, err
		}
		prob.Fields = map[string]string{confirmField: prob.Fields["password"]}
		if prob.Fields[confirmField] == "" {
			prob.Fields = nil
		}
		problem.Log(r, prob, nil)
		prob.Head(w.Header())
	}
	v.Path = "/admin"
	c := confirmView{ui.FormState{Typed: f, Problem: prob}, r.URL.Path, len(picture) > 0}
	status := http.StatusUnauthorized
	if prob.Status != 0 {
		status = prob.Status
	}
	return false, ui.Render(w, r, status, confirmPage(v, c))
}
