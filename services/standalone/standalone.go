// Package standalone is the whole suite in one process: the same services and
// gateway, on one SQLite file, which call each other within the process. It is for
// trying out, for tests, and for an association small enough for one machine.
package standalone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	api "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/blob/folder"
	blobs "github.com/finsam/finsam/pkg/blob/traced"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/inprocess"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/pkg/store/traced"
	"github.com/finsam/finsam/pkg/web/client"
	activityrest "github.com/finsam/finsam/services/activity/rest"
	activityservice "github.com/finsam/finsam/services/activity/service"
	participantrest "github.com/finsam/finsam/services/participant/rest"
	participantservice "github.com/finsam/finsam/services/participant/service"
	"github.com/finsam/finsam/services/referral/outbound/send"
	referralrest "github.com/finsam/finsam/services/referral/rest"
	referralservice "github.com/finsam/finsam/services/referral/service"
	"github.com/finsam/finsam/services/referral/vault"
)

// Suite is the services of one process, ready to serve.
type Suite struct {
	// Upstreams are the services' handlers, as the gateway reaches them.
	Upstreams map[string]http.RoundTripper
	// Feeds are the services' event feeds, as the gateway follows them.
	Feeds map[string]feed.Reader

	referrals *referralservice.Service

	db      *sqlite.DB
	sender  *send.Sender
	blobs   *folder.Store
	apps    map[string]*launch.App
	workers []func(context.Context) error
}

// Open opens the data folder and constructs the services. The associations must be
// loaded and the keys made (launch.WriteKeys). webhooks limits where the referral
// service sends to.
func Open(ctx context.Context, data Layout, webhooks send.Config, log *slog.Logger) (_ *Suite, err error) {
	associations, err := association.LoadDir(data.Associations())
	if err != nil {
		return nil, err
	}
	sender, err := send.New(webhooks)
	if err != nil {
		return nil, err
	}
	s := &Suite{sender: sender, Upstreams: map[string]http.RoundTripper{}, Feeds: map[string]feed.Reader{}, apps: map[string]*launch.App{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.db, err = sqlite.Open(ctx, data.Database()); err != nil {
		return nil, err
	}
	if s.blobs, err = folder.Open(data.Attachments()); err != nil {
		return nil, err
	}
	s.workers = append(s.workers, s.serveBackups(data, log), func(ctx context.Context) error { return associations.Follow(ctx, "finsam", log) })
	keys := launch.OpenKeys(data.Keys())
	for _, name := range []string{"referral", "participant", "activity"} {
		if err := s.openApp(ctx, name, keys, associations, log); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, build := range []func(context.Context) error{s.participant, s.referral, s.activity} {
		if err := build(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// schemas are the schemas of each service's part of the database.
var schemas = map[string]func() migration.Schema{"referral": referralservice.Schema, "participant": participantservice.Schema, "activity": activityservice.Schema}

// openApp opens what a service is made of, in its part of the database.
func (s *Suite) openApp(ctx context.Context, name string, keys launch.Keys, all *association.Registry, log *slog.Logger) (err error) {
	p := &launch.App{Service: name, Schema: schemas[name], Log: log.With("service", name), Associations: all, Now: time.Now, NewID: uuid.NewString}
	if p.Cipher, err = keys.Cipher(); err != nil {
		return err
	}
	if p.Signer, err = keys.Signer(name, p.Now); err != nil {
		return err
	}
	if p.Verifier, err = keys.Verifier(p.Now); err != nil {
		return err
	}
	if err := p.UseEngine(ctx, traced.Engine(s.db.Engine(name), name)); err != nil {
		return err
	}
	s.apps[name], s.Feeds[name] = p, p.Feed
	s.workers = append(s.workers, p.Watch)
	return nil
}

func (s *Suite) participant(ctx context.Context) error {
	p := s.apps["participant"]
	v, err := participantservice.New(ctx, participantservice.Config{
		Engine: p.Engine, Feed: p.Feed, Peers: s.peers("referral"), AccessLog: p.AccessLog, Cipher: p.Cipher,
		Associations: p.Associations, Now: p.Now, NewID: p.NewID, Log: p.Log,
	})
	if err != nil {
		return err
	}
	e, err := participantrest.New(v, p.Web(nil))
	return s.add("participant", e, v.Run, err)
}

func (s *Suite) referral(ctx context.Context) error {
	p := s.apps["referral"]
	v, err := referralservice.New(ctx, referralservice.Config{
		Engine: p.Engine, Feed: p.Feed, Peers: s.peers("participant"), AccessLog: p.AccessLog, Cipher: p.Cipher,
		Associations: p.Associations, People: s.people(p), Blobs: blobs.Store(s.blobs, p.Service), Webhooks: s.sender,
		Now: p.Now, NewID: p.NewID, Log: p.Log,
	})
	if err != nil {
		return err
	}
	s.referrals = v
	e, err := referralrest.New(v, p.Web(nil))
	return s.add("referral", e, v.Run, err)
}

func (s *Suite) activity(ctx context.Context) error {
	p := s.apps["activity"]
	v, err := activityservice.New(ctx, activityservice.Config{
		Engine: p.Engine, Feed: p.Feed, Peers: s.peers("participant"), AccessLog: p.AccessLog, Cipher: p.Cipher,
		Associations: p.Associations, Now: p.Now, NewID: p.NewID, Log: p.Log,
	})
	if err != nil {
		return err
	}
	e, err := activityrest.New(v, p.Web(nil))
	return s.add("activity", e, v.Run, err)
}

func (s *Suite) add(name string, h http.Handler, run func(context.Context) error, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.Upstreams[name] = inprocess.Transport(h)
	s.workers = append(s.workers, run)
	return nil
}

// peers returns the feeds that a service follows.
func (s *Suite) peers(names ...string) map[string]feed.Reader {
	all := map[string]feed.Reader{}
	for _, n := range names {
		all[n] = s.Feeds[n]
	}
	return all
}

// people is the vault as the referral service reaches it, within the process.
func (s *Suite) people(p *launch.App) referralservice.People {
	return vault.New(api.NewClient(client.New("http://participant", s.Upstreams["participant"], p.Signer)))
}

// Run publishes and follows until the context ends.
func (s *Suite) Run(ctx context.Context) error {
	failed := make(chan error, len(s.workers))
	for _, work := range s.workers {
		go func() { failed <- work(ctx) }()
	}
	var errs []error
	for range s.workers {
		errs = append(errs, <-failed)
	}
	return errors.Join(errs...)
}

// Ready reports whether the database can serve.
func (s *Suite) Ready(ctx context.Context) error { return s.apps["referral"].Engine.Ping(ctx) }

// Close closes the access logs and the database.
func (s *Suite) Close() error {
	var errs []error
	for _, p := range s.apps {
		errs = append(errs, p.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}
