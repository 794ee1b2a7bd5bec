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
// encrypted in memory is encrypted in segments of 1 MiB (AES-256-GCM, keys by HKDF).
// Forgetting its encrypted form destroys the stream.
type StreamKey struct {
	stream  tink.StreamingAEAD
	context []byte
}

// NewStreamKey creates a key for one context, and returns it with its encrypted form,
// which is to be stored. Both the key and each segment are bound to the context.
func (c *Cipher) NewStreamKey(context string) (*StreamKey, []byte, error) {
	handle, err := keyset.NewHandle(streamingaead.AES256GCMHKDF1MBKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("stream key: %w", err)
	}
	var plaintext bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&plaintext)); err != nil {
		return nil, nil, fmt.Errorf("stream key: %w", err)
	}
	encrypted, err := c.Encrypt(plaintext.Bytes(), context+keySuffix)
	if err != nil {
		return nil, nil, err
	}
	k, err := newStreamKey(handle, context)
	return k, encrypted, err
}

// OpenStreamKey returns a key from its encrypted form; ErrDecrypt unless that was made
// for the same context.
func (c *Cipher) OpenStreamKey(encrypted []byte, context string) (*StreamKey, error) {
	plaintext, err := c.Decrypt(encrypted, context+keySuffix)
	if err != nil {
		return nil, err
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(plaintext)))
	if err != nil {
		return nil, ErrDecrypt.Because(fmt.Errorf("a stream key of %d bytes is not valid", len(plaintext)))
	}
	return newStreamKey(handle, context)
}

// keySuffix separates a key from a text that is encrypted for the same context.
const keySuffix = "/key"

func newStreamKey(handle *keyset.Handle, context string) (*StreamKey, error) {
	stream, err := streamingaead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("stream key: %w", err)
	}
	return &StreamKey{stream: stream, context: []byte(context)}, nil
}

// Encrypt returns a writer that encrypts into w. Close writes the last segment, without
// which the stream cannot be decrypted; it does not close w.
func (k *StreamKey) Encrypt(w io.Writer) (io.WriteCloser, error) {
	encrypting, err := k.stream.NewEncryptingWriter(w, k.context)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return encrypting, nil
}

// Decrypt returns a reader of what was encrypted into r. Read returns ErrDecrypt, and no
// byte of the segment, at one that was altered, moved or left out, or that belongs to
// another context or key. Only io.EOF says that the stream was whole.
func (k *StreamKey) Decrypt(r io.Reader) (io.Reader, error) {
	decrypting, err := k.stream.NewDecryptingReader(r, k.context)
	if err != nil {
		return nil, ErrDecrypt.Because(err)
	}
	return decryptingReader{decrypting}, nil
}

type decryptingReader struct{ from io.Reader }

// Read implements io.Reader.
func (d decryptingReader) Read(b []byte) (int, error) {
	n, err := d.from.Read(b)
	if err != nil && err != io.EOF {
		err = ErrDecrypt.Because(err)
	}
	return n, err
}
