package encryption_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/finsam/finsam/pkg/encryption"
)

// segment is how long an encrypted segment of a stream is; the header of 40 bytes is
// part of the first one.
const segment = 1 << 20

func encryptStream(t *testing.T, s *encryption.Cipher, clear []byte, context string) (stream, key []byte) {
	t.Helper()
	k, key, err := s.NewStreamKey(context)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := k.Encrypt(&b)
	if err == nil {
		_, err = io.Copy(w, bytes.NewReader(clear))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), key
}

func decryptStream(s *encryption.Cipher, stream, key []byte, context string) ([]byte, error) {
	k, err := s.OpenStreamKey(key, context)
	if err != nil {
		return nil, err
	}
	r, err := k.Decrypt(bytes.NewReader(stream))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

func TestAStreamOfAnyLengthIsDecryptedAgain(t *testing.T) {
	s, _, _ := newCipher(t)
	for _, n := range []int{0, 1, 1000, segment - 60, segment - 56, segment - 55, segment, 3*segment + 17} {
		clear := random(n)
		stream, key := encryptStream(t, s, clear, "referral/1/attachment/2")
		if n >= 16 && bytes.Contains(stream, clear[:16]) { // fewer may be there by chance
			t.Errorf("%d bytes: they are there in clear", n)
		}
		got, err := decryptStream(s, stream, key, "referral/1/attachment/2")
		if err != nil || !bytes.Equal(got, clear) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
	}
}

func TestAStreamThatWasAlteredIsNotDecrypted(t *testing.T) {
	s, _, _ := newCipher(t)
	const here, elsewhere = "referral/1/attachment/2", "referral/1/attachment/3"
	clear := random(3*segment + 500)
	stream, key := encryptStream(t, s, clear, here)
	other, otherKey := encryptStream(t, s, clear, elsewhere)
	twin, _ := encryptStream(t, s, clear, here)
	swapped := slices.Concat(stream[:segment], stream[2*segment:3*segment], stream[segment:2*segment], stream[3*segment:])
	for name, c := range map[string]struct {
		stream, key []byte
		context     string
		most        int // bytes that may come out before it is found
	}{
		"a stream of another attachment":               {other, key, here, 0},
		"a key of another attachment":                  {stream, otherKey, here, 0},
		"another attachment's stream and key":          {other, otherKey, here, 0},
		"a stream of the same attachment, another key": {twin, key, here, 0},
		"nothing":                     {nil, key, here, 0},
		"the header alone":            {stream[:40], key, here, 0},
		"two segments changed places": {swapped, key, here, segment},
		"the first segment left out":  {slices.Concat(stream[:40], stream[segment:]), key, here, 0},
		"a segment left out":          {slices.Concat(stream[:segment], stream[2*segment:]), key, here, segment},
		"a segment twice":             {slices.Concat(stream[:2*segment], stream[segment:]), key, here, 2 * segment},
		"the last segment left out":   {stream[:3*segment], key, here, 3 * segment},
		"the last byte left out":      {stream[:len(stream)-1], key, here, 3 * segment},
		"a byte more":                 {append(slices.Clone(stream), 0), key, here, 3 * segment},
		"another stream's end":        {slices.Concat(stream[:3*segment], twin[3*segment:]), key, here, 3 * segment},
		"a stream joined to itself":   {slices.Concat(stream, stream), key, here, 3 * segment},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decryptStream(s, c.stream, c.key, c.context)
			if !errors.Is(err, encryption.ErrDecrypt) {
				t.Fatalf("%d bytes came out, %v", len(got), err)
			}
			if len(got) > c.most || !bytes.Equal(got, clear[:len(got)]) {
				t.Errorf("%d bytes came out, at most %d were whole", len(got), c.most)
			}
		})
	}
}

func TestEveryFlippedBitOfAStreamIsFound(t *testing.T) {
	s, _, _ := newCipher(t)
	stream, key := encryptStream(t, s, random(2000), "a")
	for i := range stream {
		stream[i] ^= 1 << (i % 8)
		if got, err := decryptStream(s, stream, key, "a"); !errors.Is(err, encryption.ErrDecrypt) || len(got) > 0 {
			t.Fatalf("byte %d: %d bytes came out, %v", i, len(got), err)
		}
		stream[i] ^= 1 << (i % 8)
	}
	for i := range key {
		key[i] ^= 1 << (i % 8)
		if _, err := decryptStream(s, stream, key, "a"); !errors.Is(err, encryption.ErrDecrypt) {
			t.Fatalf("byte %d of the key: %v", i, err)
		}
		key[i] ^= 1 << (i % 8)
	}
}

func TestAnUnfinishedStreamIsNotDecrypted(t *testing.T) {
	s, _, _ := newCipher(t)
	k, key, err := s.NewStreamKey("a")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := k.Encrypt(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(random(2 * segment)); err != nil {
		t.Fatal(err)
	}
	if got, err := decryptStream(s, b.Bytes(), key, "a"); !errors.Is(err, encryption.ErrDecrypt) {
		t.Errorf("%d bytes came out, %v", len(got), err)
	}
}
