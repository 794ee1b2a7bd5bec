// Package launch puts a service together from environment variables, and takes it apart
// again: the store, the keys, telemetry, the feed, the access log, the associations and
// the peers.
//
// A service's main is Main, and its run is Run, with its own constructors between Open and
// Serve. A wrong value stops the start with one sentence that names the variable.
package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/finsam/finsam/pkg/accesslog"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/backoff"
	"github.com/finsam/finsam/pkg/blob"
	"github.com/finsam/finsam/pkg/certificate"
	"github.com/finsam/finsam/pkg/feed"
	"github.com/finsam/finsam/pkg/feed/feedhttp"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/jobs"
	"github.com/finsam/finsam/pkg/memory"
	"github.com/finsam/finsam/pkg/parts"
	"github.com/finsam/finsam/pkg/programme/replica"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/migration"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

// Main runs a program until it returns; SIGINT and SIGTERM end its context. The process
// exits with 0 if run returned nil or context.Canceled, else with 1 and one sentence on
// standard error. run gets the environment, so that tests can pass another.
func Main(run func(ctx context.Context, environ map[string]string) error) {
	CollectLess()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, env.ToMap(os.Environ()))
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "finsam: "+err.Error())
		os.Exit(1)
	}
}

// Requirements says which parts a service needs.
type Requirements struct {
	Service      string                  // its name, such as "referral"
	Store        bool                    // a database, with the feed and the access log in it
	Schema       func() migration.Schema // to which the database is migrated before it is used; nil: none
	Blobs        bool                    // a store for attachments, if the environment names one
	Cipher       bool                    // keys to encrypt and to look up
	Associations bool                    // the folder of the associations' files, which the service loads
	Programme    bool                    // a copy of the activity service's programme, which it follows
	Trust        bool                    // the trust file (the gateway)
	Peers        []string                // the services that it calls, and whose feed it follows itself
}

// App is a service's parts. Those that it does not need are nil.
type App struct {
	parts.Parts
	Config    Config
	Service   string
	Prefix    string                  // of the public address, see web.Prefix
	Blobs     blob.Store              // nil: the environment names none
	Schema    func() migration.Schema // nil: the database is used as it is
	Signer    *internaltoken.Signer
	Verifier  *internaltoken.Verifier
	Transport http.RoundTripper   // to the other services
	TLS       *certificate.Folder // between the services; nil: plain HTTP
	Programme *replica.Replica    // has the Associations; nil: not followed

	isFront bool           // it serves those outside, in plain HTTP
	closers []func() error // in the order of opening
}

type clockKey struct{}

// WithClock returns a context in which the rules of what is opened go by a clock: a test lives
// through months so. What is signed between the services, or verified, goes by time.Now.
func WithClock(ctx context.Context, now func() time.Time) context.Context {
	return context.WithValue(ctx, clockKey{}, now)
}

// Clock returns the clock of a context; time.Now where it has none.
func Clock(ctx context.Context) func() time.Time {
	if now, ok := ctx.Value(clockKey{}).(func() time.Time); ok {
		return now
	}
	return time.Now
}

// Run opens the parts that a service needs, builds the service from them, serves it until
// ctx ends, and takes it apart. Its error names the variable that is wrong. build returns
// the service, whose Run is the work beside its handler.
func Run[S interface{ Run(context.Context) error }](ctx context.Context, n Requirements, environ map[string]string, build func(context.Context, *App) (S, http.Handler, error)) (err error) {
	p, err := Open(ctx, n, environ)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	s, h, err := build(ctx, p)
	if err != nil {
		return err
	}
	return p.Serve(ctx, h, s.Run)
}

