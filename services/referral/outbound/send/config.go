package send

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/caarlos0/env/v11"
)

// Config is what the environment says of the sending of webhooks. Certificates
// are checked against the system's authorities, or those of SSL_CERT_FILE.
type Config struct {
	// Allow are networks that may be sent to though they are not public, such as
	// 10.20.0.0/16, parted by commas.
	Allow []string `env:"FINSAM_WEBHOOK_ALLOW"`
	// Proxy is what all webhooks are sent through, such as http://proxy:3128; it
	// then decides what may be reached. HTTPS_PROXY is not read.
	Proxy string `env:"FINSAM_WEBHOOK_PROXY"`
}

// ReadConfig reads the environment.
func ReadConfig(environ map[string]string) (Config, error) {
	c, err := env.ParseAsWithOptions[Config](env.Options{Environment: environ})
	if err != nil {
		return c, fmt.Errorf("a FINSAM_WEBHOOK_ variable: %w", err)
	}
	_, _, err = c.read()
	return c, err
}

// read returns the networks and the proxy; nil: none. Its error names the variable.
func (c Config) read() ([]netip.Prefix, *url.URL, error) {
	var allowed []netip.Prefix
	for _, text := range c.Allow {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4In6() {
			return nil, nil, fmt.Errorf("FINSAM_WEBHOOK_ALLOW: %q is no network such as 10.20.0.0/16", text)
		}
		if p.Bits() == 0 {
			return nil, nil, fmt.Errorf("FINSAM_WEBHOOK_ALLOW: %q allows everything; name the networks", text)
		}
		allowed = append(allowed, p.Masked())
	}
	if c.Proxy == "" {
		return allowed, nil, nil
	}
	u, err := url.Parse(c.Proxy)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		return nil, nil, errors.New("FINSAM_WEBHOOK_PROXY: must be like http://proxy.example.se:3128")
	}
	return allowed, u, nil
}
