package postgres_test

import (
	"testing"

	"eshop/port"
	"eshop/port/porttest"
)

func TestPictures(t *testing.T) {
	t.Run("one server", func(t *testing.T) {
		porttest.Pictures(t, func(t *testing.T) port.Pictures { return open(t) })
	})
	t.Run("two servers", func(t *testing.T) {
		porttest.Pictures(t, func(t *testing.T) port.Pictures {
			a, b := openTwo(t)
			return porttest.PicturesInTurns(a, b)
		})
	})
}
