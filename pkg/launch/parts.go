package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/feed/feedhttp"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/server"
)

// Requirements says which parts a service is made of.
type Requirements struct {
	Service      string                  // its name, such as "referral"
	Store        bool                    // a database, with the feed and the access log in it
	Schema       func() migration.Schema // what the database is brought to before it is used; nil: it has none
	Blobs        bool                    // a place for attachments, if the environment names one
	Cipher       bool                    // keys to seal and look up
	Associations bool                    // the associations' files
	Trust        bool                    // the trust file (the gateway)
	Peers        []string                // the services that it calls or follows
}

// App are what a service is made of. What it does not need is nil.
type App struct {
	Config       Config
	Service      string
	Log          *slog.Logger
	Engine       store.Engine
	Blobs        blob.Store              // nil: no place for attachments is named
	Schema       func() migration.Schema // nil: the database is taken as it is
	Feed         *feed.Log
	AccessLog    *accesslog.Log
	Cipher       *encryption.Cipher
	Associations *association.Registry
	Signer       *internaltoken.Signer
	Verifier     *internaltoken.Verifier
	Now          func() time.Time
	NewID        func() string // a random UUID

	transport http.RoundTripper
	db        *Database
	closers   []func() error // in the order of opening
}

// Open reads the environment and opens the parts. When one cannot be opened,
// those before it are closed, and the error names the variable.
func Open(ctx context.Context, n Requirements, environ map[string]string) (*App, error) {
	c, err := ReadConfig(environ)
	if err != nil {
		return nil, err
	}
	if err := missing(n.variables(c)); err != nil {
		return nil, err
	}
	level, err := telemetry.Level(c.LogLevel)
	if err != nil {
		return nil, err
	}
	p := &App{
		Config: c, Service: n.Service, Schema: n.Schema, Now: time.Now, NewID: uuid.NewString,
		Log: telemetry.Logger(os.Stderr, n.Service, level), transport: client.NewTransport(),
	}
	slog.SetDefault(p.Log)
	blobs := func(context.Context, Requirements) error { return p.openBlobs(n, environ) }
	for _, open := range []func(context.Context, Requirements) error{p.openTelemetry, p.openKeys, p.openAssociations, p.openStore, blobs} {
		if err := open(ctx, n); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

// variables returns the values of the variables that the service needs.
func (n Requirements) variables(c Config) map[string]string {
	wanted := map[string]string{"FINSAM_KEYS_DIR": c.KeysDir}
	if n.Store {
		wanted["FINSAM_STORE"] = c.Store
	}
	if n.Associations {
		wanted["FINSAM_ASSOCIATIONS_DIR"] = c.AssociationsDir
	}
	if n.Trust {
		wanted["FINSAM_TRUST_FILE"] = c.TrustFile
	}
	for _, peer := range n.Peers {
		wanted[peerVariables[peer]] = c.PeerURL(peer)
	}
	return wanted
}

func (p *App) openTelemetry(ctx context.Context, _ Requirements) error {
	shutdown, err := telemetry.Start(ctx, Program("finsam-"+p.Service))
	if err != nil {
		return err
	}
	p.closing(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return shutdown(ctx)
	})
	return nil
}

func (p *App) openKeys(_ context.Context, n Requirements) (err error) {
	keys := ReadKeys(p.Config.KeysDir)
	if p.Signer, err = keys.Signer(n.Service, p.Now); err != nil {
		return err
	}
	if p.Verifier, err = keys.Verifier(p.Now); err != nil {
		return err
	}
	if n.Cipher {
		p.Cipher, err = keys.Sealer()
	}
	return err
}

func (p *App) openAssociations(_ context.Context, n Requirements) (err error) {
	if !n.Associations {
		return nil
	}
	if p.Associations, err = association.LoadDir(p.Config.AssociationsDir); err != nil {
		return fmt.Errorf("FINSAM_ASSOCIATIONS_DIR: %w", err)
	}
	return nil
}

func (p *App) openStore(ctx context.Context, n Requirements) error {
	if !n.Store {
		return nil
	}
	db, err := OpenStore(ctx, p.Config.Store)
	if err != nil {
		return err
	}
	p.closing(db.Close)
	p.db = db
	return p.On(ctx, db.Engine(n.Service))
}

// On brings the database behind the engine to the service's schema, holds the keys
// against it, and opens the feed and the access log in it. The log's head is told now and then until Close.
func (p *App) On(ctx context.Context, e store.Engine) (err error) {
	p.Engine = e
	if err := p.migrate(ctx); err != nil {
		return err
	}
	if err := p.prove(ctx); err != nil {
		return err
	}
	if p.Feed, err = feed.OpenLog(ctx, e, "/services/"+p.Service); err != nil {
		return fmt.Errorf("FINSAM_STORE: open the feed: %w", err)
	}
	if p.AccessLog, err = accesslog.Open(ctx, e, p.Service, p.Now); err != nil {
		return fmt.Errorf("FINSAM_STORE: %w", err)
	}
	telling, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.closing(func() error {
		stop()
		err := p.AccessLog.Close()
		p.tellHead()
		return err
	})
	go p.checkpoint(telling)
	return nil
}

// betweenCheckpoints is how often the access log's head is told.
const betweenCheckpoints = 10 * time.Minute

// checkpoint tells the access log's head now and then, while it grows.
func (p *App) checkpoint(ctx context.Context) {
	tick := time.NewTicker(betweenCheckpoints)
	defer tick.Stop()
	for told := int64(0); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if n := p.AccessLog.Head().N; n != told {
			p.tellHead()
			told = n
		}
	}
}

