// Package port is what the use cases ask of the world, and the promise that each
// call keeps. An interface earns a place here when it has two answers and a
// suite in porttest.
//
// What holds for every method:
//
//   - One method is one transaction: all of it happens, or none.
//   - Any number of servers may call at once. What a call returned without an
//     error is seen by every later call on every server, a little later where a port
//     says so.
//   - What goes in and what comes out is the caller's own: no memory is shared.
//   - A context that is cancelled ends the call with an error and without an effect,
//     unless the effect had already happened.
//   - Errors have a domain.Kind. ErrUnavailable means that the store is away; the
//     effect of a write may then have happened or not, so a write that must not
//     happen twice carries the caller's id and may be sent again.
//
// # Which ports are one store
//
// Orders, Carts, Products and Stock are answered by one store. Placing an order
// reads the cart and its products, takes the stock with its movements, keeps the
// order and empties the cart in one transaction, and cancelling it undoes as much;
// put elsewhere, any of the four could be lost without the others. A porttest.Shop
// is such a store. It may stand behind decorators that cache, as long as a decorator
// of Orders tells that of Products what an order did to the stock.
//
// Every other port may be answered elsewhere, since nothing but the use cases joins
// it to the rest: Catalog by a search engine that follows Products.ChangedProducts;
// Users, Sessions, Wishlists, Contacts, Conversations and Pictures by any durable
// store; Payments by a gateway; Limits and Events by what is quick and may forget.
// Signing in moves a guest's cart, wishlist, orders and conversation by calls that
// may be repeated, not by a transaction.
//
// # A durable shop in one binary
//
// Nothing here needs more than one file under one writer, such as SQLite: no method
// hands out a transaction, and a func that a method runs within one must not call
// the store, so a single connection may write them one after another. Locks of rows
// and advisory locks are PostgreSQL's way to let writers pass each other; one writer
// needs neither, and its change feed is a counter that each write takes the next of
// (a rowid), for nothing commits out of order. Limits and Events then stay in
// memory: one process has nobody to share them with.
package port
