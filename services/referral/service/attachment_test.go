package service_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/access"
	"github.com/finsam/finsam/pkg/fault"
	"github.com/finsam/finsam/pkg/idempotency"
	"github.com/finsam/finsam/pkg/store"
	"github.com/finsam/finsam/pkg/store/sqlite"
	"github.com/finsam/finsam/services/referral"
	"github.com/finsam/finsam/services/referral/attachment"
	"github.com/finsam/finsam/services/referral/referraltest"
	"github.com/finsam/finsam/services/referral/service"
)

const invented = "%PDF-1.7\n% Påhittat intyg om Tolvan Kanariefågelsson\n%%EOF\n"

func upload(title, content string) service.Upload {
	return service.Upload{Title: title, Content: strings.NewReader(content)}
}

// attached returns a new referral with one attachment by its sender.
func attached(t *testing.T, w *referraltest.World) (id, attachment string) {
	t.Helper()
	id = created(t, w).ID
	v, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "", upload("Påhittat", invented))
	if err != nil {
		t.Fatal(err)
	}
	return id, v.ID
}

// blobs returns the files that the folder holds.
func blobs(t *testing.T, w *referraltest.World) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.Dir, "attachments", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestWhatIsAttachedIsNowhereInClear(t *testing.T) {
	w := referraltest.New(t)
	id := created(t, w).ID
	if _, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "", service.Upload{FileName: "kanarietitel.pdf", Content: strings.NewReader(invented)}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(w.Dir, "*"))
	if err != nil || len(blobs(t, w)) != 1 {
		t.Fatal(blobs(t, w), err)
	}
	for _, file := range append(files, blobs(t, w)...) {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a folder
		}
		for _, word := range []string{"kanarietitel", "Kanariefågelsson"} {
			if bytes.Contains(text, []byte(word)) || strings.Contains(file, word) {
				t.Errorf("%s has %s", file, word)
			}
		}
	}
}

func TestOnlyWhoAttachedMayRemoveAndThenNothingOpensItAgain(t *testing.T) {
	w := referraltest.New(t)
	id, attachment := attached(t, w)
	if _, err := w.Service.RemoveAttachment(referraltest.As(referraltest.Intake), id, 2, attachment); !errors.Is(err, referral.ErrOthersAttachment) {
		t.Errorf("the receiver removed the sender's: %v", err)
	}
	letter, err := w.Service.AddAttachment(referraltest.As(referraltest.Intake), id, "", upload("Påhittat brev", "Påhittat."))
	if err != nil || letter.Type != "text/plain" || letter.Authority != "molndal" {
		t.Fatalf("%+v, %v", letter, err)
	}
	if _, err := w.Service.RemoveAttachment(referraltest.As(referraltest.Officer), id, 3, letter.ID); !errors.Is(err, referral.ErrOthersAttachment) {
		t.Errorf("the sender removed the receiver's: %v", err)
	}
	v, err := w.Service.RemoveAttachment(referraltest.As(referraltest.Officer), id, 3, attachment)
	if err != nil || len(v.Attachments) != 1 || len(blobs(t, w)) != 1 {
		t.Fatalf("%+v, %v, %v", v, blobs(t, w), err)
	}
	if was := v.Referral.Steps[1].Attachment; was.Key != nil || was.Label != nil || was.Blob != "" {
		t.Errorf("the key was not destroyed: %+v", was)
	}
	for range 2 {
		if _, err := w.Service.RemoveAttachment(referraltest.As(referraltest.Officer), id, 4, attachment); !errors.Is(err, fault.ErrNotFound) {
			t.Errorf("removed once more: %v", err)
		}
	}
}

func TestWhoMayReadTheTextsMayReadTheAttachmentsAndNobodyElse(t *testing.T) {
	if files, texts := access.Row("getAttachment"), access.Row("getReferral#text"); len(texts) == 0 || !slices.Equal(files, texts) {
		t.Errorf("files: %v, texts: %v", files, texts)
	}
}

