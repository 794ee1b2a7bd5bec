//go:build cluster

package cluster

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// blocks returns the blocks of sh in a chapter of docs/operations, in order; a
// chapter below another one is named with its marks, such as "### On SQLite".
func blocks(t *testing.T, chapter string) []string { return blocksOf(t, chapter, "sh") }

func blocksOf(t *testing.T, chapter, kind string) []string {
	t.Helper()
	if !strings.HasPrefix(chapter, "#") {
		chapter = "## " + chapter
	}
	return suite.Blocks(t, chapter, kind)
}

// reader does what the document says, in a folder of its own, and in a namespace that
// replaces the document's finsam, which may be in use.
type reader struct {
	*testing.T
	dir, namespace string
}

// newReader creates a reader; the namespace goes with the test.
func newReader(t *testing.T, name string) reader {
	t.Helper()
	must(t, 2*time.Minute, "kubectl", "delete", "namespace", name, "--ignore-not-found", "--wait")
	r := reader{t, t.TempDir(), name}
	t.Cleanup(func() {
		if t.Failed() {
			room{t, name, "", ""}.tell()
		}
		undo("helm", "-n", name, "uninstall", "finsam")
		undo("kubectl", "delete", "namespace", name, "--wait=false")
	})
	if err := os.Symlink(mustAbs(t, "../../services"), filepath.Join(r.dir, "services")); err != nil {
		t.Fatal(err)
	}
	return r
}

// door is where the suite is reached from within the cluster.
func (r reader) door(service string) suite.Place {
	r.Helper()
	ip := must(r.T, time.Minute, "kubectl", "-n", r.namespace, "get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
	return suite.Place{Base: "http://" + ip + "/finsam/v1", Data: filepath.Join(r.dir, "DIR"), Fresh: true}
}

// reaches returns the first answer: a node learns of a new Service, or of a pod's new
// address, some moments after the rollout has ended.
func (r reader) reaches(s *suite.Suite, q suite.Request) suite.Answer {
	r.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		a, err := s.Do(q)
		if err == nil {
			return a
		}
		if time.Now().After(end) {
			r.Fatal(err)
		}
	}
}

var namespace = regexp.MustCompile(`(-n|namespace:?) finsam([\s,}])`)

// does runs commands of the document, one after the other. What must be another
// name here is put in place of the document's, pair by pair; each must be there.
func (r reader) does(script string, instead ...string) string {
	r.Helper()
	for i := 0; i+1 < len(instead); i += 2 {
		if !strings.Contains(script, instead[i]) {
			r.Fatalf("the document no longer has %q:\n%s", instead[i], script)
		}
		script = strings.ReplaceAll(script, instead[i], instead[i+1])
	}
	script = namespace.ReplaceAllString(script, "$1 "+r.namespace+"$2")
	ctx, cancel := context.WithTimeout(r.Context(), 6*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euc", script)
	bin, err := filepath.Abs(programs)
	if err != nil {
		r.Fatal(err)
	}
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		r.Fatalf("%v\n%s\n== %s", err, script, out.String())
	}
	return out.String()
}

// soon does something until it prints what is wanted.
func (r reader) soon(script, want string) {
	r.Helper()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(2 * time.Second) {
		out := r.does(script + " || true")
		if strings.Contains(out, want) {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("%s\n%s\nand not %s", script, out, want)
		}
	}
}

