package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Caller is somebody with a token.
type Caller struct {
	Role, Authority, Unit, Municipality, Subject, Participant, Association string

	Name   string // of staff, which colleagues read
	Scopes string // words, in tokens of issuers that limit their systems
}

// Token returns a demo token for the caller, made by finsam token.
func (s *Suite) Token(t testing.TB, c Caller) string {
	t.Helper()
	if s.issuers != nil && c.Association == "" { // another association's would be added to the folder
		s = s.issuers
	}
	if token, ok := s.tokens.Load(c); ok {
		return token.(string)
	}
	args := []string{"token", "--data", s.Data}
	for flag, value := range map[string]string{
		"--role": c.Role, "--authority": c.Authority, "--unit": c.Unit, "--municipality": c.Municipality,
		"--subject": c.Subject, "--participant": c.Participant, "--association": c.Association, "--name": c.Name,
	} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	token := s.Finsam(t, args...)
	s.tokens.Store(c, token)
	return token
}

// Request is one call of the API.
type Request struct {
	Method, Path string // Path below the base, or a whole address
	Token        string
	Body         any // sent as JSON; []byte is sent as it is
	Header       map[string]string
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Raw    []byte
	JSON   map[string]any
}

var client = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 64},
}

// Do sends a request; an error means that no answer came.
func (s *Suite) Do(r Request) (Answer, error) {
	var body io.Reader
	if r.Body != nil {
		text, asItIs := r.Body.([]byte)
		if !asItIs {
			var err error
			if text, err = json.Marshal(r.Body); err != nil {
				return Answer{}, err
			}
		}
		body = bytes.NewReader(text)
	}
	address := r.Path
	if !strings.HasPrefix(address, "http") {
		address = s.Base + r.Path
	}
	req, err := http.NewRequest(r.Method, address, body)
	if err != nil {
		return Answer{}, err
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	for k, v := range r.Header {
		req.Header.Set(k, v)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	if a.Raw, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	_ = json.Unmarshal(a.Raw, &a.JSON)
	return a, nil
}

// Must sends a request and wants this status.
func (s *Suite) Must(t testing.TB, status int, r Request) Answer {
	t.Helper()
	a, err := s.Do(r)
	return wanted(t, status, r, a, err)
}

func wanted(t testing.TB, status int, r Request, a Answer, err error) Answer {
	t.Helper()
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
	if a.Status != status {
		t.Fatalf("%s %s: %d, want %d\n%s", r.Method, r.Path, a.Status, status, a.Raw)
	}
	return a
}

// MustChange sends a request at the version of a thing that its caller reads, and wants this
// status. What an event changes meanwhile is read once more, as a person would do.
func (s *Suite) MustChange(t testing.TB, status int, thing string, r Request) Answer {
	t.Helper()
	for n := 0; ; n++ {
		r.Header = map[string]string{"If-Match": s.Must(t, http.StatusOK, Request{Method: "GET", Path: thing, Token: r.Token}).Header.Get("ETag")}
		a, err := s.Do(r)
		if err == nil && a.Status == http.StatusPreconditionFailed && n < 5 {
			continue
		}
		return wanted(t, status, r, a, err)
	}
}

// At returns the value at a path such as "blocks.0.state", or nil.
func (a Answer) At(path string) any {
	var v any = a.JSON
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[part]
		case []any:
			var i int
			if _, err := fmt.Sscan(part, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// Text returns the string at a path, or "".
func (a Answer) Text(path string) string {
	text, _ := a.At(path).(string)
	return text
}
