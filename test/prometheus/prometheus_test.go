package prometheus

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"

	"github.com/finsam/finsam/test/suite"
)

func TestMain(m *testing.M) { suite.Main(m) }

type sample = promql.Sample

func TestEveryQueryFindsItsSeriesInTheSuiteAsOneProcess(t *testing.T) {
	everyQuery(t, suite.OneProcess(t))
}

func TestEveryQueryFindsItsSeriesInTheSuiteAsFourProcesses(t *testing.T) {
	everyQuery(t, suite.FourProcesses(t))
}

func everyQuery(t *testing.T, s *suite.Suite) {
	st := &story{Suite: s, t: t}
	prom := watch(t, s)
	prom.until("every process is scraped", "sum(up) == count(up)")
	participant := st.used()
	prom.until("a webhook is tried", "sum(finsam_webhook_try_duration_seconds_count) > 0")
	prom.until("what was done is scraped", `finsam_access_log_people_total{authority="molndal",component="participant"}`)
	prom.until("and more than once", `count(count_over_time(finsam_gateway_request_duration_seconds_count{operation="unrouted"}[1m]) > 3)`)

	dashboards, rules := panels(t), alerts(t, prom.parser)
	// Services on MongoDB are backed up by its own tools: only one process has this series.
	isMissing := func(expr string) bool {
		return len(s.Processes) > 1 && strings.Contains(expr, "finsam_backup_age_seconds")
	}
	for _, q := range dashboards {
		if isMissing(q.expr) {
			continue
		}
		for _, wrong := range append(prom.check(q), prom.shows(q)...) {
			t.Errorf("%s: %s\n  %s", q.place, wrong, q.expr)
		}
	}
	for _, r := range rules {
		if isMissing(r.Expr) {
			continue
		}
		q := query{place: r.Alert, expr: r.Expr}
		for _, wrong := range prom.check(q) {
			t.Errorf("%s: %s", q.place, wrong)
		}
		// The disk is the machine's: it may be full, and the suite well.
		if raised, err := prom.ask(r.Expr); err != nil || len(raised) > 0 && r.Alert != "FinsamDiskFilling" {
			t.Errorf("%s is raised, and all is well: %v %v", r.Alert, raised, err)
		}
	}
	t.Logf("%d queries of dashboards, %d alerts", len(dashboards), len(rules))
	prom.scales(s)
	nobodyIn(t, raw(t, s), st.secret)
	prom.raises(rules, st, participant)
}

// nobodyIn fails when a metric says something of somebody.
func nobodyIn(t *testing.T, metrics string, secret []string) {
	t.Helper()
	for _, word := range secret {
		if i := strings.Index(metrics, word); i >= 0 {
			t.Errorf("the metrics hold %q: …%s", word, metrics[max(0, i-80):i+len(word)])
		}
	}
}

// raises shows that alerts are raised when there is reason to.
func (s *server) raises(rules []rulefmt.Rule, st *story, participant string) {
	s.t.Helper()
	expr := map[string]string{}
	for _, r := range rules {
		expr[r.Alert] = r.Expr
	}
	for range 600 {
		st.wants(200, st.do(coach, "GET", "/participants/"+participant, nil, nil))
	}
	s.until("a coach who reads 600 times is noticed", expr["FinsamMassReading"])

	if err := os.WriteFile(filepath.Join(st.Data, "demo", "trust.yaml"), []byte("issuers: none"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.until("a wrong trust file is noticed", expr["FinsamTrustFileWrong"])

	for _, p := range st.Processes {
		p.Kill()
		break
	}
	s.until("a process that is gone is noticed", "count("+expr["FinsamDown"]+")")
}

func TestEveryAlertHasARunbookAndEveryRunbookAnAlert(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	const base = "https://github.com/finsam/finsam/blob/main/docs/operations/alerts.md#"
	known := map[string]bool{}
	for _, r := range alerts(t, newParser()) {
		known[r.Alert] = true
		if got, want := r.Annotations["runbook_url"], base+strings.ToLower(r.Alert); got != want {
			t.Errorf("%s: runbook_url is %q, want %q", r.Alert, got, want)
		}
		if !strings.Contains(string(text), "\n#### "+r.Alert+"\n") {
			t.Errorf("docs/operations/alerts.md has no runbook %s", r.Alert)
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "#### Finsam"); ok && !known["Finsam"+name] {
			t.Errorf("the runbook Finsam%s is of no alert", name)
		}
	}
}