// Open reads the environment and opens the parts. When one cannot be opened, those before
// it are closed, and the error names the variable that is wrong.
func Open(ctx context.Context, n Requirements, environ map[string]string) (*App, error) {
	c, err := ReadConfig(environ)
	if err != nil {
		return nil, err
	}
	if err := c.checkPresent(n); err != nil {
		return nil, err
	}
	level, err := telemetry.Level(c.LogLevel)
	if err != nil {
		return nil, err
	}
	prefix, err := web.Prefix(c.PublicURL)
	if err != nil {
		return nil, err
	}
	output := telemetry.NewOutput(os.Stderr)
	p := &App{
		Config: c, Service: n.Service, Prefix: prefix, Schema: n.Schema, isFront: n.Trust, Parts: parts.Parts{
			Peers: map[string]feed.Reader{}, Now: Clock(ctx), NewID: uuid.NewString, Log: telemetry.Logger(output, n.Service, level),
		},
		closers: []func() error{func() error { output.Flush(); return nil }},
	}
	slog.SetDefault(p.Log)
	if err := p.open(ctx, n, environ); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *App) open(ctx context.Context, n Requirements, environ map[string]string) error {
	shutdown, err := telemetry.Start(ctx, Program("finsam-"+p.Service))
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), telemetryTimeout)
		defer cancel()
		return shutdown(ctx)
	})
	transport := client.NewTransport()
	if p.Config.TLSDir != "" {
		if p.TLS, err = certificate.Open(p.Config.TLSDir, p.Log); err != nil {
			return fmt.Errorf("FINSAM_TLS_DIR: %w", err)
		}
		transport.DialTLSContext = client.DialTLS(p.TLS.Client)
	}
	p.Transport = transport
	keys := Keys{Dir: p.Config.KeysDir}
	if p.Signer, err = keys.Signer(n.Service, time.Now); err != nil {
		return err
	}
	if p.Verifier, err = keys.Verifier(time.Now); err != nil {
		return err
	}
	for _, name := range n.Peers {
		p.Peers[name] = p.feedOf(name)
	}
	if n.Cipher {
		if p.Cipher, err = keys.Cipher(); err != nil {
			return err
		}
	}
	if n.Associations {
		if _, err := association.LoadDir(p.Config.AssociationsDir); err != nil {
			return fmt.Errorf("FINSAM_ASSOCIATIONS_DIR: %w", err)
		}
		if p.Associations, err = association.NewRegistry(); err != nil {
			return err
		}
		p.Associations.Now = p.Now
	}
	if n.Store {
		db, err := OpenStore(ctx, p.Config.Store, "finsam-"+n.Service)
		if err != nil {
			return err
		}
		p.closers = append(p.closers, db.Close)
		if err := p.UseEngine(ctx, db.Engine(n.Service)); err != nil {
			return err
		}
	}
	if n.Programme {
		if err := p.FollowProgramme(ctx, p.feedOf("activity")); err != nil {
			return fmt.Errorf("FINSAM_STORE: %w", err)
		}
	}
	if n.Blobs {
		return p.openBlobs(environ)
	}
	return nil
}

// feedOf returns the feed of another service.
func (p *App) feedOf(service string) feed.Reader {
	c := p.Client(service)
	return &feedhttp.Client{Base: c.Base, HTTP: c.HTTP, Token: func() (string, error) { return c.OwnToken("") }}
}

// FollowProgramme opens the copy of the activity service's programme, whose feed log is:
// its associations are the service's from then on. Who calls it runs it.
func (p *App) FollowProgramme(ctx context.Context, log feed.Reader) (err error) {
	p.Programme, err = replica.Open(ctx, replica.Config{
		Service: p.Service, Engine: p.Engine, Feed: log, Owner: &replica.Client{Calls: p.Client("activity")}, Log: p.Log,
	})
	if err == nil {
		p.Associations = p.Programme.Associations
		p.Associations.Now = p.Now
	}
	return err
}

// UseEngine migrates the database of an engine to the service's schema, verifies the
// keys by it, and opens the feed and the access log in it. Until Close the head of the
// access log is logged now and then.
func (p *App) UseEngine(ctx context.Context, e store.Engine) (err error) {
	p.Engine = e
	if err := p.migrate(ctx); err != nil {
		return err
	}
	if err := p.verifyKeys(ctx); err != nil {
		return err
	}
	if p.Feed, err = feed.OpenLog(ctx, e, "/services/"+p.Service); err != nil {
		return fmt.Errorf("FINSAM_STORE: open the feed: %w", err)
	}
	if p.AccessLog, err = accesslog.Open(ctx, e, p.Service, p.Now); err != nil {
		return fmt.Errorf("FINSAM_STORE: %w", err)
	}
	// In the process's log, elsewhere than the database, the head of the access log shows
	// later whether the end of the chain was cut off or replaced (accesslog.Log.Verify).
	logHead := func() {
		if h := p.AccessLog.Head(); h.N > 0 {
			p.Log.Info("access log checkpoint", "chain", h.Chain, "n", h.N, "hash", h.Hash)
		}
	}
	logged := int64(0)
	checkpoints := jobs.Every(checkpointInterval, jobs.Config{
		Service: p.Service, Name: "access-log-checkpoint", Log: p.Log,
		Do: func(context.Context) error {
			if n := p.AccessLog.Head().N; n != logged {
				logHead()
				logged = n
			}
			return nil
		},
	})
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.closers = append(p.closers, func() error {
		stop()
		err := p.AccessLog.Close()
		logHead()
		return err
	})
	go func() { _ = checkpoints.Run(running) }() // returns nil
	return nil
}

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
	return client.New(p.Config.PeerURL(service), p.Transport, p.Signer)
}

