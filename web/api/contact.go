package api

import (
	"net/http"

	"eshop/domain"
	"eshop/web/session"
)

func (a *API) contact(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name     string `json:"name"`
		Email    string `json:"email"`
		Subject  string `json:"subject"`
		Message  string `json:"message"`
		Phone    string `json:"phone" optional:"yes"`
		CallBack bool   `json:"call_back" optional:"yes"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	message := domain.Contact{
		Name: in.Name, Email: in.Email, Subject: in.Subject, Message: in.Message,
		Phone: in.Phone, CallBack: in.CallBack,
	}
	id, err := a.shop.Contact.Send(r.Context(), message, key, session.ClientAddress(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusCreated, map[string]domain.ContactID{"id": id})
}
