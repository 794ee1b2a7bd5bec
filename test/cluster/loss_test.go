//go:build cluster

package cluster

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// losesProcesses kills one process of each service, and then all of them at once.
// Some requests fail; every acknowledged referral is there, and one that is
// posted again with its key is the same one.
func (l *life) losesProcesses() {
	l.Helper()
	one := l.meanwhile("a process of each Deployment killed", true, func() {
		for _, c := range components {
			l.kill(l.pods(c)[:1])
			l.ready()
		}
	})
	all := l.meanwhile("all processes of the suite killed at once", true, func() {
		var pods []string
		for _, c := range components {
			pods = append(pods, l.pods(c)...)
		}
		l.kill(pods)
		l.comesBack(2 * time.Minute)
	})
	for _, res := range []result{one, all} {
		if res.acknowledged == 0 || len(res.failed) == res.asked {
			l.Errorf("%s: it never came back%s", res, res.some())
		}
	}
}

// comesBack waits until every pod is ready again.
func (l *life) comesBack(timeout time.Duration) {
	l.Helper()
	for end := time.Now().Add(timeout); ; time.Sleep(time.Second) {
		ready := l.kubectl("get", "pods", "-l", "app.kubernetes.io/instance=finsam", "-o", "jsonpath={.items[*].status.containerStatuses[*].ready}")
		if !strings.Contains(ready, "false") && strings.Count(ready, "true") >= 2*len(components) {
			return
		}
		if time.Now().After(end) {
			l.Fatalf("not all pods are ready within %s: %s", timeout, ready)
		}
	}
}

// kill kills the processes of pods with SIGKILL: their containers start again in
// the same pods. Where the nodes are other machines it deletes the pods by force,
// which returns them no time either.
func (l *life) kill(pods []string) {
	l.Helper()
	var pids []int
	for _, p := range pods {
		id := l.kubectl("get", "pod", p, "-o", "jsonpath={.status.containerStatuses[0].containerID}")
		pids = append(pids, processes(id[strings.LastIndexByte(id, '/')+1:])...)
	}
	if len(pids) < len(pods) {
		l.Log("the processes are not on this machine: their pods are deleted by force instead")
		l.kubectl(append([]string{"delete", "pod", "--force", "--grace-period=0"}, pods...)...)
		return
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			l.Error(err)
		}
	}
}

// processes returns those of a container on this machine, by its control group.
func processes(container string) (pids []int) {
	groups, _ := filepath.Glob("/proc/[0-9]*/cgroup")
	for _, g := range groups {
		text, err := os.ReadFile(g)
		if pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(g))); err == nil && container != "" && bytes.Contains(text, []byte(container)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// other returns the node that is taken away: not the first one, which has the
// stand-ins.
func (l *life) other() string {
	l.Helper()
	all := nodes(l.T)
	if len(all) < 2 {
		l.Skip("the cluster has one node: none is taken away")
	}
	return all[1]
}

// on returns the components that have a pod on the node.
func (l *life) on(node string) []string {
	l.Helper()
	out := l.kubectl("get", "pods", "-l", "app.kubernetes.io/instance=finsam", "--field-selector", "spec.nodeName="+node,
		"-o", `jsonpath={.items[*].metadata.labels.app\.kubernetes\.io/component}`)
	return slices.Compact(slices.Sorted(strings.FieldsSeq(out)))
}

// spread restarts pods until each Deployment has one on the node and one on another:
// for the scheduler that is a preference, which a later attempt may fulfil.
func (l *life) spread(node string) {
	l.Helper()
	var left []string
	for range 5 {
		left = nil
		for _, c := range components {
			on := strings.Fields(l.kubectl("get", "pods", "-l", "app.kubernetes.io/instance=finsam,app.kubernetes.io/component="+c, "-o", "jsonpath={.items[*].spec.nodeName}"))
			if !slices.Contains(on, node) || !slices.ContainsFunc(on, func(n string) bool { return n != node }) {
				left = append(left, c)
			}
		}
		if len(left) == 0 {
			return
		}
		for _, c := range left {
			l.kubectl("rollout", "restart", "deployment/finsam-"+c)
		}
		l.ready()
		l.settled()
	}
	l.Fatalf("not on node %s and another one: %v", node, left)
}

// settled waits until the pods of before have gone.
func (l *life) settled() {
	l.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		names := l.kubectl("get", "pods", "-l", "app.kubernetes.io/instance=finsam", "-o", "name")
		if strings.Count(names, "pod/") <= 2*len(components) {
			return
		}
	}
	l.Fatal("pods that were replaced do not end")
}

