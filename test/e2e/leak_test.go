package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// canary is a set of values that must appear nowhere. It knows the ways in which a value
// can hide in a file (encoded, shortened, with dashes) and looks for all of them at once.
type canary struct {
	needles []needle
}

type needle struct {
	name string // which value, in which disguise; safe to print
	text []byte
}

// finding is one appearance.
type finding struct{ where, what string }

// String says what was found and where, never the value itself.
func (f finding) String() string { return f.what + " in " + f.where }

// Number adds a personal identity number of twelve digits, in all the ways in
// which people and programs write it.
func (c *canary) Number(name, number string) {
	for _, written := range []string{
		number, number[2:], number[:8] + "-" + number[8:], number[2:8] + "-" + number[8:],
		number[2:8] + "+" + number[8:], number[:8] + " " + number[8:],
	} {
		shape := strings.Map(func(r rune) rune { // how it was written, and not the number itself
			if '0' <= r && r <= '9' {
				return 'N'
			}
			return r
		}, written)
		c.Text(name+" as "+shape, written)
	}
}

// Text adds a text in all its disguises. It should have eight letters or more,
// or it is found by chance.
func (c *canary) Text(name, text string) {
	c.add(name, []byte(text))
	c.add(name+" in lower case", []byte(strings.ToLower(text)))
	c.add(name+" in upper case", []byte(strings.ToUpper(text)))
	c.add(name+" in hexadecimal", []byte(hex.EncodeToString([]byte(text))))
	c.add(name+" in HEXADECIMAL", []byte(strings.ToUpper(hex.EncodeToString([]byte(text)))))
	c.add(name+" URL-encoded", []byte(url.QueryEscape(text)))
	c.add(name+" path-encoded", []byte(url.PathEscape(text)))
	var wide, ascii []byte
	for _, r := range text {
		for _, u := range utf16.Encode([]rune{r}) {
			wide = append(wide, byte(u), byte(u>>8))
			if u < 0x80 {
				ascii = append(ascii, byte(u))
			} else {
				ascii = fmt.Appendf(ascii, `\u%04x`, u)
			}
		}
	}
	c.add(name+" in a JSON string", ascii)
	c.add(name+" in UTF-16", wide)
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for shift := range 3 {
			// The letters that stay the same whatever is before and after the text, when it
			// begins shift bytes into a group of three.
			padded := append(make([]byte, shift), text...)
			first, end := (shift*8+5)/6, len(padded)*8/6
			c.add(fmt.Sprintf("%s in base64, shifted by %d", name, shift), []byte(e.EncodeToString(padded)[first:end]))
		}
	}
}

func (c *canary) add(name string, text []byte) {
	if !slices.ContainsFunc(c.needles, func(n needle) bool { return bytes.Equal(n.text, text) }) {
		c.needles = append(c.needles, needle{name, text})
	}
}

// In returns what of the canary is in data.
func (c *canary) In(where string, data []byte) (found []finding) {
	for _, n := range c.needles {
		if at := bytes.Index(data, n.text); at >= 0 {
			found = append(found, finding{fmt.Sprintf("%s at byte %d", where, at), n.name})
		}
	}
	return found
}

// InFolder looks in the name and contents of every file below the folder, and
// returns how many files and bytes that were.
func (c *canary) InFolder(folder string) (found []finding, files int, size int64, err error) {
	err = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		found = append(found, c.In("the name of "+path, []byte(entry.Name()))...)
		if !entry.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // a file that a running database has just removed
		}
		if err != nil {
			return err
		}
		files, size = files+1, size+int64(len(data))
		found = append(found, c.In(path, data)...)
		return nil
	})
	return found, files, size, err
}

const (
	birdNumber = "198507134896"
	birdName   = "Örnulf Kanariefågel"
)

func birds() *canary {
	c := &canary{}
	c.Number("the number", birdNumber)
	c.Text("the name", birdName)
	return c
}

func TestACanaryIsFoundInEveryDisguise(t *testing.T) {
	for sentence, text := range map[string]string{
		"as it is":                      birdName,
		"in lower case":                 strings.ToLower(birdName),
		"in a URL's query":              url.QueryEscape(birdName),
		"in a URL's path":               url.PathEscape(birdName),
		"in hexadecimal":                hex.EncodeToString([]byte(birdName)),
		"in base64 at the start":        base64.StdEncoding.EncodeToString([]byte(birdName)),
		"in base64 behind one byte":     base64.StdEncoding.EncodeToString([]byte("x" + birdName + "yz")),
		"in base64 behind two bytes":    base64.URLEncoding.EncodeToString([]byte("xy" + birdName + "z")),
		"in base64 without its padding": base64.RawStdEncoding.EncodeToString([]byte(`{"n":"` + birdName + `"}`)),
		"with ten digits":               birdNumber[2:],
		"with a dash":                   "850713-4896",
		"with a dash and a century":     "19850713-4896",
		"with a plus":                   "850713+4896",
		"the number in base64":          base64.StdEncoding.EncodeToString([]byte("pnr=" + birdNumber + ";")),
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
	for file, text := range map[string]string{"clean": "nothing", "dirty": "\x00\x01" + birdNumber + "\x00", birdNumber + ".json": "{}"} {
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
		where[strings.HasPrefix(f.where, "the name of")]++
	}
	if where[true] == 0 || where[false] == 0 {
		t.Errorf("found only %v", found)
	}
}

func TestAFindingDoesNotRepeatWhatItFound(t *testing.T) {
	for _, f := range birds().In("a log", []byte(birdNumber+birdName)) {
		if strings.Contains(f.String(), birdNumber[2:]) || strings.Contains(f.String(), birdName) {
			t.Errorf("the finding reveals it: %s", f)
		}
	}
}
