package programme_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/association"
	"github.com/finsam/finsam/pkg/metrics/metricstest"
	"github.com/finsam/finsam/pkg/servicetest"
	. "github.com/finsam/finsam/services/activity/activitytest"
	"github.com/finsam/finsam/services/activity/service"
)

// followed is a folder with the real association, and a service that looks at it by hand.
type followed struct {
	*association.Registry
	*service.Service
	t   *testing.T
	dir string
	log bytes.Buffer
}

func newFollowed(t *testing.T) *followed {
	f := &followed{t: t, dir: t.TempDir()}
	f.write("insjoriket.yaml", f.text())
	f.open()
	f.log.Reset()
	return f
}

// open constructs the service on the folder.
func (f *followed) open() {
	f.t.Helper()
	parts := Start(f.t).Parts
	parts.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	var err error
	parts.Associations, err = association.NewRegistry()
	servicetest.Must(f.t, err)
	f.Registry = parts.Associations
	f.Service, err = service.New(f.t.Context(), service.Config{Parts: parts, Folder: f.dir})
	servicetest.Must(f.t, err)
}

func (f *followed) text() string { return string(servicetest.Example(f.t)) }

// with is the real file with one text for another.
func (f *followed) with(old, with string) string {
	if !strings.Contains(f.text(), old) {
		f.t.Fatalf("%q is not in the file", old)
	}
	return strings.Replace(f.text(), old, with, 1)
}

func (f *followed) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// looks has the folder looked at n times.
func (f *followed) looks(n int) {
	for range n {
		servicetest.Must(f.t, f.Programme.Look(f.t.Context()))
	}
}

func (f *followed) name() string {
	f.t.Helper()
	a, err := f.Registry.Get("insjoriket")
	if err != nil {
		f.t.Fatal(err)
	}
	return a.Name
}

func TestWhatBecomesOfAChangedFolder(t *testing.T) {
	const old, renamed = "Samordningsförbundet Insjöriket", "Samordningsförbundet Påhittade sjöar"
	second := func(f *followed) string { return f.with("id: insjoriket", "id: annat") }
	for what, c := range map[string]struct {
		change func(f *followed)
		name   string
		served int
		wrong  bool
		says   string // in the log
		never  string // in the log
	}{
		"a good file is taken":             {func(f *followed) { f.write("insjoriket.yaml", f.with(old, renamed)) }, renamed, 1, false, "a programme was loaded", ""},
		"an association more is served":    {func(f *followed) { f.write("two.yaml", second(f)) }, old, 2, false, "annat", ""},
		"what is no YAML is not looked at": {func(f *followed) { f.write("notes.txt", "a: [") }, old, 1, false, "", "loaded"},
		"an unknown field is refused, and not logged": {
			func(f *followed) { f.write("insjoriket.yaml", f.with(old, renamed)+"\nTolvanPåhittad: 1\n") }, old, 1, true, "insjoriket.yaml: line ", "Påhittad"},
		"a wrong value is refused, and not logged": {
			func(f *followed) { f.write("insjoriket.yaml", f.with("code: \"1481\"", "code: Tolvan")) }, old, 1, true, "municipalities[", "Tolvan"},
		"one wrong file of two changes nothing": {
			func(f *followed) {
				f.write("insjoriket.yaml", f.with(old, renamed))
				f.write("two.yaml", "association: {}")
			}, old, 1, true, "two.yaml: association.id", "insjoriket.yaml:"},
		"an empty file is refused":               {func(f *followed) { f.write("insjoriket.yaml", "") }, old, 1, true, "insjoriket.yaml: file", ""},
		"a file that is too large is refused":    {func(f *followed) { f.write("insjoriket.yaml", f.text()+strings.Repeat("#", 1<<20)) }, old, 1, true, "insjoriket.yaml: file", "##"},
		"the same association twice is refused":  {func(f *followed) { f.write("two.yaml", f.text()) }, old, 1, true, "configured twice", ""},
		"a link to nowhere is refused":           {func(f *followed) { _ = os.Symlink("nowhere", filepath.Join(f.dir, "two.yaml")) }, old, 1, true, "two.yaml", ""},
		"an association whose file goes is kept": {func(f *followed) { _ = os.Remove(filepath.Join(f.dir, "insjoriket.yaml")) }, old, 1, false, "has gone", ""},
		"a folder that goes changes nothing":     {func(f *followed) { _ = os.RemoveAll(f.dir) }, old, 1, true, "invalid", ""},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFollowed(t)
			f.looks(2)
			if f.log.Len() > 0 {
				t.Errorf("nothing has changed, and it says %s", &f.log)
			}
			c.change(f)
			f.looks(5)
			if got := f.name(); got != c.name || len(f.All()) != c.served || f.Programme.IsInvalid() != c.wrong {
				t.Errorf("%q, %d served, wrong %t", got, len(f.All()), f.Programme.IsInvalid())
			}
			said := f.log.String()
			if !strings.Contains(said, c.says) || c.never != "" && strings.Contains(said, c.never) || strings.Count(said, "\n") > 2 {
				t.Errorf("the log says %q", said)
			}
		})
	}
}

