package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/redis/go-redis/v9"

	"github.com/finsam/finsam/services/gateway/limit"
)

// Config is what the environment says of the gateway alone, beside launch.Config.
type Config struct {
	// PublicURL is where the installation is reached, such as
	// https://api.example.se; https turns on Strict-Transport-Security.
	PublicURL string `env:"FINSAM_PUBLIC_URL"`
	// Origins are those of browsers that may call, parted by commas.
	Origins []string `env:"FINSAM_CORS_ORIGINS"`
	// Proxies are the networks whose X-Forwarded-For is believed, such as
	// 10.0.0.0/8, parted by commas.
	Proxies []string `env:"FINSAM_TRUSTED_PROXIES"`
	// RatePerSecond and RateBurst bound each authority; a rate of 0 is no limit.
	RatePerSecond int `env:"FINSAM_RATE_PER_SECOND" envDefault:"500"`
	RateBurst     int `env:"FINSAM_RATE_BURST" envDefault:"1000"`
	// StrangersPerSecond and StrangersBurst bound each address that shows no good
	// token; a rate of 0 is no limit.
	StrangersPerSecond int `env:"FINSAM_STRANGERS_PER_SECOND" envDefault:"50"`
	StrangersBurst     int `env:"FINSAM_STRANGERS_BURST" envDefault:"500"`
	// InFlight bounds the requests that wait for services at once.
	InFlight int `env:"FINSAM_IN_FLIGHT" envDefault:"1024"`
	// Patience bounds the wait for one answer of a service.
	Patience time.Duration `env:"FINSAM_PATIENCE" envDefault:"15s"`
}

// ReadConfig reads the environment; its error names the variable that is wrong
// and says what is wanted.
func ReadConfig(environ map[string]string) (Config, error) {
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: environ})
	if err != nil {
		var all env.AggregateError
		if errors.As(err, &all) && len(all.Errors) > 0 {
			err = all.Errors[0]
		}
		return c, fmt.Errorf("a FINSAM_ variable of the gateway: %w", err)
	}
	return c, c.check()
}

func (c Config) check() error {
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || !origin(u) {
			return fmt.Errorf("FINSAM_PUBLIC_URL: %q must be like https://api.example.se, without a path", c.PublicURL)
		}
	}
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || !origin(u) || strings.HasSuffix(o, "/") {
			return fmt.Errorf("FINSAM_CORS_ORIGINS: %q must be an origin such as https://app.example.se; \"*\" is none", o)
		}
	}
	for _, p := range c.Proxies {
		if _, err := netip.ParsePrefix(p); err != nil {
			return fmt.Errorf("FINSAM_TRUSTED_PROXIES: %q must be a network such as 10.0.0.0/8", p)
		}
	}
	for variable, n := range map[string]int{
		"FINSAM_RATE_PER_SECOND": c.RatePerSecond, "FINSAM_RATE_BURST": c.RateBurst,
		"FINSAM_STRANGERS_PER_SECOND": c.StrangersPerSecond, "FINSAM_STRANGERS_BURST": c.StrangersBurst, "FINSAM_IN_FLIGHT": c.InFlight,
	} {
		if n < 0 || n > 1_000_000 {
			return fmt.Errorf("%s: %d is not between 0 and 1000000", variable, n)
		}
	}
	if c.Patience < 100*time.Millisecond || c.Patience > time.Minute {
		return fmt.Errorf("FINSAM_PATIENCE: %s is not between 100ms and 1m", c.Patience)
	}
	return nil
}

// origin reports whether a URL is a scheme, a host and perhaps a port.
func origin(u *url.URL) bool {
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

// Apply fills the options from the configuration. The Redis client is for limits
// that all gateways share; nil: each has its own.
func (c Config) Apply(o *Options, shared redis.UniversalClient) error {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.PublicURL, o.Origins, o.InFlight, o.Patience = c.PublicURL, c.Origins, c.InFlight, c.Patience
	for _, p := range c.Proxies {
		network, err := netip.ParsePrefix(p)
		if err != nil {
			return fmt.Errorf("FINSAM_TRUSTED_PROXIES: %w", err)
		}
		o.Proxies = append(o.Proxies, network)
	}
	o.Limits = limit.New(limit.Options{
		Policy: limit.Policy{PerSecond: c.RatePerSecond, Burst: c.RateBurst}, Redis: shared, Now: o.Now, Log: o.Log,
	})
	var err error
	o.Strangers, err = limit.NewStrangers(limit.Policy{PerSecond: c.StrangersPerSecond, Burst: c.StrangersBurst}, o.Now)
	return err
}