func TestNoMoreThanTenAreAttached(t *testing.T) {
	w := referraltest.New(t)
	id := created(t, w).ID
	var wg sync.WaitGroup
	var mu sync.Mutex
	var taken, refused int
	for i := range 14 {
		wg.Go(func() {
			_, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "", upload(fmt.Sprint("Påhittat ", i), invented))
			mu.Lock()
			defer mu.Unlock()
			if errors.Is(err, referral.ErrTooManyAttachments) {
				refused++
			} else if err == nil {
				taken++
			} else {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if taken != 10 || refused != 4 || len(blobs(t, w)) != 10 {
		t.Errorf("%d taken, %d refused, %d blobs", taken, refused, len(blobs(t, w)))
	}
}

func TestTheSameKeyAttachesOnceAlsoWhenAskedAtOnce(t *testing.T) {
	w := referraltest.New(t)
	id := created(t, w).ID
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			v, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "nyckel", upload("Påhittat", invented))
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = v.ID
		})
	}
	wg.Wait()
	for _, other := range ids {
		if other != ids[0] {
			t.Errorf("%v", ids)
		}
	}
	if n := len(blobs(t, w)); n != 1 {
		t.Errorf("%d blobs", n)
	}
	if _, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "nyckel", upload("Påhittat", invented+"x")); !errors.Is(err, idempotency.ErrKeyReused) {
		t.Errorf("another content under the key: %v", err)
	}
	w.Clock.Advance(25 * time.Hour)
	v, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "nyckel", upload("Påhittat", invented))
	if err != nil || v.ID == ids[0] {
		t.Errorf("a day later the key means the same: %+v, %v", v, err)
	}
}

// broken is a file whose sender goes away.
type broken struct{ io.Reader }

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = errors.New("the line broke")
	}
	return n, err
}

func TestAFileThatDoesNotComeWholeLeavesNothing(t *testing.T) {
	w := referraltest.New(t)
	id := created(t, w).ID
	content := broken{strings.NewReader(invented + strings.Repeat("x", 3<<20))}
	if _, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "", service.Upload{Content: content}); err == nil {
		t.Error("it was taken")
	}
	v, err := w.Service.Get(referraltest.As(referraltest.Officer), id)
	if err != nil || v.Referral.Version() != 1 || len(blobs(t, w)) != 0 {
		t.Errorf("%v, %v, %v", v.Referral.Steps, blobs(t, w), err)
	}
}

// leaving is a file whose referral changes while it comes.
type leaving struct {
	io.Reader
	leave func()
}

func (l *leaving) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err == io.EOF && l.leave != nil {
		l.leave()
		l.leave = nil
	}
	return n, err
}

func TestAFileWhoseReferralIsDecidedMeanwhileLeavesNothing(t *testing.T) {
	w := referraltest.New(t)
	id := created(t, w).ID
	content := &leaving{strings.NewReader(invented), func() {
		if _, err := w.Service.Reject(referraltest.As(referraltest.Intake), id, 1, "other", "Påhittat."); err != nil {
			t.Error(err)
		}
	}}
	_, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "", service.Upload{Content: content})
	if !errors.Is(err, referral.ErrWrongState) || len(blobs(t, w)) != 0 {
		t.Errorf("%v, %v", err, blobs(t, w))
	}
}

func TestAFileOfOneWhoHandsTheReferralOverMeanwhileLeavesNothing(t *testing.T) {
	w := referraltest.New(t)
	sub := referraltest.Submission()
	sub.Consent.Authorities = []string{"fk", "molndal", "partille"}
	v, err := w.Service.Create(referraltest.As(referraltest.FK), "", sub)
	if err != nil {
		t.Fatal(err)
	}
	id := v.Referral.ID
	content := &leaving{strings.NewReader(invented), func() {
		if _, err := w.Service.RequestTransfer(referraltest.As(referraltest.Intake2), id, 1, "1402", "Påhittat."); err != nil {
			t.Error(err)
		}
		if _, err := w.Service.AcceptTransfer(referraltest.As(referraltest.Partille), id, 2, ""); err != nil {
			t.Error(err)
		}
	}}
	_, err = w.Service.AddAttachment(referraltest.As(referraltest.Intake), id, "", service.Upload{Content: content})
	if f := new(fault.Error); !errors.As(err, &f) || f.Code != "handed-over" || len(blobs(t, w)) != 0 {
		t.Errorf("%v, %v", err, blobs(t, w))
	}
}

