package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestPictures(t *testing.T) {
	porttest.Pictures(t, func(t *testing.T) (a, b port.Pictures) { return openTwo(t) })
}
