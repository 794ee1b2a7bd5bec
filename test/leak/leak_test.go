package leak

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	number = "198507134896"
	name   = "Örnulf Kanariefågel"
)

func birds() *Canary {
	c := &Canary{}
	c.Number("the number", number)
	c.Text("the name", name)
	return c
}

func TestACanaryIsFoundInEveryDisguise(t *testing.T) {
	for sentence, text := range map[string]string{
		"as it is":                      name,
		"in lower case":                 strings.ToLower(name),
		"in a URL's query":              url.QueryEscape(name),
		"in a URL's path":               url.PathEscape(name),
		"in hexadecimal":                hex.EncodeToString([]byte(name)),
		"in base64 at the start":        base64.StdEncoding.EncodeToString([]byte(name)),
		"in base64 behind one byte":     base64.StdEncoding.EncodeToString([]byte("x" + name + "yz")),
		"in base64 behind two bytes":    base64.URLEncoding.EncodeToString([]byte("xy" + name + "z")),
		"in base64 without its padding": base64.RawStdEncoding.EncodeToString([]byte(`{"n":"` + name + `"}`)),
		"with ten digits":               number[2:],
		"with a dash":                   "850713-4896",
		"with a dash and a century":     "19850713-4896",
		"with a plus":                   "850713+4896",
		"the number in base64":          base64.StdEncoding.EncodeToString([]byte("pnr=" + number + ";")),
		"in JSON of ASCII only":         `\u00d6rnulf Kanarief\u00e5gel`,
	} {
		t.Run(sentence, func(t *testing.T) {
			if len(birds().In("a text", []byte("before "+text+" after"))) == 0 {
				t.Errorf("%q went by unseen", text)
			}
		})
	}
}

func TestWhatIsNoCanaryIsNotFound(t *testing.T) {
	for _, text := range []string{"", "1985", "Örnulf", "19850714-4896", base64.StdEncoding.EncodeToString([]byte("another name"))} {
		if found := birds().In("a text", []byte(text)); len(found) > 0 {
			t.Errorf("%q: %v", text, found)
		}
	}
}

func TestAFolderIsSearchedToTheBottomNamesAndAll(t *testing.T) {
	folder := t.TempDir()
	deep := filepath.Join(folder, "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"clean": "nothing", "dirty": "\x00\x01" + number + "\x00", number + ".json": "{}"} {
		if err := os.WriteFile(filepath.Join(deep, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, files, _, err := birds().InFolder(folder)
	if err != nil || files != 3 {
		t.Fatalf("%d files, %v", files, err)
	}
	where := map[bool]int{}
	for _, f := range found {
		where[strings.HasPrefix(f.Where, "the name of")]++
	}
	if where[true] == 0 || where[false] == 0 {
		t.Errorf("found only %v", found)
	}
}

func TestAFindingDoesNotRepeatWhatItFound(t *testing.T) {
	for _, f := range birds().In("a log", []byte(number+name)) {
		if strings.Contains(f.String(), number[2:]) || strings.Contains(f.String(), name) {
			t.Errorf("the finding reveals it: %s", f)
		}
	}
}