// TestWhatADeathLeavesIsSwept ends the context at the worst moments: when the blob
// is there and the referral does not name it yet.
func TestWhatADeathLeavesIsSwept(t *testing.T) {
	w := referraltest.New(t)
	id := created(t, w).ID
	ctx, die := context.WithCancel(referraltest.As(referraltest.Officer))
	w.Blobs.After = func(verb string) {
		if verb == "put" {
			die()
		}
	}
	if _, err := w.Service.AddAttachment(ctx, id, "", upload("Påhittat", invented)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	w.Blobs.After = nil
	if len(blobs(t, w)) != 1 {
		t.Fatal("the test's death came too early")
	}
	_, kept := attached(t, w)
	w.Service.Attachments.Job.Do(t.Context())
	if len(blobs(t, w)) != 2 {
		t.Error("what may still be under way was swept")
	}
	w.Clock.Advance(2 * time.Hour)
	w.Service.Attachments.Job.Do(t.Context())
	if n := len(blobs(t, w)); n != 1 {
		t.Errorf("%d blobs after the sweep, and one attachment (%s)", n, kept)
	}
}

// TestManyLargeFilesAtOnceStayWithinBounds counts the memory that 32 uploads of 10
// MiB hold at once: as many as have places, and no file whole.
func TestManyLargeFilesAtOnceStayWithinBounds(t *testing.T) {
	const bound = 80 << 20 // of 320 MiB that come in
	w := referraltest.New(t)
	ids := make([]string, 4)
	for i := range ids {
		ids[i] = created(t, w).ID
	}
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var most uint64
	var mu sync.Mutex
	// The heap is looked at in the midst of things: when half of each has passed.
	look := func() {
		mu.Lock()
		defer mu.Unlock()
		runtime.GC()
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
	}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			err := error(attachment.ErrBusy)
			for errors.Is(err, attachment.ErrBusy) { // it has waited long enough, and comes again
				content := io.MultiReader(strings.NewReader(invented), &zeros{left: 10<<20 - int64(len(invented)), each: 5 << 20, look: look})
				_, err = w.Service.AddAttachment(referraltest.As(referraltest.Officer), ids[i/8], "", service.Upload{Content: content})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most > bound {
		t.Errorf("%d MiB were held, at most %d may be", most>>20, bound>>20)
	}
	t.Logf("%d MiB were held at most", most>>20)
}

// TestAFileIsNeverWholeInMemory looks at what is held when half of a file of 10 MiB
// has come in, and when half of it has gone out.
func TestAFileIsNeverWholeInMemory(t *testing.T) {
	const bound = 5 << 20
	w := referraltest.New(t)
	id := created(t, w).ID
	held := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, halfway := held(), int64(0)
	content := io.MultiReader(strings.NewReader(invented), &zeros{left: 10<<20 - int64(len(invented)), each: 5 << 20, look: func() { halfway = held() }})
	v, err := w.Service.AddAttachment(referraltest.As(referraltest.Officer), id, "", service.Upload{Content: content})
	if err != nil {
		t.Fatal(err)
	}
	in := halfway - before
	before = held()
	f, err := w.Service.Attachment(referraltest.As(referraltest.Intake), id, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Content.Close()
	if _, err := io.CopyN(io.Discard, f.Content, 5<<20); err != nil {
		t.Fatal(err)
	}
	out := held() - before
	if n, err := io.Copy(io.Discard, f.Content); err != nil || n != 5<<20 {
		t.Errorf("%d bytes of the second half, %v", n, err)
	}
	if halfway == 0 || in > bound || out > bound {
		t.Errorf("%d KiB were held on the way in, %d KiB on the way out", in>>10, out>>10)
	}
	t.Logf("%d KiB were held on the way in, %d KiB on the way out", in>>10, out>>10)
}

// zeros returns as many as are left, and lets the test look now and then.
type zeros struct {
	left, each, passed int64
	look               func()
}

func (z *zeros) Read(b []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), z.left))
	clear(b[:n])
	z.left -= int64(n)
	if z.passed += int64(n); z.passed >= z.each {
		z.passed = 0
		z.look()
	}
	return n, nil
}

// noting is an engine in which something happens right after a blob is noted.
type noting struct {
	store.Engine
	then func()
}

func (e *noting) Insert(ctx context.Context, collection string, r store.Record) error {
	err := e.Engine.Insert(ctx, collection, r)
	if collection == "blob_notes" && e.then != nil {
		e.then()
	}
	return err
}

// Who was overtaken while removing a file removes it the next time: what the first
// try has noted does not prevent it.
func TestAFileIsRemovedAfterATryThatWasOvertaken(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "notes.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	e := &noting{Engine: db.Engine("referral")}
	w := referraltest.On(t, e)
	officer := referraltest.As(referraltest.Officer)
	id := created(t, w).ID
	a, err := w.Service.AddAttachment(officer, id, "", upload("Påhittat", invented))
	if err != nil {
		t.Fatal(err)
	}
	e.then = func() {
		if _, err := w.Service.Assign(referraltest.As(referraltest.Intake), id, 2, "mottagare-1"); err != nil {
			t.Error(err)
		}
		e.then = nil
	}
	if _, err := w.Service.RemoveAttachment(officer, id, 2, a.ID); !errors.Is(err, fault.ErrStale) {
		t.Fatalf("overtaken: %v", err)
	}
	if _, err := w.Service.RemoveAttachment(officer, id, 3, a.ID); err != nil || len(blobs(t, w)) != 0 {
		t.Errorf("the next try: %v, %v", err, blobs(t, w))
	}
}
