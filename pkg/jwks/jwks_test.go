package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// ec is the P-256 key of RFC 7517, appendix A.1.
const ec = `"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"`

const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`

func TestASetIsReadForWhatCanVerify(t *testing.T) {
	one := `{"kid":"a",` + ec + `}`
	for _, c := range []struct {
		sentence, keys string
		want           int
		leftOut, err   string
	}{
		{"one key", one, 1, "", ""},
		{"keys of each kind", one + `,{"kid":"b",` + ed + `}`, 2, "", ""},
		{"an address for certificates is not read", `{"kid":"a","x5u":"http://127.0.0.1:1/x",` + ec + `}`, 1, "", ""},
		{"a symmetric key is left out", one + `,{"kty":"oct","kid":"b","k":"c2VjcmV0"}`, 1, "", ""},
		{"a key for encryption is left out", `{"kid":"a","use":"enc",` + ec + `}`, 0, "", "no key in it"},
		{"a key whose operations are others is left out", one + `,{"kid":"b","key_ops":["encrypt"],` + ed + `}`, 1, "", ""},
		{"a key without any operation is left out", one + `,{"kid":"b","key_ops":[],` + ed + `}`, 1, "", ""},
		{"a key that verifies and more", `{"kid":"a","key_ops":["sign","verify"],` + ec + `}`, 1, "", ""},
		{"a key without id is left out", `{` + ec + `}`, 0, "", "no key in it"},
		{"an empty set", ``, 0, "", "no key in it"},
		{"two keys of one id are ambiguous", one + `,` + one + `,{"kid":"b",` + ed + `}`, 1, `"a": its id is in the set twice`, ""},
		{"three keys of one id too", one + `,` + one + `,` + one, 0, `"a": its id is in the set twice`, "no key in it"},
		{"a point that is too short", `{"kid":"a","kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}`, 0, "32 bytes", "no key in it"},
		{"a point that is not on the curve", strings.Replace(one, "MKBC", "AAAA", 1), 0, `key "a"`, "no key in it"},
		{"a short Ed25519 key", `{"kid":"a","kty":"OKP","crv":"Ed25519","x":"AAAA"}`, 0, "32 bytes", "no key in it"},
		{"a weak key is left out", one + `,{"kid":"b","kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, 1, "weak", ""},
		{"padding", strings.Replace(one, `7D4"`, `7D4="`, 1), 0, "x is not base64url", "no key in it"},
		{"an RSA key without numbers", `{"kid":"a","kty":"RSA"}`, 0, "RSA", "no key in it"},
		{"an even exponent", `{"kid":"a","kty":"RSA","n":"AQAB","e":"AQAA"}`, 0, "RSA", "no key in it"},
		{"an unknown kind beside one that is known", one + `,{"kid":"b","kty":"AKP","alg":"ML-DSA-65","pub":"AAAA"}`, 1, `key "b": unknown kind of key: kty "AKP"`, ""},
		{"an unknown curve beside one that is known", one + `,{"kid":"b","kty":"OKP","crv":"X25519","x":"AAAA"}`, 1, "unknown kind", ""},
		{"a member of another type", one + `,{"kid":7,` + ed + `}`, 1, "key 2", ""},
		{"an unknown kind alone", `{"kid":"a","kty":"AKP","alg":"ML-DSA-65"}`, 0, "unknown kind", "unknown kind"},
		{"not JSON", `mellon`, 0, "", "not a set"},
	} {
		keys, leftOut, err := Parse([]byte(`{"keys":[` + c.keys + `]}`))
		if len(keys) != c.want || (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "mellon")) {
			t.Errorf("%s: %d keys, %v", c.sentence, len(keys), err)
		}
		if said := strings.Join(leftOut, "; "); (said == "") != (c.leftOut == "") || !strings.Contains(said, c.leftOut) {
			t.Errorf("%s: left out are %q", c.sentence, said)
		}
	}
}

// TestPointsOfLowOrderAreWeakKeys doubles each point of the list three times, by the
// addition law of RFC 8032 section 5.1.4 in affine form: it must become the neutral one.
func TestPointsOfLowOrderAreWeakKeys(t *testing.T) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	mod := func(n *big.Int) *big.Int { return n.Mod(n, p) }
	mul := func(a, b *big.Int) *big.Int { return mod(new(big.Int).Mul(a, b)) }
	inverse := func(a *big.Int) *big.Int { return new(big.Int).ModInverse(a, p) }
	one := big.NewInt(1)
	d := mul(mod(big.NewInt(-121665)), inverse(big.NewInt(121666)))
	for _, text := range lowOrder {
		encoded, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		bytes := slices.Clone(encoded)
		slices.Reverse(bytes)
		y := mod(new(big.Int).SetBytes(bytes))
		yy := mul(y, y)
		x := new(big.Int).ModSqrt(mul(mod(new(big.Int).Sub(yy, one)), inverse(mod(new(big.Int).Add(mul(d, yy), one)))), p)
		if x == nil {
			t.Errorf("%x is no point", encoded)
			continue
		}
		for range 3 {
			xx, yy, xy := mul(x, x), mul(y, y), mul(x, y)
			k := mul(d, mul(xx, yy))
			x, y = mul(mod(new(big.Int).Lsh(xy, 1)), inverse(mod(new(big.Int).Add(one, k)))),
				mul(mod(new(big.Int).Add(yy, xx)), inverse(mod(new(big.Int).Sub(one, k))))
		}
		if x.Sign() != 0 || y.Cmp(one) != 0 {
			t.Errorf("%x has another order", encoded)
		}
		signed := slices.Clone(encoded)
		signed[31] |= 0x80
		if !hasLowOrder(encoded) || !hasLowOrder(signed) {
			t.Errorf("%x is not found", encoded)
		}
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	edPublic, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecPrivate, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Marshal(map[string]crypto.PublicKey{"gateway": edPublic, "fk": ecPrivate.Public()})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Parse(text)
	want := map[string]Key{"gateway": {edPublic, "EdDSA"}, "fk": {ecPrivate.Public(), "ES256"}}
	equal := func(a, b Key) bool {
		return a.Algorithm == b.Algorithm && a.Public.(interface{ Equal(crypto.PublicKey) bool }).Equal(b.Public)
	}
	if err != nil || !maps.EqualFunc(got, want, equal) {
		t.Errorf("got %v, %v", got, err)
	}
	if strings.Index(string(text), `"fk"`) > strings.Index(string(text), `"gateway"`) {
		t.Error("the keys are not ordered by id")
	}
	for _, key := range []crypto.PublicKey{nil, &rsa.PublicKey{}, "text"} {
		if _, err := Marshal(map[string]crypto.PublicKey{"a": key}); err == nil {
			t.Errorf("%T was written", key)
		}
	}
}

func TestAnRSAKeyIsRead(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text, _ := json.Marshal(map[string]any{"keys": []member{{Type: "RSA", ID: "a", N: encode(private.N.Bytes()), E: "AQAB"}}})
	keys, _, err := Parse(text)
	if err != nil || !private.PublicKey.Equal(keys["a"].Public) {
		t.Errorf("got %v, %v", keys, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kid":"a",` + ec + `},{"kid":"b",` + ed + `}]}`))
	f.Add([]byte(`{"keys":[{"kid":"a","kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, _, err := Parse(text)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for id, k := range keys {
			if id == "" || k.Public == nil {
				t.Fatalf("key %q is %v", id, k)
			}
		}
	})
}

func ExampleParse() {
	keys, _, err := Parse([]byte(`{"keys":[{"kid":"fk-1","alg":"EdDSA",` + ed + `}]}`))
	fmt.Printf("%T %s %v\n", keys["fk-1"].Public, keys["fk-1"].Algorithm, err)
	// Output: ed25519.PublicKey EdDSA <nil>
}
