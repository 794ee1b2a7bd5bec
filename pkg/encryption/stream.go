package encryption

import (
	"bytes"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/streamingaead"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// StreamKey is the key of exactly one stream, for what is too large to be encrypted in
// memory: segments of 1 MiB (AES-256-GCM, keys by HKDF). Deleting its encrypted form
// destroys the stream.
type StreamKey struct {
	stream  tink.StreamingAEAD
	context []byte
}

// NewStreamKey creates a key for one context, and returns its encrypted form beside it,
// to be stored. Both the key and each segment are bound to the context.
func (s *Cipher) NewStreamKey(context string) (*StreamKey, []byte, error) {
	handle, err := keyset.NewHandle(streamingaead.AES256GCMHKDF1MBKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("stream key: %w", err)
	}
	var plaintext bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&plaintext)); err != nil {
		return nil, nil, fmt.Errorf("stream key: %w", err)
	}
	ciphertext, err := s.Encrypt(plaintext.Bytes(), keyContext(context))
	if err != nil {
		return nil, nil, err
	}
	k, err := newStreamKey(handle, context)
	return k, ciphertext, err
}

// OpenStreamKey decrypts a key of the same context, else it returns ErrOpen.
func (s *Cipher) OpenStreamKey(ciphertext []byte, context string) (*StreamKey, error) {
	plaintext, err := s.Decrypt(ciphertext, keyContext(context))
	if err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(plaintext)))
	if err != nil {
		return nil, ErrOpen.Because(fmt.Errorf("a stream key has an invalid length of %d bytes", len(plaintext)))
	}
	return newStreamKey(handle, context)
}

// keyContext separates a key from a text that is encrypted for the same context.
func keyContext(context string) string { return context + "/key" }

func newStreamKey(handle *keyset.Handle, context string) (*StreamKey, error) {
	stream, err := streamingaead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("stream key: %w", err)
	}
	return &StreamKey{stream: stream, context: []byte(context)}, nil
}

// Encrypt returns a writer that encrypts into w. Close writes the last segment, without
// which the stream cannot be decrypted, and does not close w.
func (k *StreamKey) Encrypt(w io.Writer) (io.WriteCloser, error) {
	encrypting, err := k.stream.NewEncryptingWriter(w, k.context)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return encrypting, nil
}

// Decrypt returns a reader of the text that was encrypted into r. It returns nothing of a
// segment that was altered, moved or left out, or that belongs to another context or key:
// then Read returns ErrOpen. Only io.EOF says that the text is complete.
func (k *StreamKey) Decrypt(r io.Reader) (io.Reader, error) {
	decrypting, err := k.stream.NewDecryptingReader(r, k.context)
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	return plaintextReader{decrypting}, nil
}

type plaintextReader struct{ from io.Reader }

// Read implements io.Reader.
func (r plaintextReader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	if err != nil && err != io.EOF {
		err = ErrOpen.Because(err)
	}
	return n, err
}
