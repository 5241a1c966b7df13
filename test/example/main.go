// Command example is the whole shop with a store of another team's: its wishlists last.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"eshop"
	"eshop/adapter/argon2"
	"eshop/adapter/demopay"
	"eshop/adapter/memory"
	"eshop/adapter/raster"
	"eshop/cmd/eshop/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	wishlists, err := OpenWishlists(ctx, cmp.Or(os.Getenv("WISHLISTS"), "wishlists.json"))
	must(err)
	passwords, err := argon2.New()
	must(err)
	store := memory.NewStore()
	shop, err := eshop.New(eshop.Stores{
		Products: store, Stock: store, Catalog: store, Carts: store, Orders: store, Users: store, Sessions: store,
		Conversations: store, Contacts: store, Pictures: store, Limits: store, Events: store,
		Wishlists: wishlists, Payments: demopay.New(demopay.NewMemoryLedger(eshop.Now)),
	}, eshop.Options{
		SecretKey: []byte(rand.Text() + rand.Text()), Passwords: passwords, DecodeImage: raster.New().Decode,
	})
	must(err)
	filler := &demo.Loader{Products: store, Carts: store, Users: store, Orders: store, Passwords: passwords}
	must(filler.Load(ctx))

	go shop.Run(context.Background()) // until the last socket has left
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":"+cmp.Or(os.Getenv("PORT"), "8080"))
	must(err)
	server := &http.Server{Handler: shop.Handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Println("the shop opens on", listener.Addr())
	select {
	case err := <-failed:
		log.Fatal(err)
	case <-ctx.Done():
	}
	leaving, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	must(errors.Join(shop.Drain(leaving), server.Shutdown(leaving)))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
