package attack

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

var (
	overloadFor = flag.Duration("overload", 40*time.Second, "how long each number of connections asks for twice the sustainable load")
	attackFor   = flag.Duration("for", 5*time.Second, "how long every other attack lasts")
	only        = flag.String("only", "", "only the attacks that match this expression, such as 'G5a/four processes'")
	machine     = flag.String("machine", "", "what the figures are of, printed above the tables: commit, machine, load")
	page        = flag.String("page", "", "the page between whose markers the tables are written")
)

func TestMain(m *testing.M) { suite.Main(m) }

func TestNobodyTakesTheSuiteDownInOneProcess(t *testing.T) { runSmall(t, ways[0]) }

func TestNobodyTakesTheSuiteDownOverFourProcesses(t *testing.T) { runSmall(t, ways[1]) }

// polite are who ask beside an attack.
var polite = []caller{vgr, af, molndal, partille}

// runSmall runs every attack small, one after the other against one suite, and holds what
// does not depend on how fast the machine is.
func runSmall(t *testing.T, w way) {
	t.Parallel()
	g := newGround(t, w, false, 3)
	weighing, stop := context.WithCancel(t.Context())
	defer stop()
	go g.weigh(weighing)
	for _, a := range attacks {
		if a.isLarge || a.needs != "" && (a.needs != w.name || g.redis == nil) {
			continue
		}
		t.Run(a.id, func(t *testing.T) {
			g.tally, g.watched, g.others, g.failed, g.notes = map[string]int{}, nil, nil, nil, nil
			if a.prepare != nil {
				a.prepare(g)
			}
			callers, least := polite[:2], 90.0
			if a.only { // four requests, while a small machine is overloaded
				callers, least = polite[:1], 50
			}
			// On a busy machine an attack may not have begun within that time: then it has more.
			for d := 400 * time.Millisecond; d < time.Minute; d *= 5 {
				ctx, end := context.WithTimeout(t.Context(), d)
				watching := make(chan struct{})
				go func() {
					defer close(watching)
					g.watch(ctx, callers, 10)
				}()
				a.run(ctx, g)
				<-watching
				end()
				if len(g.tally) > 0 || a.expect == "" {
					break
				}
			}
			if g.failed != nil {
				t.Error(g.failed)
			}
			for outcome := range g.tally {
				if !slices.Contains(strings.Fields(a.expect), outcome) {
					t.Errorf("the attacker got %q, not one of %s: %v", outcome, a.expect, g.tally)
				}
			}
			if len(g.tally) == 0 && a.expect != "" {
				t.Error("nothing was attacked")
			}
			if all := slices.Concat(g.watched, g.others); served(all) < least {
				t.Errorf("others were served %.0f %%: %v %v", served(all), outcomes(all), g.notes)
			}
			for name, p := range g.Processes {
				if a, err := g.Do(suite.Request{Method: "GET", Path: p.Admin + "/readyz"}); err != nil || a.Status != http.StatusOK {
					t.Fatalf("%s is not ready: %d %v", name, a.Status, err)
				}
			}
			t.Log(g.tally, g.notes, g.peakText())
			if !suite.Race && g.worst() > 85 {
				t.Errorf("memory: %s", g.peakText())
			}
		})
	}
}

