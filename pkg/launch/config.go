package launch

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/finsam/finsam/pkg/environment"
	"github.com/finsam/finsam/pkg/telemetry"
	"github.com/finsam/finsam/pkg/web"
)

// Config is what the environment says. The standard OTEL_* variables, which say where
// telemetry is sent, are read by package telemetry.
type Config struct {
	// Addr is where the service listens, as host:port.
	Addr string `env:"FINSAM_ADDR" envDefault:":8080"`
	// AdminAddr is where it serves /livez, /readyz and /metrics, as host:port; "off" serves none.
	AdminAddr string `env:"FINSAM_ADMIN_ADDR" envDefault:":9090"`
	// Store is the database: "sqlite:/path/file.db" or "mongodb://…".
	Store string `env:"FINSAM_STORE"`
	// Blobs is where attachments are: "folder:/path", or
	// "s3://bucket?endpoint=https://…&region=…" with the credentials in
	// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Empty: attachments are refused.
	Blobs string `env:"FINSAM_BLOBS"`
	// RedisURL is the shared cache, as redis://host:port/0. Empty: each process has its own.
	RedisURL string `env:"FINSAM_REDIS_URL"`
	// KeysDir is the folder of the keys (see Keys); in a cluster a mounted secret.
	KeysDir string `env:"FINSAM_KEYS_DIR"`
	// AssociationsDir is the folder of the associations' YAML files.
	AssociationsDir string `env:"FINSAM_ASSOCIATIONS_DIR"`
	// ReferralURL, ParticipantURL and ActivityURL are where the other services are.
	ReferralURL    string `env:"FINSAM_REFERRAL_URL"`
	ParticipantURL string `env:"FINSAM_PARTICIPANT_URL"`
	ActivityURL    string `env:"FINSAM_ACTIVITY_URL"`
	// TrustFile says whose access tokens the gateway accepts.
	TrustFile string `env:"FINSAM_TRUST_FILE"`
	// PublicURL is the installation's address, such as https://api.example.se. Its path, if
	// it has one, is what the links in the answers begin with.
	PublicURL string `env:"FINSAM_PUBLIC_URL"`
	// TLSDir is the folder of the certificate for the connections between the services:
	// tls.crt, tls.key and ca.crt, as cert-manager fills a Secret. Empty: plain HTTP.
	TLSDir string `env:"FINSAM_TLS_DIR"`
	// Migrate is what a service does with a database of an earlier version: auto
	// migrates it at start, check prints what there is to do and exits.
	Migrate string `env:"FINSAM_MIGRATE" envDefault:"auto"`
	// LogLevel is the least that is logged: debug, info, warn or error.
	LogLevel string `env:"FINSAM_LOG_LEVEL" envDefault:"info"`
	// Linger is how long a service that is stopped still serves, no longer ready, so
	// that the platform stops sending it requests.
	Linger time.Duration `env:"FINSAM_LINGER" envDefault:"3s"`
}

// ReadConfig reads the environment. Its error names the first variable that is wrong and
// says what is wanted; it never repeats an address, which may have a password.
func ReadConfig(environ map[string]string) (Config, error) {
	c, err := environment.Read[Config](environ)
	if err != nil {
		return c, err
	}
	return c, c.check()
}

func (c Config) check() error {
	for _, a := range []struct{ variable, value string }{{"FINSAM_ADDR", c.Addr}, {"FINSAM_ADMIN_ADDR", c.AdminAddr}} {
		if a.value == "off" && a.variable == "FINSAM_ADMIN_ADDR" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.value); err != nil {
			return fmt.Errorf("%s: %q is not an address; write host:port, such as 127.0.0.1:8080 or :8080", a.variable, a.value)
		}
	}
	if _, err := telemetry.Level(c.LogLevel); err != nil {
		return fmt.Errorf("FINSAM_LOG_LEVEL: %w", err)
	}
	if c.Migrate != migrateAuto && c.Migrate != migrateCheck {
		return fmt.Errorf("FINSAM_MIGRATE: %q is neither auto nor check", c.Migrate)
	}
	if err := checkBlobs(c.Blobs); err != nil {
		return err
	}
	if c.Linger < 0 || c.Linger > time.Minute {
		return fmt.Errorf("FINSAM_LINGER: %s is not between 0s and 1m", c.Linger)
	}
	if c.Store != "" {
		if _, _, err := parseStore(c.Store); err != nil {
			return err
		}
	}
	if c.RedisURL != "" && !strings.HasPrefix(c.RedisURL, "redis://") && !strings.HasPrefix(c.RedisURL, "rediss://") && !strings.HasPrefix(c.RedisURL, "unix://") {
		return errors.New("FINSAM_REDIS_URL: must begin with redis://, rediss:// or unix://, such as redis://127.0.0.1:6379/0")
	}
	if _, err := web.Prefix(c.PublicURL); err != nil {
		return fmt.Errorf("FINSAM_PUBLIC_URL: %w", err)
	}
	for variable, text := range map[string]string{
		"FINSAM_REFERRAL_URL": c.ReferralURL, "FINSAM_PARTICIPANT_URL": c.ParticipantURL, "FINSAM_ACTIVITY_URL": c.ActivityURL,
	} {
		u, err := url.Parse(text)
		if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "") {
			return fmt.Errorf("%s: must be an address such as http://127.0.0.1:8081", variable)
		}
		if text != "" && c.TLSDir != "" && u.Scheme != "https" {
			return fmt.Errorf("%s: must begin with https, because FINSAM_TLS_DIR is set", variable)
		}
	}
	return nil
}

// PeerURL returns the address of a service; "" when its variable is not set.
func (c Config) PeerURL(service string) string {
	return map[string]string{"referral": c.ReferralURL, "participant": c.ParticipantURL, "activity": c.ActivityURL}[service]
}

// checkPresent returns an error for the first variable that a service needs and that is
// not set.
func (c Config) checkPresent(n Requirements) error {
	for _, v := range []struct {
		name, value string
		isNeeded    bool
		hint        string
	}{
		{"FINSAM_STORE", c.Store, n.Store, "name the database, such as sqlite:/var/lib/finsam/referral.db or mongodb://127.0.0.1:27017"},
		{"FINSAM_KEYS_DIR", c.KeysDir, true, "name the folder of the keys"},
		{"FINSAM_ASSOCIATIONS_DIR", c.AssociationsDir, n.Associations, "name the folder of the associations' YAML files"},
		{"FINSAM_TRUST_FILE", c.TrustFile, n.Trust, "name the file that says whose access tokens are accepted"},
		{"FINSAM_REFERRAL_URL", c.ReferralURL, slices.Contains(n.Peers, "referral"), "say where the referral service is, such as http://127.0.0.1:8081"},
		{"FINSAM_PARTICIPANT_URL", c.ParticipantURL, slices.Contains(n.Peers, "participant"), "say where the participant service is, such as http://127.0.0.1:8082"},
		{"FINSAM_ACTIVITY_URL", c.ActivityURL, n.Programme && c.Migrate != migrateCheck || slices.Contains(n.Peers, "activity"), "say where the activity service is, such as http://127.0.0.1:8083"},
	} {
		if v.isNeeded && v.value == "" {
			return fmt.Errorf("%s: is not set; %s", v.name, v.hint)
		}
	}
	return nil
}
