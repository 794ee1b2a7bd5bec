package trust

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// run watches until the test ends.
func run(t *testing.T, v *Verifier) {
	t.Helper()
	var wg sync.WaitGroup
	ctx := t.Context()
	wg.Go(func() { _ = v.Run(ctx) })
	t.Cleanup(wg.Wait)
}

func (v *Verifier) passes(t *testing.T, token string) bool {
	_, _, err := v.Verify(t.Context(), token)
	return err == nil
}

func TestADisabledIssuerIsRefusedWithinASecondAlsoForKnownTokens(t *testing.T) {
	fk, af := newAuthority(t, "fk"), newAuthority(t, "af")
	f := newFolder(t, fk, af)
	v := f.open()
	run(t, v)
	token, other := fk.token(t, nil, nil), af.token(t, nil, nil)
	if !v.passes(t, token) || !v.passes(t, other) {
		t.Fatal("a good token did not pass")
	}
	out := fk.issuer()
	out.Disabled = true
	f.trust(out, af.issuer())
	soon(t, "the disabled issuer's token is refused", func() bool { return !v.passes(t, token) })
	if !v.passes(t, other) {
		t.Error("the other issuer was shut out as well")
	}
	f.trust(af.issuer())
	if _, _, err := v.Verify(t.Context(), token); !errors.Is(err, ErrIssuer) {
		t.Error(err)
	}
	f.trust(fk.issuer(), af.issuer())
	soon(t, "the issuer let in again passes", func() bool { return v.passes(t, token) })
}

func TestANewIssuerIsAcceptedAtOnce(t *testing.T) {
	fk, af := newAuthority(t, "fk"), newAuthority(t, "af")
	f := newFolder(t, fk)
	v := f.open()
	time.Sleep(2 * minReadInterval)
	f.write("af.json", af.jwks(t))
	f.trust(fk.issuer(), af.issuer())
	if !v.passes(t, af.token(t, nil, nil)) {
		t.Error("the first token of the new issuer was refused")
	}
}

func TestAnInvalidTrustFileStopsTheStartButNotARunningGateway(t *testing.T) {
	fk := newAuthority(t, "fk")
	f := newFolder(t, fk)
	v := f.open()
	run(t, v)
	token := fk.token(t, nil, nil)
	f.write("trust.yaml", []byte("issuers: [{issuer: x, disbaled: true}]"))
	time.Sleep(2 * watchInterval)
	if !v.passes(t, token) {
		t.Error("a wrong file shut a good issuer out")
	}
	if _, err := Open(Config{Path: f.path}); err == nil {
		t.Error("a wrong file was taken at the start")
	}
	if _, err := Open(Config{Path: f.path + ".none"}); err == nil {
		t.Error("no file at all was taken at the start")
	}
	out := fk.issuer()
	out.Disabled = true
	f.trust(out)
	soon(t, "the next right file is taken", func() bool { return !v.passes(t, token) })
}

func TestKeysInAFileRotateWithoutRestart(t *testing.T) {
	fk := newAuthority(t, "fk")
	f := newFolder(t, fk)
	v := f.open()
	run(t, v)
	old := fk.token(t, nil, nil)
	if !v.passes(t, old) {
		t.Fatal("the first key's token was refused")
	}
	next := newAuthority(t, "fk")
	next.kid = "fk-2"
	f.write("fk.json", marshal(t, map[string]any{"keys": []any{jwk(t, fk.key.Public(), fk.kid), jwk(t, next.key.Public(), next.kid)}}))
	soon(t, "both keys pass", func() bool { return v.passes(t, next.token(t, nil, nil)) && v.passes(t, old) })
	f.write("fk.json", next.jwks(t))
	soon(t, "the withdrawn key's token, seen before, is refused", func() bool { return !v.passes(t, old) })
	f.write("fk.json", []byte("{}"))
	time.Sleep(2 * watchInterval)
	if !v.passes(t, next.token(t, nil, nil)) {
		t.Error("an empty key file took the keys away")
	}
}

// keyServer serves a key set that can be changed, and counts the fetches.
type keyServer struct {
	*httptest.Server
	text    atomic.Pointer[[]byte]
	fetches atomic.Int64
}

func newKeyServer(t *testing.T, text []byte) *keyServer {
	s := &keyServer{}
	s.text.Store(&text)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		if text := *s.text.Load(); len(text) > 0 {
			_, _ = w.Write(text)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) set(text []byte) { s.text.Store(&text) }

func openByURL(t *testing.T, a *authority, s *keyServer) *Verifier {
	f := newFolder(t, a)
	is := a.issuer()
	is.JWKS = s.URL + "/jwks"
	f.trust(is)
	return f.open()
}

func TestKeysByURLRotateWithoutRestart(t *testing.T) {
	fk := newAuthority(t, "fk")
	s := newKeyServer(t, fk.jwks(t))
	v := openByURL(t, fk, s)
	run(t, v)
	soon(t, "the first key passes", func() bool { return v.passes(t, fk.token(t, nil, nil)) })
	next := newAuthority(t, "fk")
	next.kid = "fk-2"
	s.set(next.jwks(t))
	if !v.passes(t, next.token(t, nil, nil)) {
		t.Error("the first token of the new key was refused")
	}
	if v.passes(t, fk.token(t, nil, nil)) {
		t.Error("the old key still passes")
	}
}

func TestAStormOfUnknownKeysFetchesOnce(t *testing.T) {
	fk := newAuthority(t, "fk")
	s := newKeyServer(t, fk.jwks(t))
	v := openByURL(t, fk, s)
	if !v.passes(t, fk.token(t, nil, nil)) {
		t.Fatal("the first token must fetch the keys")
	}
	var wg sync.WaitGroup
	for i := range 200 {
		token := fk.token(t, nil, map[string]any{"kid": numbered(i)})
		wg.Go(func() {
			if v.passes(t, token) {
				t.Error("an unknown key passed")
			}
		})
	}
	wg.Wait()
	if n := s.fetches.Load(); n > 2 {
		t.Errorf("%d fetches", n)
	}
}

func TestAnIssuerWhoseKeysCannotBeFetchedIsUnavailableNotUntrusted(t *testing.T) {
	fk := newAuthority(t, "fk")
	s := newKeyServer(t, nil)
	v := openByURL(t, fk, s)
	if _, _, err := v.Verify(t.Context(), fk.token(t, nil, nil)); !errors.Is(err, ErrKeys) {
		t.Error(err)
	}
}

func TestARedirectIsNotFollowedToKeys(t *testing.T) {
	fk := newAuthority(t, "fk")
	s := newKeyServer(t, fk.jwks(t))
	away := httptest.NewServer(http.RedirectHandler(s.URL, http.StatusFound))
	t.Cleanup(away.Close)
	v := openByURL(t, fk, &keyServer{Server: away})
	if v.passes(t, fk.token(t, nil, nil)) || s.fetches.Load() != 0 {
		t.Error("the redirect was followed")
	}
}