// BenchmarkAttack runs every attack whole, each against a suite of its own, and prints the
// tables. It runs once (-benchtime 1x).
func BenchmarkAttack(b *testing.B) {
	wanted := regexp.MustCompile(*only)
	var text bytes.Buffer
	fmt.Fprintf(&text, "\n%s\n", *machine)
	for _, w := range ways {
		fmt.Fprintf(&text, "\n%s, limit %d MiB each:\n\n", strings.ToUpper(w.name[:1])+w.name[1:], w.limit>>20)
		text.WriteString("| | attack | what the attacker got | others served | their p99 before, during, after | peak of memory, of the limit | strangers | held |\n|---|---|---|---|---|---|---|---|\n")
		for _, a := range attacks {
			if a.needs != "" && a.needs != w.name || !wanted.MatchString(a.id+"/"+w.name) {
				continue
			}
			b.Run(a.id+"/"+w.name, func(b *testing.B) {
				row := fmt.Sprintf("| %s | %s | the attack could not begin | | | | | no |\n", a.id, a.name)
				defer func() {
					fmt.Fprint(os.Stderr, row)
					text.WriteString(row)
				}()
				row = runWhole(b, w, a)
			})
		}
	}
	fmt.Print(text.String())
	if *page != "" && *only == "" {
		if err := suite.WritePage(*page, "make attack", text.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}

// runWhole runs an attack and returns its row.
func runWhole(b *testing.B, w way, a attack) string {
	g := newGround(b, w, true, max(a.stored, 100), a.env...)
	if a.prepare != nil {
		a.prepare(g)
	}
	weighing, stop := context.WithCancel(context.Background())
	defer stop()
	go g.weigh(weighing)
	callers, perSecond := polite, 10.0
	if a.only {
		callers, perSecond = polite[:1], 5
	}
	phase := func(d time.Duration, run func(context.Context)) []sample {
		g.watched = nil
		watching, end := context.WithCancel(context.Background())
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			g.watch(watching, callers, perSecond)
		}()
		attacking, stop := context.WithTimeout(watching, d)
		defer stop()
		g.begin()
		run(attacking)
		<-attacking.Done()
		end()
		<-watched
		return slices.DeleteFunc(g.watched, func(s sample) bool { return s.due.Before(g.began) })
	}
	nothing := func(context.Context) {}
	before := phase(2*time.Second, nothing)
	length := cmp.Or(a.lasts, *attackFor)
	if a.only {
		length = *overloadFor + 6*time.Second
	}
	used, began := strangersTime(g), time.Now()
	during := phase(length, func(ctx context.Context) { a.run(ctx, g) })
	strangers := max(0, (strangersTime(g)-used).Seconds()/time.Since(began).Seconds())
	time.Sleep(2 * time.Second)
	after := phase(1500*time.Millisecond, nothing)
	bound := 300 * time.Millisecond
	if a.within3 {
		bound = 3 * percentile(before, 99)
	}
	for name := range g.killed {
		g.fail("%s was killed for its memory", name)
	}
	if len(g.killed) == 0 && g.worst() > 85 {
		g.fail("memory above 85 %% of the limit")
	}
	if served(slices.Concat(during, g.others)) < 99 {
		g.fail("others were refused: %v", outcomes(slices.Concat(during, g.others)))
	}
	if percentile(during, 99) > bound {
		g.fail("others waited longer than %s", round(bound))
	}
	if served(after) < 100 || percentile(after, 99) > max(3*percentile(before, 99), 100*time.Millisecond) {
		g.fail("not normal 2 s after: %v", outcomes(after))
	}
	held := "yes"
	if len(g.failed) > 0 {
		held = "no: " + strings.Join(g.failed, "; ")
	}
	tally := []string{}
	for _, outcome := range slices.Sorted(maps.Keys(g.tally)) {
		tally = append(tally, fmt.Sprintf("%s × %d", outcome, g.tally[outcome]))
	}
	if len(g.notes) > 0 {
		tally = append(tally, strings.Join(g.notes, "; "))
	}
	return fmt.Sprintf("| %s | %s | %s | %.1f %% | %s · %s · %s | %s | %.1f | %s |\n", a.id, a.name, strings.Join(tally, ", "),
		served(during), round(percentile(before, 99)), round(percentile(during, 99)), round(percentile(after, 99)), g.peakText(), strangers, held)
}

// strangersTime returns the processor time that others on the machine have used.
func strangersTime(g *ground) time.Duration {
	all, _ := suite.Busy() // an error shows in a figure that cannot be
	own, _ := suite.CPU(os.Getpid())
	for _, p := range g.Processes {
		used, _ := suite.CPU(p.Pid()) // 0 when it was killed
		own += used
	}
	return all - own
}

// served returns how many percent of the samples were taken.
func served(samples []sample) float64 {
	taken := 0
	for _, s := range samples {
		if s.isTaken() {
			taken++
		}
	}
	return 100 * float64(taken) / float64(max(1, len(samples)))
}

func outcomes(samples []sample) map[string]int {
	all := map[string]int{}
	for _, s := range samples {
		all[s.outcome]++
	}
	return all
}

// worst returns the highest peak of memory of a process, in percent of its limit.
func (g *ground) worst() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return 100 * float64(slices.Max(slices.Collect(maps.Values(g.peak)))) / float64(g.limit)
}

func (g *ground) peakText() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := slices.MaxFunc(slices.Collect(maps.Keys(g.peak)), func(a, b string) int { return int(g.peak[a] - g.peak[b]) })
	return fmt.Sprintf("%s %d MiB, %d %%", name, g.peak[name]>>20, 100*g.peak[name]/g.limit)
}

func round(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.0f ms", d.Seconds()*1000)
}
