//go:build cluster

package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/finsam/finsam/test/suite"
)

// standInShare is what the stand-in for MongoDB takes, in percent of 200 requests
// a second.
const standInShare = 10

// life is one installation of the four services, and what happens to it in turn.
type life struct {
	room
	door   suite.Place
	people []person
}

func TestFourServicesLiveOnACluster(t *testing.T) {
	r := newRoom(t, "finsam-services")
	r.backing()
	l := &life{room: r}
	l.isInstalled()
	for _, part := range []struct {
		sentence string
		holds    func(*life)
	}{
		{"each workload has a network policy", func(l *life) { l.hasPolicies("gateway", "referral", "participant", "activity") }},
		{"the story runs through the front door", func(l *life) { l.livesThrough(l.door) }},
		{"helm test passes", func(l *life) { l.helm("test", "finsam") }},
		{"what it takes idle and under load is measured", (*life).isMeasured},
		{"an upgrade of every Deployment, back and forth, fails no request", (*life).isUpgraded},
		{"a bad upgrade is rolled back and harms nobody", (*life).isUpgradedBadly},
		{"deleted pods fail no request", (*life).losesPods},
		{"killed processes lose nothing acknowledged", (*life).losesProcesses},
		{"a drained node fails no request", (*life).isDrained},
		{"a node that is cut off loses nothing acknowledged", (*life).isCutOff},
		{"it scales out and in by requests in flight", (*life).scalesInFlight},
		{"it scales out and in", (*life).scales},
		{"uninstall leaves nothing", func(l *life) { l.leavesNothing() }},
	} {
		t.Run(part.sentence, func(t *testing.T) {
			own := *l
			own.room = l.with(t)
			part.holds(&own)
			l.people = own.people
		})
	}
}

// isInstalled measures from the install to the first accepted referral.
func (l *life) isInstalled() {
	l.Helper()
	began := time.Now()
	l.helm(append(append([]string{"install", "finsam", chart}, l.values("demo.yaml")...), "--set", "common.replicas=2,common.resources.requests.cpu=80m,image.tag="+before)...) // the stand-ins must not starve it
	l.door = l.room.door("finsam-gateway")
	l.accepted(suite.At(l.T, l.door), 3*time.Minute)
	figure("services: from helm install to the first accepted referral: %s", time.Since(began).Round(100*time.Millisecond))
	l.ready()
}

// isMeasured: idle, and at 200 requests a second.
func (l *life) isMeasured() {
	l.Helper()
	l.people = l.room.people(l.door, 5)
	time.Sleep(10 * time.Second)
	report("services, idle", l.uses(25*time.Second))
	load := l.under(l.door, l.people, 200, share(), false)
	time.Sleep(10 * time.Second)
	report("services, 200 requests/s", l.uses(25*time.Second))
	res := load.stop("200 requests a second")
	figure("services, 200 requests/s: %d %% of them bear personal data; %s", share(), res)
	if len(res.failed) > 0 {
		l.Errorf("%s%s", res, res.some())
	}
}

// everybody creates the people that a load asks for, when no part before has.
func (l *life) everybody() []person {
	l.Helper()
	if l.people == nil {
		l.people = l.room.people(l.door, 5)
	}
	return l.people
}

// meanwhile does something under 100 requests a second, and lets it settle.
func (l *life) meanwhile(what string, patient bool, do func()) result {
	l.Helper()
	load := l.under(l.door, l.everybody(), 100, share(), patient)
	time.Sleep(3 * time.Second)
	do()
	time.Sleep(3 * time.Second)
	res := load.stop(what)
	figure("services, 100 requests/s: %s", res)
	if kinds := res.kinds(); kinds != "" && !patient { // who is patient expects them
		figure("services: that failed: %s", kinds)
	}
	return res
}

// unharmed does something that nobody must notice. A machine that stalls for
// seconds delays pods, controllers and the caller in turn, and what waited comes at once
// and is shed: when few requests failed, or all within a second, it is repeated once, and
// both results are reported.
func (l *life) unharmed(what string, do func()) {
	l.Helper()
	res := l.meanwhile(what, false, do)
	if few := res.asked / 200; len(res.failed) > 0 && (len(res.failed) <= few || res.over() < time.Second) {
		l.Logf("once more, as few failed, or for a moment: %s%s", res, res.some())
		figure("services, %s: few failed, or for a moment, so it was done once more", what)
		res = l.meanwhile(what+", once more", false, do)
	}
	if len(res.failed) > 0 {
		l.Errorf("%s%s", res, res.some())
	}
}

// isUpgraded from the version before to this one, rolled back, and upgraded again:
// meanwhile both serve, on the same data.
func (l *life) isUpgraded() {
	l.Helper()
	if before == tag {
		l.Log("FINSAM_IMAGE_BEFORE names no image of another version: the upgrade is to the same one")
	}
	first := l.version()
	upgrade := func() {
		l.helm("upgrade", "finsam", chart, "--reuse-values", "--set", "image.tag="+tag+",common.podAnnotations.turn="+time.Now().Format("t150405"), "--wait", "--timeout", "3m")
	}
	l.unharmed("rolling upgrade of every Deployment", upgrade)
	l.settled()
	second := l.version()
	if (before == tag) != (first == second) {
		l.Errorf("version %s became %s", first, second)
	}
	l.unharmed("rolled back to the version before, and upgraded again", func() {
		l.helm("rollback", "finsam", "1", "--wait", "--timeout", "3m")
		l.settled()
		if got := l.version(); got != first {
			l.Errorf("after the roll-back it is version %s, not %s", got, first)
		}
		upgrade()
	})
	figure("services: version %s upgraded to %s, rolled back, and upgraded again", first, second)
}

// version is that of the front door.
func (l *life) version() string {
	l.Helper()
	return suite.At(l.T, l.door).Must(l.T, 200, suite.Request{Method: "GET", Path: "/api-info"}).Text("softwareVersion")
}

// isUpgradedBadly: to an image that is not there.
func (l *life) isUpgradedBadly() {
	l.Helper()
	image := func() string {
		return l.kubectl("get", "deployment", "finsam-gateway", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	}
	was := image()
	l.unharmed("bad upgrade, rolled back", func() {
		out, err := run(l.T, 3*time.Minute, nil, "helm", "-n", l.name, "upgrade", "finsam", chart, "--reuse-values", "--set", "image.tag=absent", "--atomic", "--timeout", "15s")
		if err == nil {
			l.Errorf("an upgrade to an image that is not there went through:\n%s", out)
		}
	})
	if now := image(); now != was {
		l.Errorf("the image is %s after the roll-back, and was %s", now, was)
	}
}

var components = []string{"gateway", "referral", "participant", "activity"}

// pods returns the pods of a component, by name.
func (r room) pods(component string) []string {
	r.Helper()
	return strings.Fields(r.kubectl("get", "pods", "-l", "app.kubernetes.io/instance=finsam,app.kubernetes.io/component="+component, "-o", "jsonpath={.items[*].metadata.name}"))
}

func (l *life) losesPods() {
	l.Helper()
	l.unharmed("a pod of each Deployment deleted", func() {
		for _, c := range components {
			l.kubectl("delete", "pod", l.pods(c)[0], "--wait")
			l.kubectl("rollout", "status", "deployment/finsam-"+c, "--timeout=1m")
		}
	})
}
