package trust

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"
)

// tick is how often the trust file and the key files are looked at; with the
// reading itself it keeps the promise of one second.
const tick = 400 * time.Millisecond

// maxFile bounds the trust file, in bytes.
const maxFile = 1 << 20

// Run watches the trust file and the key sets until the context ends.
func (v *Verifier) Run(ctx context.Context) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		v.reload(minPause)
		for _, is := range v.set.Load().issuers {
			if !is.Disabled {
				is.keys.tick()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// load reads the trust file for the first time.
func (v *Verifier) load() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	text, err := readFile(v.options.Path)
	if err != nil {
		return err
	}
	return v.take(text)
}

// reload reads the trust file again unless that was done within pause, and takes
// what is new in it. A file that is wrong changes nothing: it is told once, and
// the issuers as they were still hold.
func (v *Verifier) reload(pause time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.options.Now()
	if now.Sub(v.lastRead) < pause {
		return
	}
	v.lastRead = now
	text, err := readFile(v.options.Path)
	if err != nil {
		text = []byte(err.Error()) // told once, not at every look
	}
	if bytes.Equal(text, v.text) {
		return
	}
	if err == nil {
		err = v.take(text)
	}
	v.wrong.Store(err != nil)
	if err != nil {
		v.text = text
		v.options.Log.Error("invalid trust file; keeping the previous one", "error", err)
		return
	}
	v.options.Log.Info("trust file reloaded", "issuers", len(v.set.Load().issuers))
}

// take creates a text of the trust file the one that holds; the caller holds mu.
// Issuers that are as they were keep their keys.
func (v *Verifier) take(text []byte) error {
	file, err := ParseFile(text)
	if err != nil {
		return err
	}
	next := &set{issuers: make(map[string]*issuer, len(file.Issuers))}
	for _, is := range file.Issuers {
		ready, err := v.prepare(is)
		if err != nil {
			return err
		}
		next.issuers[is.Issuer] = ready
	}
	v.text = text
	v.set.Store(next)
	return nil
}

func (v *Verifier) prepare(is Issuer) (*issuer, error) {
	place := is.JWKS
	if !isURL(place) && !filepath.IsAbs(place) {
		place = filepath.Join(filepath.Dir(v.options.Path), place)
	}
	if before := v.set.Load(); before != nil {
		if old, ok := before.issuers[is.Issuer]; ok && old.keys.place == place {
			if reflect.DeepEqual(old.Issuer, is) {
				return old, nil
			}
			return &issuer{Issuer: is, keys: old.keys, parser: is.newParser(v.options.Now)}, nil
		}
	}
	keys := &source{place: place, client: v.options.Client, now: v.options.Now, log: v.options.Log}
	if !isURL(place) && !is.Disabled {
		if err := keys.load(context.Background()); err != nil {
			return nil, fmt.Errorf("jwks of issuer %q: %w", is.Issuer, err)
		}
	}
	return &issuer{Issuer: is, keys: keys, parser: is.newParser(v.options.Now)}, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the trust file: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("the trust file %s is larger than %d bytes", path, maxFile)
	}
	return os.ReadFile(path)
}