// Web returns the configuration of the service's HTTP server; the contract is the service's.
func (p *App) Web() server.Config {
	return server.Config{Service: p.Service, Verifier: p.Verifier, AccessLog: p.AccessLog, Feed: p.Feed, Prefix: p.Prefix, Log: p.Log}
}

// Serve serves the handler and does the work beside it, and follows the programme; see the
// function Serve.
func (p *App) Serve(ctx context.Context, h http.Handler, work ...func(context.Context) error) error {
	work = append(work, p.Watch)
	s := server.Server{
		Handler: h, Addr: p.Config.Addr, AdminAddr: p.Config.AdminAddr, Metrics: telemetry.Metrics(), Linger: p.Config.Linger, Log: p.Log,
		Started: func(addr, admin string) { p.Log.Info("serving", "addr", addr, "admin", admin, "version", Version()) },
	}
	if p.TLS != nil {
		work = append(work, p.TLS.Run)
		if !p.isFront {
			s.TLS = p.TLS.Server()
		}
	}
	if s.AdminAddr == "off" {
		s.AdminAddr = ""
	}
	if p.Engine != nil {
		s.Ready = p.Ready
	}
	if p.Programme != nil {
		work = append(work, p.Programme.Run)
	}
	return Serve(ctx, s, work...)
}

// Ready reports whether the database can serve, and whether the service has what it decides
// by.
func (p *App) Ready(ctx context.Context) error {
	if err := p.Engine.Ping(ctx); err != nil || p.Programme == nil {
		return err
	}
	return p.Programme.Ready()
}

// Serve serves s and does the work beside it until ctx ends; the first of them that fails
// ends all, and its error is returned. The work ends only after the last request, so that
// everything that was answered is published. A process calls it once: it bounds its
// memory.
func Serve(ctx context.Context, s server.Server, work ...func(context.Context) error) error {
	if err := boundMemory(); err != nil { // before anything is sized by it
		return err
	}
	group, serving := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group.Go(func() error { // what only the start needed goes back to the system
		if backoff.Sleep(working, startDuration) {
			debug.FreeOSMemory()
		}
		return nil
	})
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

const (
	// telemetryTimeout bounds the sending of what was measured last.
	telemetryTimeout = 5 * time.Second
	// checkpointInterval is how often the access log's head is logged while it grows.
	checkpointInterval = 10 * time.Minute
	// garbagePercent is how much garbage may gather before it is collected, in percent of
	// what is in use. With Go's own 100 the collector takes a sixth of the processor under
	// load: little is in use here, so it runs often (docs/performance.md).
	garbagePercent = 200
	// startDuration is how long after its start a service returns the memory that only
	// the start needed.
	startDuration = time.Second
	// usablePercent is how much of the memory limit the collector uses. The rest is for what
	// it does not see: SQLite's pages, what is not yet returned to the system, what the
	// kernel keeps for connections. The peak of an attack stays below 85 percent.
	usablePercent = 70
	// bodiesShare is the part of the usable memory that the bodies of requests may take: an
	// eighth, as one of them is several times as large once it is read.
	bodiesShare = 8
)

// CollectLess makes the garbage collector run less often, unless GOGC says how often. A
// main function calls it first: a start creates more garbage than it keeps.
func CollectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}

// boundMemory bounds the memory by FINSAM_MEMORY_LIMIT, the bytes at which the platform
// kills the process, or by GOMEMLIMIT as an operator sets it.
func boundMemory() error {
	if text := os.Getenv("FINSAM_MEMORY_LIMIT"); text != "" && os.Getenv("GOMEMLIMIT") == "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1<<20 {
			return fmt.Errorf("FINSAM_MEMORY_LIMIT: %q is not a number of bytes above a million", text)
		}
		debug.SetMemoryLimit(n / 100 * usablePercent)
	}
	server.Bodies.Resize(memory.Limit() / bodiesShare)
	return nil
}
