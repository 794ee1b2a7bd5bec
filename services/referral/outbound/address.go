package outbound

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/personnummer"
)

// maxURL bounds the address of a webhook, in bytes.
const maxURL = 2048

// localNames are the last labels of names that are never public (RFC 6761, 6762,
// 8375, and what networks are named in practice).
var localNames = []string{"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa", "test", "invalid", "onion"}

// CheckURL holds an address against what any installation sends to. literal tells
// that an address in digits may be named; the sender then decides which.
func CheckURL(text string, literal bool) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || !ascii(text) {
		return ErrAddress.AtField("/url")
	}
	if u.Scheme != "https" || u.Opaque != "" || u.User != nil || u.Fragment != "" || strings.Contains(text, "#") || !port(u) {
		return ErrAddress.AtField("/url")
	}
	if personnummer.Contains(text) {
		return ErrAddressNumber.AtField("/url")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		if !literal {
			return ErrAddress.AtField("/url")
		}
		return nil
	}
	if !publicName(u.Hostname()) {
		return ErrAddress.AtField("/url")
	}
	return nil
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' || text[i] == '\\' {
			return false
		}
	}
	return true
}

// port reports whether it is 443, or one that no system service has.
func port(u *url.URL) bool {
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	if u.Port() == "" {
		return true
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && (n == 443 || n >= 1024)
}

// publicName reports whether a name could be found in the public DNS: labels of
// letters, digits and hyphens, at least two, the last with a letter and none of
// those that stand for one's own network. So no number in another form passes,
// such as 0x7f.1 or 2130706433.
func publicName(host string) bool {
	host = strings.ToLower(host)
	labels := strings.Split(host, ".")
	if len(host) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	if last[0] < 'a' || last[0] > 'z' {
		return false
	}
	for _, name := range localNames {
		if last == name {
			return false
		}
	}
	return true
}