// TestTheDocumentedCommandsWorkAsPrinted follows docs/operations: install,
// connect an authority, rotate the keys, look, roll back.
func TestTheDocumentedCommandsWorkAsPrinted(t *testing.T) {
	t.Parallel()                          // it measures nothing, and mostly waits
	beside := newRoom(t, "finsam-beside") // what the document takes for granted
	beside.backing()
	chartFolder, err := filepath.Abs(chart)
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t, "finsam-document")

	// Install in five minutes, with issuers that finsam invents.
	install := blocks(t, "Install in five minutes")
	if len(install) != 2 {
		t.Fatalf("the chapter has %d blocks", len(install))
	}
	before, after, _ := strings.Cut(install[0], "# 4. ")
	_, after, _ = strings.Cut(after, "# 5. ")
	database := "mongodb://mongodb.finsam-beside:27017/"
	if mongoURI != "" {
		database = mongoURI
	}
	r.does(before+install[1]+"# "+after,
		"crane push", "true", // the test cluster has no registry; deploy/image tests the push
		"mongodb://finsam:PASSWORD@mongodb-0.mongodb-svc:27017/?replicaSet=rs0", database,
		"redis://:PASSWORD@redis:6379/0", "redis://redis.finsam-beside:6379/0",
		"image.registry=registry.example.se", "image.repository=finsam,image.registry="+registry+",image.tag="+tag+",common.autoscaling.enabled=false,drain.lingerSeconds=1",
		"deploy/helm/finsam", chartFolder)
	s := suite.At(t, r.door("finsam-gateway"))
	r.reaches(s, suite.Request{Method: "GET", Path: "/api-info"})
	read := func(when string) {
		t.Helper()
		if a, err := s.Do(suite.Request{Method: "GET", Path: "/referrals", Token: s.Token(t, intake)}); err != nil || a.Status != 200 {
			t.Fatalf("%s: %d %v", when, a.Status, err)
		}
	}
	read("installed")

	// Rotate the keys, all three stages.
	rotate := blocks(t, "Rotate the keys")[0]
	stage := rotate[strings.Index(rotate, "finsam keys rotate"):strings.Index(rotate, "# The same four")]
	r.does("cp -a DIR/keys DIR/keys.before\n" + stage)
	read("announced")
	for _, name := range []string{"switch", "retire"} {
		r.does(stage, "rotate announce", "rotate "+name)
		read("after " + name)
	}

	// Look first, with the image that would come.
	out := r.does(blocks(t, "### Look first, in a cluster")[0], "registry.example.se/finsam/finsam:0.2.0", registry+"/finsam:"+tag)
	if strings.Count(out, "nothing to do") != 3 {
		t.Errorf("the look does not find three databases in order:\n%s", out)
	}

	// Look into the access log, of the databases as they are.
	if _, verify, _ := strings.Cut(blocks(t, "#### Suspected snooping")[0], "FINSAM_STORE="); mongoURI == "" {
		ip := must(t, time.Minute, "kubectl", "-n", beside.name, "get", "service", "mongodb", "-o", "jsonpath={.spec.clusterIP}")
		if out := r.does("FINSAM_STORE="+verify, "mongodb://…", "mongodb://"+ip+":27017/"); strings.Count(out, ", 0 flaws") != 3 {
			t.Errorf("the access log has another result:\n%s", out)
		}
	}

	// Incidents and runbooks.
	look := blocks(t, "Runbooks")[0]
	r.does(strings.TrimSpace(look) + " || true")
	r.does("kubectl -n finsam rollout restart deployment/finsam-gateway\nkubectl -n finsam rollout status deployment/finsam-gateway --timeout=2m")
	r.does("helm -n finsam upgrade finsam " + chartFolder + " --reuse-values --set common.podAnnotations.turn=two --wait\nhelm -n finsam rollback finsam --wait --timeout 10m")
	read("rolled back")

	// Connect an authority: the gateways take the trust file without a restart.
	connect := blocks(t, "Connect an authority")
	entry, _, _ := strings.Cut(connect[2], "finsam trust ")
	inCluster := connect[len(connect)-1]
	put, logs, ok := strings.Cut(inCluster, "\nkubectl -n finsam logs")
	if !ok {
		t.Fatal("the chapter no longer ends with the gateways' logs")
	}
	r.does(connect[1] + entry + put)
	r.soon("kubectl -n finsam logs "+strings.TrimSpace(logs), "trust file reloaded")
	for end, refused := time.Now().Add(2*time.Minute), 0; refused < 10; { // by each gateway
		a, err := s.Do(suite.Request{Method: "GET", Path: "/referrals", Token: s.Token(t, intake)})
		if refused++; err != nil || a.Status != 401 {
			refused = 0
			time.Sleep(time.Second)
		}
		if time.Now().After(end) {
			t.Fatalf("an issuer that is no longer in the trust file: %d %v", a.Status, err)
		}
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
