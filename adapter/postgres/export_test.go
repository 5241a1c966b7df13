package postgres

// Broaden makes texts broad that more than from products match, and their counts
// estimates from a sample.
func (s *Store) Broaden(from, sample int) { s.broadFrom, s.sampled = from, sample }
