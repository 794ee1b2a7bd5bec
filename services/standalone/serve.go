package standalone

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/pkg/web/server"
	"github.com/finsam/finsam/services/gateway"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/outbound/send"
	"github.com/finsam/finsam/services/standalone/demo"
	"github.com/finsam/finsam/services/standalone/example"
)

// Options say how to serve the suite.
type Options struct {
	Data      Layout
	Addr      string            // where the API is, as host:port
	AdminAddr string            // /livez, /readyz and /metrics, as host:port; "off": not served
	Demo      bool              // with the demo issuer and, in an empty folder, the example association and its people
	Empty     bool              // a demo without people
	TrustFile string            // whose tokens are accepted, without the demo
	Environ   map[string]string // for gateway.Environment, send.Config, the log level and OTEL_*
	Linger    time.Duration     // how long it keeps serving, no longer ready, once it is asked to end
	Out       io.Writer         // where it prints its addresses
}

// Serve puts the suite together, serves it until ctx ends and takes it apart.
func Serve(ctx context.Context, o Options) (err error) {
	if o.Demo {
		if err := demo.CheckAddr(o.Addr); err != nil {
			return err
		}
	}
	environment, err := gateway.ReadEnvironment(o.Environ)
	if err != nil {
		return err
	}
	webhooks, err := send.ReadConfig(o.Environ)
	if err != nil {
		return err
	}
	level, err := telemetry.Level(o.Environ["FINSAM_LOG_LEVEL"])
	if err != nil {
		return fmt.Errorf("FINSAM_LOG_LEVEL: %w", err)
	}
	output := telemetry.NewOutput(os.Stderr)
	log := telemetry.Logger(output, "finsam", level)
	slog.SetDefault(log)
	stopTelemetry, err := telemetry.Start(ctx, launch.Program("finsam"))
	if err != nil {
		return err
	}
	defer output.Flush()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, stopTelemetry(ctx))
	}()
	issuer, isNew, err := o.prepare()
	if err != nil {
		return err
	}
	suite, err := Open(ctx, o.Data, environment.PublicURL, webhooks, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, suite.Close()) }()
	if o.Demo {
		if err := suite.loadDemoUnits(ctx); err != nil {
			return err
		}
	}
	door := Door{TrustFile: o.TrustFile, Demo: issuer, Environment: environment, Log: log}
	if issuer != nil {
		door.TrustFile = issuer.TrustFile()
		if _, port, _ := net.SplitHostPort(o.Addr); port != "0" {
			door.Environment.PublicURL = cmp.Or(environment.PublicURL, "http://"+reachable(o.Addr))
		}
	}
	g, closeCache, err := suite.Gateway(launch.Keys{Dir: o.Data.Keys()}, door)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCache()) }()
	filled := make(chan struct{}) // the addresses are printed last, below what the calls log
	fill := func(ctx context.Context) error {
		defer close(filled)
		if o.Demo && !o.Empty && isNew {
			if err := issuer.Fill(ctx, g, string(civil.DateOf(time.Now()))); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "the demo has not all of its people", "cause", err.Error())
			}
		}
		output.Flush()
		return nil
	}
	return launch.Serve(ctx, server.Server{
		Handler: g, Addr: o.Addr, AdminAddr: strings.TrimPrefix(o.AdminAddr, "off"), Ready: suite.Ready,
		Metrics: telemetry.Metrics(), Linger: o.Linger, Log: log,
		Started: func(addr, admin string) {
			select {
			case <-filled:
				o.printWelcome(addr, admin)
			case <-ctx.Done():
			}
		},
	}, suite.Run, g.Run, fill)
}

// prepare creates what is missing in the data folder: keys, the folder of the
// associations and, in a demo, the example association. It returns the demo's issuer, and
// whether the example association is new.
func (o Options) prepare() (issuer *demo.Issuer, isNew bool, err error) {
	if !o.Demo && o.TrustFile == "" {
		return nil, false, errors.New("no caller could be accepted: name a trust file with --trust, or try it out with --demo")
	}
	if err := o.Data.check(); err != nil {
		return nil, false, err
	}
	if err := launch.WriteKeys(o.Data.Keys()); err != nil {
		return nil, false, err
	}
	if err := os.MkdirAll(o.Data.Associations(), 0o755); err != nil {
		return nil, false, fmt.Errorf("create the folder of the associations: %w", err)
	}
	loaded, err := filepath.Glob(filepath.Join(o.Data.Associations(), "*.y*ml"))
	if err != nil {
		return nil, false, err
	}
	if len(loaded) == 0 && !o.Demo {
		return nil, false, errors.New("no association is loaded: run finsam load --data " + string(o.Data) + " FILE.yaml first")
	}
	if len(loaded) == 0 {
		if _, err := association.Save(o.Data.Associations(), example.Insjoriket); err != nil {
			return nil, false, err
		}
	}
	if !o.Demo {
		return nil, false, nil
	}
	issuer, err = demo.Open(o.Data.Demo(), "")
	return issuer, len(loaded) == 0, err
}

// printWelcome prints the addresses and how to begin.
func (o Options) printWelcome(addr, admin string) {
	base := "http://" + reachable(addr)
	fmt.Fprintf(o.Out, "finsam %s is ready\n\n", launch.Version())
	fmt.Fprintf(o.Out, "  API            %s%s\n", base, gateway.BasePath)
	fmt.Fprintf(o.Out, "  Documentation  %s%s/docs\n", base, gateway.BasePath)
	if admin != "" {
		fmt.Fprintf(o.Out, "  Health         http://%s/readyz, /livez, /metrics\n", reachable(admin))
	}
	if !o.Demo {
		return
	}
	program, err := os.Executable()
	if err != nil {
		program = "finsam"
	}
	fmt.Fprintf(o.Out, "\nMölndal's week, read by a coach:\n\n  curl -s -H \"Authorization: Bearer $(%s token --data %s --role coach --authority molndal)\" %s%s/municipalities/1481/week\n\n",
		program, o.Data, base, gateway.BasePath)
	fmt.Fprintln(o.Out, "All people in the demo are invented. Stop it with Ctrl-C.")
}

// reachable returns an address to call, also when addr is all of the machine's.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && (host == "" || net.ParseIP(host).IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return addr
}

// loadDemoUnits loads the example association's invented register of units, as its
// own staff would, unless a register has been loaded before.
func (s *Suite) loadDemoUnits(ctx context.Context) error {
	var units []referral.Unit
	if err := json.Unmarshal(example.Units, &units); err != nil {
		return fmt.Errorf("the example's units: %w", err)
	}
	ctx = actor.With(ctx, actor.Actor{
		Subject: "demo", Association: example.Association, Authority: "forbundet", Roles: []actor.Role{actor.AssociationAdmin},
	})
	_, _, err := s.referrals.ReplaceUnits(ctx, 0, units)
	if errors.Is(err, fault.ErrStale) || errors.Is(err, fault.ErrNotFound) {
		return nil // a register is loaded already, or the example is not served here
	}
	return err
}
