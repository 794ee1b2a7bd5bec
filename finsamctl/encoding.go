package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// decoded returns a file from its beginning as UTF-8, without a byte order mark. A file
// with a mark is what the mark says; a sheet without one is read once to find out whether
// it is UTF-8 or what Excel calls "CSV" on Windows.
func decoded(in io.ReadSeeker, sheet bool, l language) (*bufio.Reader, error) {
	head := make([]byte, 4096)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New(l.say("filen kan inte läsas", "the file cannot be read"))
	}
	head = head[:n]
	utf16 := bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff"))
	if !utf16 && bytes.IndexByte(head, 0) >= 0 {
		return nil, errors.New(l.say("filen är inte text; spara den som CSV UTF-8", "the file is not text; save it as CSV UTF-8"))
	}
	start := int64(0)
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		start, sheet = 3, false // UTF-8, by its mark
	}
	windows := false
	if sheet && !utf16 {
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return nil, errors.New(l.say("filen kan inte läsas", "the file cannot be read"))
		}
		if windows, err = isWindows1252(bufio.NewReaderSize(in, 64<<10), l); err != nil {
			return nil, err
		}
	}
	if _, err := in.Seek(start, io.SeekStart); err != nil {
		return nil, errors.New(l.say("filen kan inte läsas", "the file cannot be read"))
	}
	var text io.Reader = in
	switch {
	case utf16:
		text = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(in)
	case windows:
		text = charmap.Windows1252.NewDecoder().Reader(in)
	}
	return bufio.NewReaderSize(text, 64<<10), nil
}

// isWindows1252 reports whether a text is Windows-1252 and not UTF-8: it has letters that
// are not UTF-8, and none that is. A text that has both is UTF-8 with rows that are wrong.
// It fails for another encoding, in which å, ä and ö are where Windows-1252 has signs.
func isWindows1252(in *bufio.Reader, l language) (bool, error) {
	var utf8Letters, letters, signs int
	for {
		r, size, err := in.ReadRune()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, errors.New(l.say("filen kan inte läsas", "the file cannot be read"))
		}
		if r == utf8.RuneError && size == 1 {
			_ = in.UnreadRune() // never fails after a rune was read
			switch b, _ := in.ReadByte(); {
			case b >= 0xc0:
				letters++
			case b < 0xa0:
				signs++
			}
		} else if size > 1 {
			utf8Letters++
		}
	}
	if utf8Letters == 0 && signs > letters {
		return false, errors.New(l.say("filens teckenkodning är varken UTF-8, UTF-16 eller Windows-1252; spara den som CSV UTF-8",
			"the encoding of the file is neither UTF-8, UTF-16 nor Windows-1252; save it as CSV UTF-8"))
	}
	return utf8Letters == 0 && letters > 0, nil
}
