package trust

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/pkg/personnummer"
)

func TestANameIsOneShortVisibleLineWithoutANumber(t *testing.T) {
	for name, want := range map[string]bool{
		"Kim Påhittad": true, "Zoé Åsa O'Påhittad-Ek": true, "李 påhittad": true, strings.Repeat("ö", 100): true,
		"": false, "K": false, "17": false, "--": false, strings.Repeat("ö", 101): false,
		"Kim\nPåhittad": false, "Kim\u2028Påhittad": false, "Kim\u202ePåhittad": false, "Kim\u200bPåhittad": false, "Kim\x00": false, "Kim\xff": false,
		"Kim 198001012387": false, "Kim 800101-2387": false, "198001012387": false,
	} {
		if got := isName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func FuzzName(f *testing.F) {
	f.Add("Kim Påhittad")
	f.Add("Kim 198001012387")
	f.Fuzz(func(t *testing.T, text string) {
		if isName(text) && (len(text) > 4*maxName || personnummer.Contains(text) || strings.ContainsFunc(text, unicode.IsControl)) {
			t.Errorf("%q passed", text)
		}
	})
}

// TestANameIsNotedOnceForATokenAndNothingDependsOnIt is: of staff, where the issuer names the
// claim; whatever happens, the token holds and the log does not have the name.
func TestANameIsNotedOnceForATokenAndNothingDependsOnIt(t *testing.T) {
	fk := newAuthority(t, "fk")
	f := newFolder(t, fk)
	named, other := fk.issuer(), newAuthority(t, "af")
	named.Claims.Name = Path{"name"}
	f.write("af.json", other.jwks(t))
	f.trust(named, other.issuer())
	var log bytes.Buffer
	v, err := Open(Config{Path: f.path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var noted []string
	v.IntroduceBy(func(_ context.Context, a actor.Actor, name string) error {
		noted = append(noted, a.Subject+" "+name)
		return errors.New("the vault is away")
	})
	staff := []string{"remittent"}
	for sentence, c := range map[string]struct {
		of     *authority
		claims map[string]any
		want   int
		warns  bool
	}{
		"a member of staff":           {fk, map[string]any{"roles": staff, "name": " Kim Påhittad "}, 1, true},
		"one without a name":          {fk, map[string]any{"roles": staff}, 0, false},
		"a name that is no text":      {fk, map[string]any{"roles": staff, "name": 17}, 0, false},
		"a name of two lines":         {fk, map[string]any{"roles": staff, "name": "Kim\nPåhittad"}, 0, true},
		"a name with a number":        {fk, map[string]any{"roles": staff, "name": "Påhittad 198001012387"}, 0, true},
		"nobody, by the roles":        {fk, map[string]any{"roles": []string{"unknown"}, "name": "Kim Påhittad"}, 0, false},
		"an issuer that names nobody": {other, map[string]any{"roles": staff, "name": "Kim Påhittad"}, 0, false},
	} {
		noted = nil
		log.Reset()
		token := c.of.token(t, c.claims, nil)
		for range 2 {
			if _, _, err := v.Verify(t.Context(), token); err != nil {
				t.Errorf("%s: %v", sentence, err)
			}
		}
		if len(noted) != c.want || c.want > 0 && noted[0] != "handlaggare-7 Kim Påhittad" {
			t.Errorf("%s: noted %q", sentence, noted)
		}
		if strings.Contains(log.String(), "name in a token") != c.warns || strings.Contains(log.String(), "hittad") || strings.Contains(log.String(), "198001012387") {
			t.Errorf("%s: the log has %s", sentence, log.String())
		}
	}
}
