package cluster_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"eshop/adapter/demopay"
	"eshop/test/cluster"
)

const (
	// usualMedian and usualLongest bound what shoppers wait who have nothing to do with the
	// trouble of others, each with the processors of a machine that others use too.
	usualMedian  = 100 * time.Millisecond
	usualLongest = 600 * time.Millisecond
	// patienceForCheckout is how long nginx waits for a purchase.
	patienceForCheckout = 6 * time.Second
)

// gatewayHangs lets two of three purchases hang at the gateway, each sent twice at once.
func (tr *trial) gatewayHangs(t *testing.T) {
	disabled := tr.Disabled(t)
	tr.people.Pay(true, demopay.HangsThenPays, "4242424242424242", demopay.HangsThenDenies)
	defer tr.people.Pay(false)
	report := tr.run(t, fault{name: "the payment gateway hangs, and purchases are sent twice", do: func(*testing.T) { shop(12) }})

	payers := report.Of(cluster.OfCheckout)
	pending := payers.Of(func(a cluster.Answer) bool { return a.Status == http.StatusAccepted })
	assert.Greater(t, len(pending.Answers), shoppers/3, "purchases whose payment is pending")
	longest := payers.Longest()
	assert.Less(t, longest.Took, patienceForCheckout, "nginx gave up on a purchase")
	others := tr.unmoved(t, report.Of(func(a cluster.Answer) bool { return !cluster.OfCheckout(a) }))
	assert.Equal(t, disabled, tr.Disabled(t), "servers that left the balancer")
	tr.note("gateway hangs: %d of %d purchases pending (202), the longest after %.2f s; %s",
		len(pending.Answers), len(payers.Answers), longest.Took.Seconds(), others)
}
