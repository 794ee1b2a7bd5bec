package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// result is the outcome of a row.
type result struct {
	Row            int      `json:"row"`
	Reference      string   `json:"externalReference,omitempty"` // in the report, not in the journal
	Key            string   `json:"key"`
	Status         int      `json:"status"` // HTTP; 0: it was not posted
	ID             string   `json:"id,omitempty"`
	RegistryNumber string   `json:"registryNumber,omitempty"`
	Code           string   `json:"code,omitempty"`
	Detail         string   `json:"detail,omitempty"`
	Fields         []string `json:"fields,omitempty"` // "pointer: sentence"
}

// taken reports whether the referral was received.
func (r result) taken() bool { return r.Status >= 200 && r.Status < 300 && r.ID != "" }

// journal is a file beside the input that records what has been posted, so that an
// interrupted run can be continued. It begins with a random salt: the rows' keys are made
// from it and the rows, and reveal nothing of their content.
type journal struct {
	file *os.File
	salt []byte
	done map[string]result // by key
}

type journalHead struct {
	Version int    `json:"version"`
	Salt    string `json:"salt"`
}

// openJournal opens or creates a journal, and removes a line that a crash left half
// written. It fails when another run uses the journal.
func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &journal{file: f, done: map[string]result{}}
	if err := errors.Join(lock(f), j.read()); err != nil {
		return nil, errors.Join(fmt.Errorf("journal %s: %w", path, err), f.Close())
	}
	return j, nil
}

func (j *journal) read() error {
	in, whole := bufio.NewReader(j.file), int64(0)
	for first := true; ; first = false {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // half a line at the end: it was never relied on
		}
		if err != nil {
			return err
		}
		whole += int64(len(line))
		if first {
			var h journalHead
			if json.Unmarshal(line, &h) != nil || h.Version != 1 {
				return errors.New("is not a journal of finsamctl")
			}
			if j.salt, err = hex.DecodeString(h.Salt); err != nil || len(j.salt) != sha256.Size {
				return errors.New("is not a journal of finsamctl")
			}
			continue
		}
		var r result
		if json.Unmarshal(line, &r) != nil {
			return errors.New("has a line that finsamctl did not write")
		}
		j.done[r.Key] = r
	}
	if err := j.file.Truncate(whole); err != nil {
		return err
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	if j.salt != nil {
		return nil
	}
	j.salt = make([]byte, sha256.Size)
	_, _ = rand.Read(j.salt) // never fails (crypto/rand)
	return j.write(journalHead{Version: 1, Salt: hex.EncodeToString(j.salt)})
}

// write appends lines and flushes them to the disk.
func (j *journal) write(lines ...any) error {
	var b bytes.Buffer
	for _, l := range lines {
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		b.Write(append(text, '\n'))
	}
	if _, err := j.file.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// note records the outcome of rows, durably.
func (j *journal) note(all []result) error {
	lines := make([]any, 0, len(all))
	for _, r := range all {
		r.Reference = ""
		lines = append(lines, r)
		j.done[r.Key] = r
	}
	return j.write(lines...)
}

// key returns the Idempotency-Key of a row: the same row has the same one in every
// run with this journal.
func (j *journal) key(body []byte) string {
	h := hmac.New(sha256.New, j.salt)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (j *journal) close() error { return j.file.Close() }
