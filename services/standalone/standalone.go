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
	"golang.org/x/sync/errgroup"

	participantapi "github.com/finsam/finsam/pkg/api/participant"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/backup"
	"github.com/finsam/finsam/pkg/blob/folder"
	blobs "github.com/finsam/finsam/pkg/blob/traced"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/inprocess"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/pkg/store/traced"
	"github.com/finsam/finsam/pkg/web"
	activity "github.com/finsam/finsam/services/activity/program"
	activityservice "github.com/finsam/finsam/services/activity/service"
	participant "github.com/finsam/finsam/services/participant/program"
	participantrest "github.com/finsam/finsam/services/participant/rest"
	"github.com/finsam/finsam/services/referral/outbound/send"
	referral "github.com/finsam/finsam/services/referral/program"
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
	handlers  map[string]http.Handler // of the services, which call each other

	db      *sqlite.DB
	blobs   *folder.Store
	apps    map[string]*launch.App
	workers []func(context.Context) error
}

// services are the requirements of the suite's services, by name.
var services = map[string]launch.Requirements{"referral": referral.Requirements, "participant": participant.Requirements, "activity": activity.Requirements}

// Open opens the data folder and constructs the services. The associations must be
// loaded and the keys made (launch.WriteKeys). The links lead below the path of the public
// address. webhooks limits where the referral service sends to.
func Open(ctx context.Context, data Layout, publicURL string, webhooks send.Config, log *slog.Logger) (_ *Suite, err error) {
	prefix, err := web.Prefix(publicURL)
	if err != nil {
		return nil, fmt.Errorf("FINSAM_PUBLIC_URL: %w", err)
	}
	sender, err := send.New(webhooks)
	if err != nil {
		return nil, err
	}
	s := &Suite{Upstreams: map[string]http.RoundTripper{}, Feeds: map[string]feed.Reader{}, handlers: map[string]http.Handler{}, apps: map[string]*launch.App{}}
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
	s.workers = append(s.workers, func(ctx context.Context) error {
		defer backup.Watch(data.Backups(), "finsam")()
		return backup.Serve(ctx, data.Backups(), log, func(ctx context.Context, folder string) ([]string, error) {
			return copyData(ctx, s.db, s.blobs, data, folder)
		})
	})
	for name := range services {
		if err := s.openApp(ctx, name, prefix, data, log); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, p := range s.apps {
		for _, peer := range services[name].Peers {
			p.Peers[peer] = s.Feeds[peer]
		}
		if services[name].Programme {
			if err := p.FollowProgramme(ctx, s.Feeds["activity"]); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			s.workers = append(s.workers, p.Programme.Run)
		}
	}
	participants, err := add(ctx, s, "participant", participant.Build)
	if err != nil {
		return nil, err
	}
	people := participantrest.Handlers(participants)
	activities, err := add(ctx, s, "activity", func(ctx context.Context, p *launch.App) (*activityservice.Service, http.Handler, error) {
		return activity.Build(ctx, p, participantapi.LocalIdentities(people), participantapi.LocalListedIdentities(people), participantapi.LocalGenders(people))
	})
	if err != nil {
		return nil, err
	}
	s.workers = append(s.workers, func(ctx context.Context) error {
		return backup.Serve(ctx, data.Exchange(), slog.New(slog.DiscardHandler), func(ctx context.Context, folder string) ([]string, error) {
			return answer(ctx, activities.Programme, data, folder)
		})
	})
	s.referrals, err = add(ctx, s, "referral", func(ctx context.Context, p *launch.App) (*referralservice.Service, http.Handler, error) {
		return referral.Build(ctx, p, vault.Local(people), sender)
	})
	if err != nil {
		return nil, err
	}
	g, within := errgroup.WithContext(ctx) // before the door opens: the activity service has loaded the files
	for name, p := range s.apps {
		if p.Programme == nil {
			continue
		}
		g.Go(func() error { // at once: what both store at first is flushed together
			if err := p.Programme.Catch(within); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		})
	}
	return s, g.Wait()
}

// openApp opens what a service is made of, in its part of the database.
func (s *Suite) openApp(ctx context.Context, name, prefix string, data Layout, log *slog.Logger) (err error) {
	keys := launch.Keys{Dir: data.Keys()}
	p := &launch.App{
		Config:  launch.Config{AssociationsDir: data.Associations(), ActivityURL: "http://activity", ReferralURL: "http://referral"},
		Service: name, Prefix: prefix, Schema: services[name].Schema, Blobs: blobs.Store(s.blobs, name), Parts: parts.Parts{
			Peers: map[string]feed.Reader{}, Now: launch.Clock(ctx), NewID: uuid.NewString, Log: log.With("component", name),
		},
		// for the calls that no function makes: those for the programme and the access logs
		Transport: inprocess.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handlers[r.Host].ServeHTTP(w, r) })},
	}
	if p.Associations, err = association.NewRegistry(); err != nil {
		return err
	}
	p.Associations.Now = p.Now
	if p.Signer, err = keys.Signer(name, time.Now); err != nil {
		return err
	}
	if p.Cipher, err = keys.Cipher(); err != nil {
		return err
	}
	if p.Verifier, err = keys.Verifier(time.Now); err != nil {
		return err
	}
	if err := p.UseEngine(ctx, traced.Engine(s.db.Engine(name), name)); err != nil {
		return err
	}
	s.apps[name], s.Feeds[name] = p, p.Feed
	s.workers = append(s.workers, p.Watch)
	return nil
}

// add builds a service of the suite.
func add[S interface{ Run(context.Context) error }](ctx context.Context, s *Suite, name string, build func(context.Context, *launch.App) (S, http.Handler, error)) (S, error) {
	service, h, err := build(ctx, s.apps[name])
	if err != nil {
		return service, fmt.Errorf("%s: %w", name, err)
	}
	s.handlers[name] = h
	s.Upstreams[name] = inprocess.Transport{Handler: h}
	s.workers = append(s.workers, service.Run)
	return service, nil
}

// Run publishes and follows until the context ends; the first part that fails ends all.
func (s *Suite) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, work := range s.workers {
		g.Go(func() error { return work(ctx) })
	}
	return g.Wait()
}

// Ready reports whether the database can serve, and whether every service has an association.
func (s *Suite) Ready(ctx context.Context) error {
	return errors.Join(s.apps["referral"].Ready(ctx), s.apps["participant"].Ready(ctx))
}

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
