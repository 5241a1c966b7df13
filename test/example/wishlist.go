package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"eshop/domain"
	"eshop/port"
)

// Wishlists keeps wishlists in one JSON file on a local disk, which suits a small shop:
// each change writes all of it. Any number of processes may share the file.
//
// A writer locks the file's folder, because each write replaces the file. Readers need
// no lock: they see the file whole, before a write or after it.
type Wishlists struct{ path string }

var _ port.Wishlists = (*Wishlists)(nil)

// lockInterval is how often a lock that another writer holds is tried again.
const lockInterval = time.Millisecond

// OpenWishlists opens the file at path, in a folder that exists. It makes a file that is
// missing; one that goes missing later is a failure and not a shop without wishlists.
func OpenWishlists(ctx context.Context, path string) (*Wishlists, error) {
	w := &Wishlists{path}
	return w, w.locked(ctx, func(folder *os.File) error {
		_, err := w.read()
		if errors.Is(err, fs.ErrNotExist) {
			return w.write(folder, map[domain.OwnerID]domain.Wishlist{})
		}
		return err
	})
}

func (w *Wishlists) Wishlist(ctx context.Context, owner domain.OwnerID) (domain.Wishlist, error) {
	if err := ctx.Err(); err != nil {
		return domain.Wishlist{}, err
	}
	all, err := w.read()
	return all[owner], err
}

func (w *Wishlists) UpdateWishlist(ctx context.Context, owner domain.OwnerID, change func(*domain.Wishlist) error) (domain.Wishlist, error) {
	var kept domain.Wishlist
	err := w.update(ctx, func(all map[domain.OwnerID]domain.Wishlist) error {
		list := all[owner]
		if err := change(&list); err != nil {
			return err
		}
		// The slice that change left may be its caller's.
		all[owner], kept = list, list.Clone()
		return nil
	})
	if err != nil {
		return domain.Wishlist{}, err
	}
	return kept, nil
}

func (w *Wishlists) MergeWishlist(ctx context.Context, from, into domain.OwnerID) error {
	return w.update(ctx, func(all map[domain.OwnerID]domain.Wishlist) error {
		if from != into {
			list := all[into]
			list.Merge(all[from])
			all[into] = list
			delete(all, from)
		}
		return nil
	})
}

// update is a transaction: it writes what change makes of all wishlists, unless change
// fails or ctx ends before.
func (w *Wishlists) update(ctx context.Context, change func(all map[domain.OwnerID]domain.Wishlist) error) error {
	return w.locked(ctx, func(folder *os.File) error {
		all, err := w.read()
		if err != nil {
			return err
		}
		if err := change(all); err != nil || ctx.Err() != nil {
			return cmp.Or(err, ctx.Err())
		}
		return w.write(folder, all)
	})
}

// locked calls do while no other writer, of this process or another, is in its own. It
// waits for them until ctx ends. The kernel unlocks the folder when a process dies.
func (w *Wishlists) locked(ctx context.Context, do func(folder *os.File) error) error {
	folder, err := os.Open(filepath.Dir(w.path))
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = folder.Close() }() // which unlocks it
	for ; ctx.Err() == nil; time.Sleep(lockInterval) {
		err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return do(folder)
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return unavailable(err)
		}
	}
	return ctx.Err()
}

func (w *Wishlists) read() (map[domain.OwnerID]domain.Wishlist, error) {
	content, err := os.ReadFile(w.path)
	if err != nil {
		return nil, unavailable(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields() // a field that the domain renamed must not read as empty
	var all map[domain.OwnerID]domain.Wishlist
	if err = decoder.Decode(&all); err == nil && all == nil {
		err = errors.New("there are no wishlists in " + w.path)
	}
	return all, err
}

// write replaces the file and returns when the new one outlasts a power cut.
func (w *Wishlists) write(folder *os.File, all map[domain.OwnerID]domain.Wishlist) error {
	next, err := os.Create(w.path + ".next")
	if err != nil {
		return unavailable(err)
	}
	err = errors.Join(json.NewEncoder(next).Encode(all), next.Sync(), next.Close())
	if err == nil {
		err = errors.Join(os.Rename(next.Name(), w.path), folder.Sync())
	}
	return unavailable(err)
}

// unavailable gives a failure of the disk its kind.
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", domain.ErrUnavailable.Errorf(domain.CodeStoreUnavailable, "wishlists cannot be reached just now"), err)
}