func (l *life) isDrained() {
	l.Helper()
	node := l.other()
	l.spread(node)
	l.Cleanup(func() { undo("kubectl", "uncordon", node) })
	l.unharmed("a node drained", func() {
		must(l.T, time.Minute, "kubectl", "uncordon", node) // for the second time
		l.spread(node)
		must(l.T, 4*time.Minute, "kubectl", "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector=app.kubernetes.io/instance=finsam", "--timeout=3m")
		l.ready()
	})
	if left := l.on(node); len(left) > 0 {
		l.Errorf("on the drained node there are still %v", left)
	}
}

// isCutOff takes a node from the network: what it has under way is lost, and
// nobody says so. FINSAM_TEST_CUT and FINSAM_TEST_JOIN are the commands for it.
func (l *life) isCutOff() {
	l.Helper()
	cut, join := strings.Fields(os.Getenv("FINSAM_TEST_CUT")), strings.Fields(os.Getenv("FINSAM_TEST_JOIN"))
	if len(cut) == 0 || len(join) == 0 {
		l.Skip("FINSAM_TEST_CUT and FINSAM_TEST_JOIN do not say how the second node is cut off and joined again")
	}
	node := l.other()
	l.spread(node)
	l.Cleanup(func() { undo(join[0], join[1:]...) }) // again, also when the test has failed
	res := l.meanwhile("a node cut off", true, func() {
		must(l.T, time.Minute, cut[0], cut[1:]...)
		must(l.T, 2*time.Minute, "kubectl", "wait", "--for=condition=Ready=Unknown", "node/"+node, "--timeout=90s")
		time.Sleep(40 * time.Second) // the tolerations end after 30
		for _, c := range components {
			l.kubectl("wait", "--for=condition=Available", "deployment/finsam-"+c, "--timeout=1m")
		}
		must(l.T, time.Minute, join[0], join[1:]...)
		must(l.T, 2*time.Minute, "kubectl", "wait", "--for=condition=Ready", "node/"+node, "--timeout=90s")
		l.comesBack(2 * time.Minute)
	})
	if res.acknowledged == 0 || len(res.failed)*2 > res.asked {
		l.Errorf("%s: it did not come back%s", res, res.some())
	}
	l.Logf("those that failed: %s", res.some())
	byController := 0
	for _, f := range res.failed {
		if strings.HasPrefix(f.kind, "502 ") { // the gateway never answers so
			byController++
		}
	}
	figure("services, 100 requests/s: of those that failed when a node was cut off, %d were answered by the Ingress controller, which still sent to the lost gateway", byController)
}

// scales lets the gateway follow its processor time out and in.
func (l *life) scales() {
	l.Helper()
	if _, err := run(l.T, time.Minute, nil, "kubectl", "get", "--raw", "/apis/metrics.k8s.io/v1beta1/nodes"); err != nil {
		l.Skip("the cluster has no metrics-server: nothing can scale by processor time")
	}
	l.helm("upgrade", "finsam", chart, "--reuse-values", "--wait", "--timeout", "3m", "--set", strings.Join([]string{
		"gateway.autoscaling.enabled=true", "gateway.autoscaling.minReplicas=1", "gateway.autoscaling.maxReplicas=3",
		"gateway.autoscaling.targetCPUUtilizationPercentage=50", "gateway.autoscaling.inFlight.enabled=false",
		"gateway.autoscaling.behavior.scaleDown.stabilizationWindowSeconds=5",
	}, ","))
	l.podsBecome(1, 3*time.Minute)
	load := l.under(l.door, l.everybody(), 200, 0, false)
	out := l.podsBecome(3, 3*time.Minute)
	res := load.stop("scaled from 1 gateway to 3")
	if len(res.failed) > 0 {
		l.Errorf("%s%s", res, res.some())
	}
	in := l.podsBecome(1, 3*time.Minute)
	figure("services, 200 requests/s of no person: from 1 gateway to 3 in %s, back to 1 in %s after the load", out.Round(time.Second), in.Round(time.Second))
}

// podsBecome waits until so many gateways are ready, and returns how long it took.
func (l *life) podsBecome(n int, timeout time.Duration) time.Duration {
	l.Helper()
	began := time.Now()
	for {
		status := l.kubectl("get", "deployment", "finsam-gateway", "-o", "jsonpath={.spec.replicas} {.status.readyReplicas}")
		if want := strconv.Itoa(n); status == want+" "+want {
			return time.Since(began)
		}
		if time.Since(began) > timeout {
			l.Fatalf("the gateways (wanted, ready) are %s and not %d within %s\n%s", status, n, timeout, l.kubectl("describe", "hpa", "finsam-gateway"))
		}
		time.Sleep(time.Second)
	}
}
