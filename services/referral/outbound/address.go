package outbound

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/finsam/finsam/pkg/personnummer"
)

// maxURL bounds the address of a webhook, in bytes.
const maxURL = 2048

// localNames are last labels that are never public (RFC 6761, 6762, 8375, and names of
// private networks in practice).
var localNames = []string{"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa", "test", "invalid", "onion"}

// CheckURL returns ErrAddress or ErrAddressNumber for an address that no installation
// sends to. allowNumbers accepts an IP address instead of a name, which the sender then
// has to check.
func CheckURL(text string, allowNumbers bool) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' || r == '#' }) {
		return ErrAddress.AtField("/url")
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	if err != nil || port != 443 && port < 1024 || strings.HasSuffix(u.Host, ":") { // a system service has the others
		return ErrAddress.AtField("/url")
	}
	if u.Scheme != "https" || u.Opaque != "" || u.User != nil {
		return ErrAddress.AtField("/url")
	}
	if personnummer.Contains(text) {
		return ErrAddressNumber.AtField("/url")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil && allowNumbers {
		return nil
	}
	if !isPublicName(u.Hostname()) {
		return ErrAddress.AtField("/url")
	}
	return nil
}

// isPublicName reports whether a name could be in the public DNS: at least two labels of
// letters, digits and hyphens, the last one beginning with a letter and not in
// localNames. So no IP address in another form passes, such as 0x7f.1 or 2130706433.
func isPublicName(host string) bool {
	labels := strings.Split(strings.ToLower(host), ".")
	if len(host) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	return last[0] >= 'a' && last[0] <= 'z' && !slices.Contains(localNames, last)
}
