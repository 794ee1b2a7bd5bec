package rest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/finsam/finsam/pkg/actor"
	"github.com/finsam/finsam/services/referral"
)

// The ways of a referral into the house, beside the one by itself, and its files.

// batch sends a referral among others, of which one breaks a rule.
func (p *proof) batch(t *testing.T, a answered, m move, body map[string]any) {
	bad := map[string]any{}
	for k, v := range body {
		bad[k] = v
	}
	bad["wishedMunicipality"] = "0180"
	items := map[string]any{"items": []any{
		map[string]any{"key": a.key + "-bad", "referral": bad}, map[string]any{"key": a.key, "referral": body},
	}}
	send := func(m move) {
		a.cut = m.lost >= 8
		w := p.ask(t, a.who, m, "POST", "/referrals/batch", map[string]string{"Idempotency-Key": a.key + "-batch"}, items)
		var says struct {
			Items []struct {
				Status  int
				Problem json.RawMessage
				ID      string
			}
		}
		if json.Unmarshal(w.Body.Bytes(), &says) != nil || len(says.Items) != 2 {
			p.noted(a, w.Code, w.Body.String())
			return
		}
		if s := says.Items[0].Status; s/100 != 4 && !a.cut {
			t.Errorf("an item that breaks a rule was answered %d: %s", s, w.Body)
		}
		body := string(says.Items[1].Problem)
		if body == "" {
			body = fmt.Sprintf(`{"id":%q}`, says.Items[1].ID)
		}
		p.noted(a, says.Items[1].Status, body)
	}
	if send(m); m.lost > 5 {
		send(move{})
	}
}

// draft saves a referral as a draft, which two then send at the same time.
func (p *proof) draft(t *testing.T, a answered, m move, body map[string]any) {
	w := p.ask(t, a.who, move{}, "POST", "/drafts", map[string]string{"Idempotency-Key": a.key + "-draft"}, body)
	var d struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || w.Code != 201 {
		t.Errorf("a draft as %s was answered %d: %s", a.who.Subject, w.Code, w.Body)
		return
	}
	send := func(a answered, m move) {
		a.cut = m.lost >= 8
		p.note(a, p.ask(t, a.who, m, "POST", "/drafts/"+d.ID+"/sending", map[string]string{"If-Match": w.Header().Get("ETag")}, nil))
	}
	var both sync.WaitGroup
	both.Go(func() { send(a, m) })
	both.Go(func() { send(a, move{}) })
	both.Wait()
	if m.lost > 5 {
		send(a, move{})
	}
}

// files is the part of a referral's answer about its files.
type files struct{ Attachments []struct{ ID string } }

// file attaches a file to a referral, or removes one.
func (p *proof) file(t *testing.T, who actor.Actor, m move) {
	id := p.some(m)
	read := p.ask(t, who, move{}, "GET", "/referrals/"+id, nil, nil)
	var there files
	_ = json.Unmarshal(read.Body.Bytes(), &there) // an answer of another form has none
	if m.choice%3 > 0 || len(there.Attachments) == 0 {
		a := answered{who: who, op: "addAttachment", id: id, key: fmt.Sprint("key-", p.keys.Add(1)), cut: m.lost >= 8}
		header := map[string]string{"Content-Type": formType, "Idempotency-Key": a.key}
		body := form("", "intyg.pdf", "", pdf+fmt.Sprint(m.choice))
		p.note(a, p.ask(t, who, m, "POST", "/referrals/"+id+"/attachments", header, body))
		if m.lost > 5 {
			a.cut = false
			a.again = true
			p.note(a, p.ask(t, who, move{}, "POST", "/referrals/"+id+"/attachments", header, body))
		}
		return
	}
	path := "/referrals/" + id + "/attachments/" + there.Attachments[m.target%len(there.Attachments)].ID
	a := answered{who: who, op: "removeAttachment", id: id, version: max(versionOf(read), 1), cut: m.lost >= 8}
	header := map[string]string{"If-Match": fmt.Sprintf(`"%d"`, a.version)}
	p.note(a, p.ask(t, who, m, "DELETE", path, header, nil))
	if m.lost > 5 {
		a.cut = false
		p.note(a, p.ask(t, who, move{}, "DELETE", path, header, nil))
	}
}

// checkAttached: what was answered to a file is true. It returns the step that it
// became; 0: none.
func (p *proof) checkAttached(t *testing.T, a answered, r *referral.Referral, stands []stand) int64 {
	t.Helper()
	added := func(kind referral.StepKind, id string) int {
		return slices.IndexFunc(r.Steps, func(s referral.Step) bool { return s.Kind == kind && s.Attachment.ID == id })
	}
	if a.status == 201 {
		n := added(referral.AttachmentAdded, a.made)
		if n < 1 || r.Steps[n].By != a.who.Subject || !related(a, r, stands[n]) {
			t.Errorf("the file %s of %s as %s is not there, or was not this one's to add", a.made, a.id, a.who.Subject)
			return 0
		}
		return r.Steps[n].N
	}
	why, kind := "no such answer", referral.AttachmentAdded
	some := func(as func(stand) bool) bool { return slices.ContainsFunc(stands[1:], as) }
	switch {
	case a.status == 403 || !may(a):
		why = unless(!may(a) && a.status == 403, "the role is not in the row, or it is")
	case a.status == 404:
		why = unless(some(func(s stand) bool { return !related(a, r, s) }), "it is the caller's at any time")
	case a.code == "wrong-state":
		why = unless(some(func(s stand) bool { _, leads := led(s.state, kind); return !leads }), "the table allows it")
	case a.code == "too-many-attachments":
		n := 0
		for _, s := range r.Steps {
			if s.Kind == kind {
				n++
			}
		}
		why = unless(n >= 10, "there were never so many")
	case a.code == "idempotency-key-reused": // the same file was removed since
		why = unless(a.again && slices.ContainsFunc(r.Steps, func(s referral.Step) bool { return s.Kind == referral.AttachmentRemoved }), "it was not")
	}
	if why != "" {
		t.Errorf("%s of %s as %s was answered %d %s: %s", a.op, a.id, a.who.Subject, a.status, a.code, why)
	}
	return 0
}

// checkBlobs: at rest each file that is attached opens, and there is no other.
func (p *proof) checkBlobs(t *testing.T, byID map[string]*referral.Referral) {
	t.Helper()
	var want, have []string
	for _, r := range byID {
		for _, s := range r.Steps {
			if s.Kind == referral.AttachmentAdded && s.Attachment.Key != nil {
				want = append(want, r.Association+"/"+s.Attachment.Blob)
			}
		}
	}
	for _, name := range want {
		b, err := p.Blobs.Get(t.Context(), name)
		if err != nil {
			t.Errorf("the file in %s: %v", name, err)
			continue
		}
		if n, err := io.Copy(io.Discard, b); err != nil || n == 0 {
			t.Errorf("the file in %s: %d bytes, %v", name, n, err)
		}
		_ = b.Close()
	}
	dir := filepath.Join(p.Dir, "attachments")
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			have = append(have, name)
		}
		return err
	})
	slices.Sort(want)
	if slices.Sort(have); err != nil || !slices.Equal(have, want) {
		t.Errorf("the files that there are, %v: %d\n%s\nthose that are attached: %d\n%s", err, len(have), strings.Join(have, "\n"), len(want), strings.Join(want, "\n"))
	}
}
