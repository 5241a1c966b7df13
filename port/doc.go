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
package port
