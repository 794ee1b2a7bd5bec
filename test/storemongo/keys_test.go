package storemongo

import (
	"strings"
	"testing"

	"github.com/finsam/finsam/pkg/launch"
	"github.com/finsam/finsam/test/mongowire"
)

// TestADatabaseIsOpenedWithTheKeysThatItWasSealedWith starts a service again and
// again on one database: with its keys, after each stage of a rotation, and with
// another installation's.
func TestADatabaseIsOpenedWithTheKeysThatItWasSealedWith(t *testing.T) {
	uri, right, other := mongowire.Start(t).URI, t.TempDir(), t.TempDir()
	for _, dir := range []string{right, other} {
		if err := launch.WriteKeys(dir); err != nil {
			t.Fatal(err)
		}
	}
	start := func(keys string) error {
		p, err := launch.Open(t.Context(), launch.Requirements{Service: "referral", Store: true, Cipher: true},
			map[string]string{"FINSAM_STORE": uri, "FINSAM_KEYS_DIR": keys, "FINSAM_LOG_LEVEL": "error"})
		if err != nil {
			return err
		}
		return p.Close()
	}
	for range 2 {
		must(t, start(right))
	}
	for _, stage := range []string{launch.Announce, launch.Switch, launch.Retire} {
		must(t, launch.RotateKeys(right, stage))
		must(t, start(right))
	}
	if err := start(other); err == nil || !strings.Contains(err.Error(), "is not what the database of the referral service was encrypted with") {
		t.Errorf("another installation's keys: %v", err)
	}
	must(t, start(right))
}
