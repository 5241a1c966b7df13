package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"eshop/port"
	"eshop/usecase"
)

func TestRates(t *testing.T) {
	cfg, err := readConfig(nil)
	require.NoError(t, err)
	assert.Equal(t, usecase.DefaultRates(), cfg.rates(), "what a shop that says nothing of them has")

	cfg, err = readConfig(map[string]string{"ESHOP_RATE_CONTACT": "50/500ms", "ESHOP_SESSION_IDLE": "24h"})
	require.NoError(t, err)
	assert.Equal(t, port.Limit{Burst: 50, Every: 500 * time.Millisecond}, cfg.rates().Contact)
	assert.Equal(t, 24*time.Hour, cfg.SessionIdle)

	for _, wrong := range []string{"ten", "10", "10/", "/30s", "0/30s", "-1/30s", "10/0s", "10/2h", "10/30", "1000000/1s", "10/30s/1"} {
		_, err := readConfig(map[string]string{"ESHOP_RATE_CHAT": wrong})
		require.ErrorContains(t, err, "ESHOP_RATE_CHAT: must be a count", wrong)
	}
	_, err = readConfig(map[string]string{"ESHOP_SESSION_IDLE": "1m", "ESHOP_RATE_SIGN_IN": "x", "ESHOP_UPLOAD_SIZE": "9000"})
	require.ErrorContains(t, err, "ESHOP_UPLOAD_SIZE")
	require.ErrorContains(t, err, "ESHOP_SESSION_IDLE")
	require.ErrorContains(t, err, "ESHOP_RATE_SIGN_IN")
}