// TestAnAssociationWhoseFileHasGoneIsServedAfterARestart is: by the service that owns it, as by
// those that follow it.
func TestAnAssociationWhoseFileHasGoneIsServedAfterARestart(t *testing.T) {
	f := newFollowed(t)
	servicetest.Must(t, os.Remove(filepath.Join(f.dir, "insjoriket.yaml")))
	parts := f.Parts
	var err error
	parts.Associations, err = association.NewRegistry()
	servicetest.Must(t, err)
	again, err := service.New(t.Context(), service.Config{Parts: parts, Folder: f.dir})
	servicetest.Must(t, err)
	if in, err := again.Associations.Get("insjoriket"); err != nil || len(in.Weeks) == 0 || !strings.Contains(f.log.String(), "level=WARN msg=\"the file of an association has gone; it goes on being served from the database\"") {
		t.Errorf("%v, and the log says %s", err, &f.log)
	}
}

func TestAFileHalfWrittenIsNotTaken(t *testing.T) {
	f := newFollowed(t)
	whole := f.with("name: Samordningsförbundet Insjöriket", "name: Påhittad")
	for cut := range 8 {
		f.write("insjoriket.yaml", whole[:len(whole)*(cut+1)/9]) // often whole YAML, without the last weeks
		f.looks(1)
	}
	if f.name() == "Påhittad" || f.log.Len() > 0 {
		t.Errorf("half a file was taken or logged: %s", &f.log)
	}
	f.write("insjoriket.yaml", whole)
	f.looks(2)
	if f.name() != "Påhittad" {
		t.Errorf("the whole file was not taken: %s", &f.log)
	}
}

func TestTheFileOfBeforeMakesItGoodAgain(t *testing.T) {
	f := newFollowed(t)
	f.write("insjoriket.yaml", "association: {}")
	f.looks(2)
	if !f.Programme.IsInvalid() {
		t.Fatal("a wrong file was taken")
	}
	f.write("insjoriket.yaml", f.text())
	f.looks(2)
	if f.Programme.IsInvalid() || !strings.Contains(f.log.String(), "valid again") {
		t.Errorf("the good file was not taken: %s", &f.log)
	}
}

// mount lays a folder out as Kubernetes mounts a ConfigMap: what is read is a link
// to a link to the folder of a version.
func mount(t *testing.T, dir, version, text string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, version, "insjoriket.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(version, filepath.Join(dir, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

func TestFollowSeesAConfigMapThatIsSwappedWhileOthersRead(t *testing.T) {
	m := metricstest.New(t)
	dir := t.TempDir()
	mount(t, dir, "..2026_1", string(servicetest.Example(t)))
	if err := os.Symlink(filepath.Join("..data", "insjoriket.yaml"), filepath.Join(dir, "insjoriket.yaml")); err != nil {
		t.Fatal(err)
	}
	f := &followed{t: t, dir: dir}
	f.open()
	r := f.Registry
	servicetest.Run(t, f.Run)
	for range 4 {
		servicetest.Run(t, func(ctx context.Context) error {
			for ctx.Err() == nil {
				a, err := r.Get("insjoriket")
				if err != nil || len(a.Municipalities) != 5 || len(r.All()) != 1 {
					t.Error("a reader saw less than the whole")
					return nil
				}
				time.Sleep(time.Millisecond)
			}
			return nil
		})
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	mount(t, dir, "..2026_2", strings.Replace(string(servicetest.Example(t)), "Insjöriket", "Påhittad", 1))
	until("the swapped file is never taken", func() bool { return strings.HasSuffix(r.All()[0].Name, "Påhittad") })
	const wrong = "finsam.association.files.wrong{component=activity}"
	if got, there := m.Read(t)[wrong]; !there || got != 0 {
		t.Errorf("%s is %v, %t", wrong, got, there)
	}
	mount(t, dir, "..2026_3", "association: {}")
	until("the wrong file is never reported", func() bool { return m.Read(t)[wrong] == 1 })
	if got := r.All(); len(got) != 1 || !strings.HasSuffix(got[0].Name, "Påhittad") {
		t.Errorf("got %v", got)
	}
}
