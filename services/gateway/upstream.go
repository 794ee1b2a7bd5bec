package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/finsam/finsam/pkg/web/client"
	"github.com/finsam/finsam/services/gateway/hop"
)

// upstream is a service as the gateway calls it.
type upstream struct {
	name      string
	scheme    string
	host      string
	transport http.RoundTripper
}

func newUpstream(s Service) (*upstream, error) {
	base := s.Base
	if base == "" && s.Transport != nil {
		base = "http://" + s.Name
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" {
		return nil, fmt.Errorf("the address of %s must be like http://127.0.0.1:8081, without a path", s.Name)
	}
	if s.Transport == nil {
		s.Transport = newTransport(u)
	}
	return &upstream{name: s.Name, scheme: u.Scheme, host: u.Host, transport: s.Transport}, nil
}

// newTransport creates the pool of connections to one service: package wire, or
// where TLS is spoken the standard library's, which follows no redirect, uses no
// proxy, and leaves bodies as they are.
func newTransport(u *url.URL) http.RoundTripper {
	if u.Scheme == "http" {
		port := u.Port()
		if port == "" {
			port = "80"
		}
		return hop.New(net.JoinHostPort(u.Hostname(), port))
	}
	return &http.Transport{
		DialContext:         client.Dial,
		TLSHandshakeTimeout: 2 * time.Second,
		MaxIdleConns:        1024,
		MaxIdleConnsPerHost: 512,
		MaxConnsPerHost:     1024,
		IdleConnTimeout:     client.IdleTimeout,
		DisableCompression:  true,
		WriteBufferSize:     16 << 10,
		ReadBufferSize:      16 << 10,
	}
}