// tellHead puts the access log's head into the process's log. Kept there,
// elsewhere than the database, it shows later whether the end of the chain has
// been cut off or written anew (accesslog.Log.Verify).
func (p *App) tellHead() {
	if h := p.AccessLog.Head(); h.N > 0 {
		p.Log.Info("access log checkpoint", "chain", h.Chain, "n", h.N, "hash", h.Hash)
	}
}

func (p *App) closing(f func() error) { p.closers = append(p.closers, f) }

// Close closes the parts in the reverse order of their opening.
func (p *App) Close() error {
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i]())
	}
	p.closers = nil
	return errors.Join(errs...)
}

// Client returns the client of another service.
func (p *App) Client(service string) *client.Client {
	return client.New(p.Config.PeerURL(service), p.transport, p.Signer)
}

// Reader returns the reader of another service's feed.
func (p *App) Reader(service string) feed.Reader {
	c := p.Client(service)
	return &feedhttp.Client{Base: c.Base, HTTP: c.HTTP, Token: c.OwnToken}
}

// Readers returns the feeds of several services, by name.
func (p *App) Readers(services ...string) map[string]feed.Reader {
	all := map[string]feed.Reader{}
	for _, s := range services {
		all[s] = p.Reader(s)
	}
	return all
}

// Web returns the options of the service's HTTP face, for its contract.
func (p *App) Web(spec []byte) server.Config {
	return server.Config{Service: p.Service, Spec: spec, Verifier: p.Verifier, AccessLog: p.AccessLog, Feed: p.Feed, Log: p.Log}
}

// Serve serves the handler and does the work beside it; see Serve.
func (p *App) Serve(ctx context.Context, h http.Handler, work ...func(context.Context) error) error {
	return Serve(ctx, p.server(h), append(work, p.Watch, p.follow)...)
}

// follow takes the associations' files as they change.
func (p *App) follow(ctx context.Context) error {
	if p.Associations == nil {
		return nil
	}
	return p.Associations.Follow(ctx, p.Service, p.Log)
}

// Serve serves s and does the work beside it until ctx ends; the first of them
// that fails ends all. The work ends only after the last request, so that nothing
// that was answered is left untold.
func Serve(ctx context.Context, s server.Server, work ...func(context.Context) error) error {
	group, serving := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group.Go(func() error { return collect(working) })
	for _, w := range work {
		group.Go(func() error {
			if err := w(working); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	group.Go(func() error {
		defer stop()
		return s.Run(serving)
	})
	return group.Wait()
}

func (p *App) server(h http.Handler) server.Server {
	s := server.Server{
		Handler: h, Addr: p.Config.Addr, AdminAddr: p.Config.AdminAddr, Metrics: telemetry.Metrics(), Linger: p.Config.Linger, Log: p.Log,
		Started: func(addr, admin string) { p.Log.Info("serving", "addr", addr, "admin", admin, "version", Version()) },
	}
	if s.AdminAddr == "off" {
		s.AdminAddr = ""
	}
	if p.Engine != nil {
		s.Ready = p.Engine.Ping
	}
	return s
}
