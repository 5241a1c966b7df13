package page

import "github.com/gorilla/mux"

func (p *Pages) mountBrowsing(*mux.Router) {}
