//go:build cluster

package cluster

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// reading is what a kubelet knows of a container.
type reading struct {
	at     time.Time
	cpu    float64 // seconds of processor time since it started
	memory float64 // bytes that cannot be taken from it
}

// use is what the pods of a workload take together.
type use struct {
	pods   int
	cpu    float64 // cores
	memory float64 // bytes
}

// read asks every kubelet for the room's containers, by pod.
func (r room) read() map[string]reading {
	r.Helper()
	all := map[string]reading{}
	for _, node := range nodes(r.T) {
		var summary struct {
			Pods []struct {
				PodRef     struct{ Name, Namespace string }
				Containers []struct {
					CPU struct {
						Time                 time.Time
						UsageCoreNanoSeconds float64
					}
					Memory struct{ WorkingSetBytes float64 }
				}
			}
		}
		text := must(r.T, time.Minute, "kubectl", "get", "--raw", "/api/v1/nodes/"+node+"/proxy/stats/summary")
		if err := json.Unmarshal([]byte(text), &summary); err != nil {
			r.Fatal(err)
		}
		for _, p := range summary.Pods {
			if p.PodRef.Namespace == r.name && len(p.Containers) == 1 {
				c := p.Containers[0]
				all[p.PodRef.Name] = reading{c.CPU.Time, c.CPU.UsageCoreNanoSeconds / 1e9, c.Memory.WorkingSetBytes}
			}
		}
	}
	return all
}

// uses measures for a while what each workload takes. The kubelet looks every ten
// seconds or so and says when, so the time between its looks counts.
func (r room) uses(window time.Duration) map[string]use {
	r.Helper()
	before := r.read()
	time.Sleep(window)
	all := map[string]use{}
	for pod, b := range r.read() {
		a, ok := before[pod]
		if !ok || !b.at.After(a.at) {
			r.Errorf("the kubelet reported nothing new of %s within %s", pod, window)
			continue
		}
		u := all[workload(pod)]
		u.pods++
		u.cpu += (b.cpu - a.cpu) / b.at.Sub(a.at).Seconds()
		u.memory += b.memory
		all[workload(pod)] = u
	}
	return all
}

// workload is a pod's name without what its owner has put behind it.
func workload(pod string) string {
	parts := strings.Split(pod, "-")
	if parts[len(parts)-1] == "0" { // of a StatefulSet
		return strings.Join(parts[:len(parts)-1], "-")
	}
	return strings.Join(parts[:max(1, len(parts)-2)], "-")
}

// report writes the use of every workload, and of the suite without the stand-ins.
func report(when string, all map[string]use) {
	var suite use
	for _, name := range slices.Sorted(maps.Keys(all)) {
		u := all[name]
		if strings.HasPrefix(name, "finsam-") {
			suite.pods, suite.cpu, suite.memory = suite.pods+u.pods, suite.cpu+u.cpu, suite.memory+u.memory
		}
		figure("%s: %s", when, line(name, u))
	}
	figure("%s: %s", when, line("the suite together", suite))
}

func line(name string, u use) string {
	return fmt.Sprintf("%-20s %d pods, %4.0f m CPU, %4.0f MiB", name, u.pods, 1000*u.cpu, u.memory/(1<<20))
}
