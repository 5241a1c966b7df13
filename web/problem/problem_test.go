package problem_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"eshop/domain"
	"eshop/web/problem"
)

func TestFrom_BareKind(t *testing.T) {
	for kind, want := range map[domain.Kind]struct {
		status int
		code   domain.Code
	}{
		domain.ErrInvalid:         {http.StatusUnprocessableEntity, domain.CodeValidationFailed},
		domain.ErrUnauthenticated: {http.StatusUnauthorized, domain.CodeUnauthenticated},
		domain.ErrDenied:          {http.StatusForbidden, domain.CodeForbidden},
		domain.ErrNotFound:        {http.StatusNotFound, domain.CodeNotFound},
		domain.ErrConflict:        {http.StatusConflict, domain.CodeConflict},
		domain.ErrDeclined:        {http.StatusPaymentRequired, domain.CodePaymentDeclined},
		domain.ErrLimited:         {http.StatusTooManyRequests, domain.CodeRateLimited},
		domain.ErrUnavailable:     {http.StatusServiceUnavailable, domain.CodeUnavailable},
	} {
		t.Run(string(kind)+" has its own status and code", func(t *testing.T) {
			for _, err := range []error{kind, fmt.Errorf("read the cart: %w", kind)} {
				p := problem.From(err)
				assert.Equal(t, want.status, p.Status)
				assert.Equal(t, want.code, p.Code)
				assert.Equal(t, string(kind), p.Detail)
			}
		})
	}
}
