package outbound

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// payload is the body of a delivery, as Standard Webhooks recommends it: what
// happened, when, and ids. Anyone who wants more asks the API.
type payload struct {
	Type      string            `json:"type"`
	Timestamp time.Time         `json:"timestamp"`
	Data      map[string]string `json:"data"`
}

// body writes the payload of an event that is told by an id; it is the same at each try.
func (d *Delivery) body(id string) ([]byte, error) {
	p := payload{Type: d.Type, Timestamp: d.Time, Data: map[string]string{}}
	for k, v := range d.Data {
		p.Data[k] = v
	}
	if _, step, ok := strings.Cut(id, "/"); ok && !d.Test() {
		p.Data["step"] = step // the referral's own order
	}
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("write the payload: %w", err)
	}
	return b, nil
}

// signatures returns the value of webhook-signature: one signature of each secret
// that holds now, so that an owner may change over in its own time.
func (s *Service) signatures(w *Webhook, id string, at time.Time, body []byte) (string, error) {
	var all []string
	for _, secret := range w.signing(at) {
		clear, err := s.Cipher.Decrypt(secret.Sealed, secretContext(w.ID))
		if err != nil {
			return "", fmt.Errorf("webhook %s: %w", w.ID, err)
		}
		signed, err := sign(string(clear), id, at, body)
		if err != nil {
			return "", fmt.Errorf("webhook %s: %w", w.ID, err)
		}
		all = append(all, signed)
	}
	return strings.Join(all, " "), nil
}

// sign signs a message as Standard Webhooks has it (symmetric, v1).
func sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return "", fmt.Errorf("the secret is not in base64 (%d bytes)", len(secret))
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}

func secretContext(webhook string) string { return "webhook/" + webhook }
