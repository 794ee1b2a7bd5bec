package schema

import (
	"context"
	"testing"

	"github.com/finsam/finsam/pkg/store"
)

// Look lets tests do one round of Watch.
func Look(ctx context.Context, m Migration) error { return m.look(ctx) }

// Abandon takes the lease and never gives it back, as a holder that died does.
func Abandon(t *testing.T, m Migration) {
	t.Helper()
	leases, err := store.Open(t.Context(), m.Engine, kindOfLease())
	if err == nil {
		err = m.take(t.Context(), leases, "dead")
	}
	if err != nil {
		t.Fatal(err)
	}
}
