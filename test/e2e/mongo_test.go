package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finsam/finsam/pkg/persontest"
	"github.com/finsam/finsam/test/mongowire"
	"github.com/finsam/finsam/test/suite"
)

// startMongo returns the address of a server without the services' databases.
func startMongo(t *testing.T) string {
	t.Helper()
	uri := mongowire.Anywhere(t)
	databases := []string{"finsam-referral", "finsam-participant", "finsam-activity"}
	mongowire.Drop(t, uri, databases...)
	t.Cleanup(func() { mongowire.Drop(t, uri, databases...) })
	return uri
}

// The services as operations run them: each its own database on one MongoDB
// server, the gateway's cache and limits on Redis.
func TestFromAPostedReferralToTheReferrersOutcomeOverMongoDBAndRedis(t *testing.T) {
	env := append(startRedis(t).env(), "FINSAM_STORE="+startMongo(t))
	fromReferralToOutcome(t, suite.FourProcesses(t, env...))
}

// before are the collections whose commands are sent before the answer. What follows it
// has others: the feed's, and those that mark and look for what is not published.
var before = []string{"unit_registers", "referrals", "persons", "registry_counters", "access_log"}

// TestCommandsOnMongoDB counts at the wire what one call costs, and a suite at rest.
func TestCommandsOnMongoDB(t *testing.T) {
	server := mongowire.Before(t, startMongo(t))
	var all atomic.Int64
	var own sentCommands
	server.Watch.Store(new(func(c mongowire.Command) {
		collection, _ := c.Body.Lookup(c.Name).StringValueOK()
		if slices.Contains([]string{"find", "insert", "update", "delete", "aggregate", "getMore"}, c.Name) {
			all.Add(1)
			_, unpublished := c.Body.LookupErr("filter", "unpublished")
			marks := len(c.Lists["updates"]) > 0 && strings.Contains(c.Lists["updates"][0].String(), `"published"`)
			if unpublished != nil && !marks && slices.Contains(before, collection) {
				own.add(c.Name + " " + collection)
			}
		}
	}))
	w := walk{suite.FourProcesses(t, append([]string{"FINSAM_STORE=" + server.URI}, unlimited...)...), t}
	id := ""
	calls := map[string]struct {
		most int
		call func(n int)
	}{
		"POST": {8, func(n int) {
			p := persontest.New(rand.New(rand.NewPCG(10, uint64(n))), day(0))
			id = w.Must(t, 201, suite.Request{Method: "POST", Path: "/referrals", Token: w.Token(t, fkSystem), Body: referral(p.Number, p.GivenName, p.FamilyName),
				Header: map[string]string{"Idempotency-Key": fmt.Sprint("count-", n)}}).Text("id")
		}},
		"GET":  {3, func(int) { w.get(intake, "/referrals/"+id) }},
		"list": {3, func(int) { w.get(intake, "/referrals?limit=20") }},
	}
	for _, name := range []string{"POST", "GET", "list"} {
		var least []string // of several: what follows an earlier call may still be going on
		for n := range 5 {
			calm(&all)
			own.take()
			calls[name].call(n)
			if sent := own.take(); least == nil || len(sent) < len(least) {
				least = sent
			}
		}
		t.Logf("%s: %d commands: %s", name, len(least), strings.Join(least, ", "))
		if len(least) > calls[name].most {
			t.Errorf("%s: %d commands before the answer, more than %d", name, len(least), calls[name].most)
		}
	}
	calm(&all)
	began, before := time.Now(), all.Load()
	time.Sleep(4 * time.Second)
	perSecond := float64(all.Load()-before) / time.Since(began).Seconds()
	t.Logf("at rest: %.1f commands a second", perSecond)
	if perSecond > 12 {
		t.Errorf("a suite at rest sends %.1f commands a second", perSecond)
	}
}

// TestTheShardKeysOfThePageAreAllowed holds the table of the page against what the
// services create: a unique index forbids every shard key that it does not begin with.
func TestTheShardKeysOfThePageAreAllowed(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations/install.md")
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) == 7 {
			for name := range strings.SplitSeq(cells[1], ", ") {
				keys[strings.Trim(name, " `")] = strings.Trim(cells[3], " `")
			}
		}
	}
	server := mongowire.Before(t, startMongo(t))
	var mu sync.Mutex
	unique := map[string]bool{}
	server.Watch.Store(new(func(c mongowire.Command) {
		mu.Lock()
		defer mu.Unlock()
		name, _ := c.Body.Lookup(c.Name).StringValueOK()
		switch c.Name {
		case "listIndexes", "insert", "createIndexes":
			isUnique := c.Name == "createIndexes" && strings.Contains(strings.ReplaceAll(c.Body.String(), " ", ""), `"unique":true`)
			unique[name] = unique[name] || isUnique
		}
	}))
	suite.FourProcesses(t, append([]string{"FINSAM_STORE=" + server.URI}, unlimited...)...)
	mu.Lock()
	defer mu.Unlock()
	if len(unique) < 20 {
		t.Errorf("only %d collections were seen", len(unique))
	}
	for name, isUnique := range unique {
		if key := keys[name]; key == "" || isUnique != (key == "{association: 1}") {
			t.Errorf("%s: shard key %q, a unique index: %v", name, key, isUnique)
		}
	}
}

// sentCommands is a list of commands in the order in which they were sent.
type sentCommands struct {
	mu   sync.Mutex
	sent []string
}

func (l *sentCommands) add(command string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, command)
}

// take empties the list and returns what was in it.
func (l *sentCommands) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent
	l.sent = nil
	return sent
}

// calm waits until hardly anything is counted any more.
func calm(all *atomic.Int64) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		before := all.Load()
		time.Sleep(300 * time.Millisecond)
		if all.Load()-before <= 6 {
			return
		}
	}
}
