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

// StreamKey is the key of one stream and of nothing else: what is too large to be
// sealed in memory is sealed in segments of 1 MiB (AES-256-GCM, keys by HKDF).
// Anyone who forgets its sealed form has destroyed what it opens.
type StreamKey struct {
	stream  tink.StreamingAEAD
	context []byte
}

// NewStreamKey creates a key for one context, and gives it sealed, to be kept. Both
// the key and each segment are bound to the context.
func (s *Cipher) NewStreamKey(context string) (*StreamKey, []byte, error) {
	handle, err := keyset.NewHandle(streamingaead.AES256GCMHKDF1MBKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("stream key: %w", err)
	}
	var clear bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&clear)); err != nil {
		return nil, nil, fmt.Errorf("stream key: %w", err)
	}
	sealed, err := s.Encrypt(clear.Bytes(), keyContext(context))
	if err != nil {
		return nil, nil, err
	}
	k, err := newStreamKey(handle, context)
	return k, sealed, err
}

// OpenStreamKey returns a key that was sealed for the same context, else
// ErrOpen.
func (s *Cipher) OpenStreamKey(sealed []byte, context string) (*StreamKey, error) {
	clear, err := s.Decrypt(sealed, keyContext(context))
	if err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(clear)))
	if err != nil {
		return nil, ErrOpen.Because(fmt.Errorf("a stream key of %d bytes is none", len(clear)))
	}
	return newStreamKey(handle, context)
}

// keyContext keeps a key apart from a text that is sealed for the same context.
func keyContext(context string) string { return context + "/key" }

func newStreamKey(handle *keyset.Handle, context string) (*StreamKey, error) {
	stream, err := streamingaead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("stream key: %w", err)
	}
	return &StreamKey{stream: stream, context: []byte(context)}, nil
}

// Encrypt returns a writer that seals into w. Close writes the last segment; a stream
// without it does not open. It does not close w.
func (k *StreamKey) Encrypt(w io.Writer) (io.WriteCloser, error) {
	sealing, err := k.stream.NewEncryptingWriter(w, k.context)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealing, nil
}

// Decrypt returns a reader of what was sealed into r. It gives out nothing of a segment
// that was altered, moved or left out, or that belongs to another context or key:
// then Read gives ErrOpen. Only io.EOF says that all of it was there.
func (k *StreamKey) Decrypt(r io.Reader) (io.Reader, error) {
	opening, err := k.stream.NewDecryptingReader(r, k.context)
	if err != nil {
		return nil, ErrOpen.Because(err)
	}
	return opened{opening}, nil
}

type opened struct{ from io.Reader }

// Read implements io.Reader.
func (o opened) Read(b []byte) (int, error) {
	n, err := o.from.Read(b)
	if err != nil && err != io.EOF {
		err = ErrOpen.Because(err)
	}
	return n, err
}
