package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"eshop/port"
	"eshop/usecase"
)

// rate is a limit as operators write it: 10/30s is ten at once, and one more each 30 seconds.
type rate port.Limit

const (
	mostBurst  = 100_000
	leastEvery = time.Millisecond
	mostEvery  = time.Hour
)

// UnmarshalText reads a rate.
func (r *rate) UnmarshalText(text []byte) error {
	burst, every, _ := strings.Cut(strings.TrimSpace(string(text)), "/")
	n, countErr := strconv.Atoi(burst)
	d, timeErr := time.ParseDuration(every)
	if countErr != nil || timeErr != nil || n < 1 || n > mostBurst || d < leastEvery || d > mostEvery {
		return fmt.Errorf("must be a count from 1 to %d and a time from %v to %v, as 10/30s", mostBurst, leastEvery, mostEvery)
	}
	*r = rate{Burst: n, Every: d}
	return nil
}

func (r rate) String() string { return fmt.Sprintf("%d/%v", r.Burst, r.Every) }

func (c config) rates() usecase.Rates {
	return usecase.Rates{
		SignIn: port.Limit(c.SignInRate), Register: port.Limit(c.RegisterRate), Contact: port.Limit(c.ContactRate),
		Chat: port.Limit(c.ChatRate), Declined: port.Limit(c.DeclinedRate),
	}
}
