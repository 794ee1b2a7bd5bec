package gateway

import (
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/finsam/finsam/pkg/cache/redis"
	"github.com/finsam/finsam/pkg/environment"
	"github.com/finsam/finsam/pkg/web"
	"github.com/finsam/finsam/services/gateway/limit"
)

// Environment is the gateway's own part of the environment, beside launch.Config.
type Environment struct {
	// PublicURL is the installation's address, such as https://api.example.se; https turns
	// on Strict-Transport-Security. Its path, if it has one, is what links begin with.
	PublicURL string `env:"FINSAM_PUBLIC_URL"`
	// Origins are those of browsers that may call, separated by commas.
	Origins []string `env:"FINSAM_CORS_ORIGINS"`
	// Proxies are the networks whose X-Forwarded-For is believed, such as
	// 10.0.0.0/8, separated by commas.
	Proxies []string `env:"FINSAM_TRUSTED_PROXIES"`
	// RatePerSecond and RateBurst bound each authority; a rate of 0 is no limit.
	RatePerSecond int `env:"FINSAM_RATE_PER_SECOND" envDefault:"500"`
	RateBurst     int `env:"FINSAM_RATE_BURST" envDefault:"1000"`
	// UnauthenticatedPerSecond and UnauthenticatedBurst bound each address that sends no
	// valid token; a rate of 0 is no limit.
	UnauthenticatedPerSecond int `env:"FINSAM_UNAUTHENTICATED_PER_SECOND" envDefault:"50"`
	UnauthenticatedBurst     int `env:"FINSAM_UNAUTHENTICATED_BURST" envDefault:"500"`
	// MaxInFlight bounds the requests that wait for services at once.
	MaxInFlight int `env:"FINSAM_IN_FLIGHT" envDefault:"1024"`
	// AnswerTimeout bounds the wait for one answer of a service.
	AnswerTimeout time.Duration `env:"FINSAM_ANSWER_TIMEOUT" envDefault:"15s"`
}

// ReadEnvironment reads the environment; its error names the variable that is wrong
// and says what is wanted.
func ReadEnvironment(environ map[string]string) (Environment, error) {
	c, err := environment.Read[Environment](environ)
	if err != nil {
		return c, err
	}
	return c, c.check()
}

func (c Environment) check() error {
	if _, err := web.Prefix(c.PublicURL); err != nil {
		return fmt.Errorf("FINSAM_PUBLIC_URL: %w", err)
	}
	for _, o := range c.Origins {
		// A scheme, a host and optionally a port.
		if u, err := url.Parse(o); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || o != u.Scheme+"://"+u.Host {
			return fmt.Errorf("FINSAM_CORS_ORIGINS: %q is not an origin such as https://app.example.se", o)
		}
	}
	for _, p := range c.Proxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			return fmt.Errorf("FINSAM_TRUSTED_PROXIES: %q is not a CIDR such as 10.0.0.0/8", p)
		}
	}
	for variable, n := range map[string]int{
		"FINSAM_RATE_PER_SECOND": c.RatePerSecond, "FINSAM_RATE_BURST": c.RateBurst,
		"FINSAM_UNAUTHENTICATED_PER_SECOND": c.UnauthenticatedPerSecond, "FINSAM_UNAUTHENTICATED_BURST": c.UnauthenticatedBurst, "FINSAM_IN_FLIGHT": c.MaxInFlight,
	} {
		if n < 0 || n > 1_000_000 {
			return fmt.Errorf("%s: %d is not between 0 and 1000000", variable, n)
		}
	}
	if c.AnswerTimeout < 100*time.Millisecond || c.AnswerTimeout > time.Minute {
		return fmt.Errorf("FINSAM_ANSWER_TIMEOUT: %s is not between 100ms and 1m", c.AnswerTimeout)
	}
	return nil
}

// Apply sets what the environment says in the configuration. The buckets
// are those of all gateways; nil: each has its own.
func (c Environment) Apply(o *Config, shared *redis.Buckets) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.PublicURL, o.Origins, o.MaxInFlight, o.AnswerTimeout = c.PublicURL, c.Origins, c.MaxInFlight, c.AnswerTimeout
	for _, p := range c.Proxies {
		network, err := netip.ParsePrefix(p)
		if err != nil {
			return fmt.Errorf("FINSAM_TRUSTED_PROXIES: %w", err)
		}
		o.Proxies = append(o.Proxies, network)
	}
	o.Limits = limit.New(limit.Config{
		Policy: limit.Policy{PerSecond: c.RatePerSecond, Burst: c.RateBurst}, Redis: shared, Now: o.Now,
	})
	var err error
	o.Unauthenticated, err = limit.NewUnauthenticated(limit.Policy{PerSecond: c.UnauthenticatedPerSecond, Burst: c.UnauthenticatedBurst}, o.Now)
	return err
}
