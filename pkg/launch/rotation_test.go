package launch_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/encryption"
	"github.com/finsam/finsam/pkg/internaltoken"
	"github.com/finsam/finsam/pkg/launch"
)

// program is one that was started with the keys as they then were.
type program struct {
	signer   *internaltoken.Signer
	verifier *internaltoken.Verifier
	sealer   *encryption.Cipher
}

func started(t *testing.T, dir string) (p program) {
	t.Helper()
	keys := launch.Keys{Dir: dir}
	var err error
	if p.signer, err = keys.Signer("participant", time.Now); err != nil {
		t.Fatal(err)
	}
	if p.verifier, err = keys.Verifier(time.Now); err != nil {
		t.Fatal(err)
	}
	if p.sealer, err = keys.Cipher(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p program) accepts(t *testing.T, other program) bool {
	t.Helper()
	token, err := other.signer.Token(actor.ForService("participant", "a"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = p.verifier.Verify(token)
	return err == nil
}

func (p program) opens(t *testing.T, other program) bool {
	t.Helper()
	sealed, err := other.sealer.Encrypt([]byte("text"), "c")
	if err != nil {
		t.Fatal(err)
	}
	clear, err := p.sealer.Decrypt(sealed, "c")
	return err == nil && string(clear) == "text"
}

func TestThroughARotationNeighboursTakeEachOthersTokensAndSealedTexts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := launch.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	stages := []program{started(t, dir)}
	for _, stage := range []string{launch.Announce, launch.Switch, launch.Retire} {
		if err := launch.RotateKeys(dir, stage); err != nil {
			t.Fatal(err)
		}
		stages = append(stages, started(t, dir))
		if err := launch.WriteKeys(dir); err != nil { // as serve does at each start
			t.Fatal(err)
		}
		verifies(t, dir)
	}
	before, announced, switched, retired := stages[0], stages[1], stages[2], stages[3]
	for i := range stages[1:] {
		a, b := stages[i], stages[i+1]
		if !a.accepts(t, b) || !b.accepts(t, a) || !a.opens(t, b) || !b.opens(t, a) {
			t.Errorf("the programs of stages %d and %d cannot run side by side", i, i+1)
		}
	}
	if !switched.accepts(t, before) || retired.accepts(t, announced) {
		t.Error("the old key is to be accepted until it is retired, and no longer")
	}
	if !retired.opens(t, before) || before.opens(t, switched) {
		t.Error("what was sealed before is to open for good, and new texts are sealed with the new key")
	}
	if got := before.sealer.Lookup("x"); got != retired.sealer.Lookup("x") {
		t.Error("people are filed under the look-up keys: they stay")
	}
	if n := len(files(t, dir)); n != 7 {
		t.Errorf("%d files are left", n)
	}
}

func TestAStageThatDiedIsFinishedWhenAskedForAgain(t *testing.T) {
	dir := t.TempDir()
	if err := launch.WriteKeys(dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := launch.RotateKeys(dir, launch.Announce); err != nil {
			t.Fatal(err)
		}
	}
	announced := files(t, dir)
	if len(announced) != 11 {
		t.Fatalf("announced twice: %d files", len(announced))
	}
	if err := launch.RotateKeys(dir, launch.Switch); err != nil {
		t.Fatal(err)
	}
	switched := files(t, dir)
	// As after a death behind the first of the four keys.
	for name, content := range announced {
		if strings.HasSuffix(name, ".key") && !strings.HasPrefix(name, "gateway.") {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	verifies(t, dir)
	if err := launch.RotateKeys(dir, launch.Switch); err != nil {
		t.Fatal(err)
	}
	for name, content := range files(t, dir) {
		if !bytes.Equal(content, switched[name]) {
			t.Errorf("%s is not as if the stage had been taken at once", name)
		}
	}
}

func TestStagesOutOfOrderAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		stages []string
		want   string
	}{
		"using what was not announced": {[]string{launch.Switch}, "no new keys have been announced"},
		"retiring what is not old":     {[]string{launch.Retire}, "there are no old keys"},
		"retiring what is in use":      {[]string{launch.Announce, launch.Retire}, "switch to them first"},
		"beginning before the end":     {[]string{launch.Announce, launch.Switch, launch.Announce}, "retire its keys first"},
		"an unknown stage":             {[]string{"now"}, "is not one of announce, switch, retire"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := launch.WriteKeys(dir); err != nil {
				t.Fatal(err)
			}
			var err error
			for _, stage := range c.stages {
				if err != nil {
					t.Fatal(err)
				}
				err = launch.RotateKeys(dir, stage)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			verifies(t, dir)
		})
	}
	if err := launch.RotateKeys(t.TempDir(), launch.Announce); err == nil || !strings.Contains(err.Error(), "internal-jwks.json is not in") {
		t.Errorf("an empty folder: %v", err)
	}
}
