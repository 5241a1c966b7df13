package near

import "eshop/port"

// SearchBytes returns how much the lists take that shoppers may ask for in any number.
func SearchBytes(c port.Catalog) int {
	s := c.(*Catalog).searches
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}
