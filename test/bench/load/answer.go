package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Answer is what is kept of an answer. It is overwritten by the next one.
type Answer struct {
	Status   int
	Location string // of the header, "" without
	Length   int    // of the body, in bytes
	Body     []byte // only of an answer that is not wanted, its first maxShown bytes
}

// maxShown is how much of an unwanted answer is kept to be shown.
const maxShown = 2000

var errAnswer = errors.New("not an HTTP/1.1 answer")

// good tells whether a well-meant request may be answered so.
func (a *Answer) good() bool { return a.Status >= 200 && a.Status < 300 || a.Status == 304 }

// read reads one answer and leaves r at the beginning of the next.
func (a *Answer) read(r *bufio.Reader) error {
	*a = Answer{Body: a.Body[:0]}
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 14 || string(line[:9]) != "HTTP/1.1 " {
		return errAnswer
	}
	if a.Status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return errAnswer
	}
	length, chunked, err := a.readHeader(r)
	switch {
	case err != nil:
		return err
	case a.Status == 204 || a.Status == 304:
		return nil
	case chunked:
		return a.readChunks(r)
	case length < 0:
		return fmt.Errorf("%w: no length", errAnswer)
	}
	return a.readBody(r, length)
}

// readHeader finds the length of the body, -1 where none is given.
func (a *Answer) readHeader(r *bufio.Reader) (length int, chunked bool, err error) {
	length = -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, chunked, nil
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return 0, false, errAnswer
		}
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
				return 0, false, errAnswer
			}
		case is(name, "transfer-encoding"):
			chunked = is(value, "chunked")
		case is(name, "location"):
			a.Location = string(value)
		}
	}
}

// is compares without regard to case; want is in lower case.
func is(got []byte, want string) bool {
	return len(got) == len(want) && bytes.EqualFold(got, []byte(want))
}

func (a *Answer) readChunks(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(";"))
		n, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil {
			return fmt.Errorf("%w: size of a chunk", errAnswer)
		}
		if n > 0 {
			if err := a.readBody(r, int(n)); err != nil {
				return err
			}
		}
		if end, err := r.ReadSlice('\n'); err != nil {
			return err
		} else if len(bytes.TrimRight(end, "\r\n")) != 0 {
			return fmt.Errorf("%w: end of a chunk", errAnswer) // no trailers are expected
		}
		if n == 0 {
			return nil
		}
	}
}

// readBody passes over n bytes, keeping the first ones of an unwanted answer.
func (a *Answer) readBody(r *bufio.Reader, n int) error {
	a.Length += n
	if keep := min(n, maxShown-len(a.Body)); !a.good() && keep > 0 {
		at := len(a.Body)
		a.Body = append(a.Body, make([]byte, keep)...)
		if _, err := io.ReadFull(r, a.Body[at:]); err != nil {
			return err
		}
		n -= keep
	}
	_, err := r.Discard(n)
	return err
}
