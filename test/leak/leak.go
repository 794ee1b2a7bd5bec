// Package leak looks for personal data where none may be: it knows the ways in
// which a value can hide in a file (encoded, shortened, with dashes) and looks
// for all of them at once.
package leak

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
	"unicode/utf16"
)

// Canary is a set of values that must appear nowhere.
type Canary struct {
	needles []needle
}

type needle struct {
	name string // which value, in which disguise; safe to print
	text []byte
}

// Found is one appearance.
type Found struct{ Where, What string }

// String says what was found and where, never the value itself.
func (f Found) String() string { return f.What + " in " + f.Where }

// Number adds a personal identity number of twelve digits, in all the ways in
// which people and programs write it.
func (c *Canary) Number(name, number string) {
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
func (c *Canary) Text(name, text string) {
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

func (c *Canary) add(name string, text []byte) {
	if !slices.ContainsFunc(c.needles, func(n needle) bool { return bytes.Equal(n.text, text) }) {
		c.needles = append(c.needles, needle{name, text})
	}
}

// In returns what of the canary is in data.
func (c *Canary) In(where string, data []byte) (found []Found) {
	for _, n := range c.needles {
		if at := bytes.Index(data, n.text); at >= 0 {
			found = append(found, Found{fmt.Sprintf("%s at byte %d", where, at), n.name})
		}
	}
	return found
}

// InFolder looks in the name and contents of every file below the folder, and
// returns how many files and bytes that were.
func (c *Canary) InFolder(folder string) (found []Found, files int, size int64, err error) {
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
