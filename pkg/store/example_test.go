package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
)

// booking is a document; unit and state are its keys.
type booking struct {
	Association string `json:"association"`
	ID          string `json:"id"`
	Unit        string `json:"unit"`
	Cancelled   bool   `json:"cancelled,omitempty"`
}

func bookingCollection() store.Schema[booking] {
	return store.Schema[booking]{
		Name:    "bookings",
		Indexes: []store.Index{{"unit", "cancelled"}},
		ID:      func(b *booking) (string, string) { return b.Association, b.ID },
		Keys:    func(b *booking) store.Keys { return store.Keys{"unit": b.Unit, "cancelled": b.Cancelled} },
	}
}

func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	db, err := sqlite.Open(ctx, filepath.Join(folder, "example.db"))
	if err != nil {
		panic(err)
	}
	defer db.Close() //nolint:errcheck // everything that was answered is on the disk
	bookings, err := store.Open(ctx, db.Engine("activity"), bookingCollection())
	if err != nil {
		panic(err)
	}

	for _, id := range []string{"b1", "b2", "b3"} {
		if _, err := bookings.Insert(ctx, &booking{Association: "insjoriket", ID: id, Unit: "north"}); err != nil {
			panic(err)
		}
	}
	_, err = bookings.Insert(ctx, &booking{Association: "insjoriket", ID: "b1"})
	fmt.Println("again:", errors.Is(err, store.ErrExists))

	cancel := func(b *booking) error {
		if b.Cancelled {
			return store.ErrUnchanged
		}
		b.Cancelled = true
		return nil
	}
	b, err := bookings.Update(ctx, "insjoriket", "b2", 0, cancel) // at any version
	fmt.Println("cancelled at version", b.Version, err)
	_, err = bookings.Update(ctx, "insjoriket", "b2", 1, cancel) // only at version 1, as a client's If-Match says
	fmt.Println("stale:", errors.Is(err, store.ErrStale))

	page, err := bookings.Find(ctx, store.Query{
		Association: "insjoriket",
		Where:       []store.Cond{{Key: "unit", Op: store.Eq, Value: "north"}, {Key: "cancelled", Op: store.Eq, Value: false}},
		Limit:       20,
	})
	for _, found := range page.Items {
		fmt.Println(found.Value.ID, found.Version)
	}
	fmt.Println("more:", page.Next.ID != "", err)
	// Output:
	// again: true
	// cancelled at version 2 <nil>
	// stale: true
	// b1 1
	// b3 1
	// more: false <nil>
}
