// Package referraltest sets up the referral service for tests: the real one, with
// invented people in a small fake of the vault.
package referraltest

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"testing"

	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/blob/folder"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/servicetest"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/service"
)

// World is a service with what surrounds it.
type World struct {
	*servicetest.World
	Service *service.Service
	People  *People
	Peer    *servicetest.Peer // the participant service's feed
	Blobs   *Blobs
	Hooks   *Receiver // the network, and the receivers of webhooks

	Config service.Config
}

// As returns a context in which the actor asks.
var As = servicetest.As

// New sets up a service. Nothing is published or followed until Run.
func New(t testing.TB) *World { return On(t, nil) }

// On sets up a service on an engine of the caller's; nil: SQLite in a temporary folder.
// It serves the example association and a second one of the same municipalities.
func On(t testing.TB, e store.Engine) *World {
	t.Helper()
	one := servicetest.Example(t)
	two := bytes.Replace(one, []byte("{ id: insjoriket,"), []byte("{ id: elsewhere,"), 1)
	w := &World{
		World:  servicetest.New(t, "referral", servicetest.Config{Engine: e, Associations: [][]byte{one, two}}),
		People: &People{}, Peer: &servicetest.Peer{}, Hooks: &Receiver{},
	}
	files, err := folder.Open(filepath.Join(w.Dir, "attachments"))
	servicetest.Must(t, err)
	w.Blobs = &Blobs{Store: files}
	w.World.Peers = map[string]feed.Reader{"participant": w.Peer}
	w.Config = service.Config{Parts: w.World.Parts, People: w.People, Blobs: w.Blobs, Webhooks: w.Hooks}
	w.Service, err = service.New(context.Background(), w.Config)
	servicetest.Must(t, err)
	return w
}

// All returns every referral of an association.
func (w *World) All(ctx context.Context, association string) ([]*referral.Referral, error) {
	c, err := store.Open(ctx, w.Engine, service.Collection)
	if err != nil {
		return nil, err
	}
	page, err := c.Find(ctx, store.Query{Association: association, Limit: 1000})
	var all []*referral.Referral
	for _, r := range page.Items {
		all = append(all, r.Value)
	}
	return all, err
}

// Run publishes and follows until the test ends.
func (w *World) Run(t testing.TB) { servicetest.Run(t, w.Service.Run) }

// Blobs is a store of blobs whose calls a test can follow.
type Blobs struct {
	blob.Store
	After func(verb string) // called after a call; nil: not followed
}

// Put implements blob.Store.
func (b *Blobs) Put(ctx context.Context, name string, fill func(io.Writer) error) error {
	err := b.Store.Put(ctx, name, fill)
	if b.After != nil {
		b.After("put")
	}
	return err
}
