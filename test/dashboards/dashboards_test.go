package main

import (
	"os"
	"path/filepath"
	"testing"
)

const folder = "../../deploy/helm/finsam/dashboards/"

func TestTheChartHasTheDashboardsAsTheyAreDescribedHere(t *testing.T) {
	files, err := filepath.Glob(folder + "*.json")
	if err != nil || len(files) != len(all()) {
		t.Errorf("%d files, %d dashboards: %v", len(files), len(all()), err)
	}
	for name, b := range all() {
		want, err := render(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(folder + name + ".json")
		if err != nil || string(got) != string(want) {
			t.Errorf("%s.json is not what is described: run make generate (%v)", name, err)
		}
	}
}

func TestEveryPanelSaysWhatItShowsAndLiesBesideTheOthers(t *testing.T) {
	for name, b := range all() {
		taken := map[[2]int]string{}
		for _, r := range b.rows {
			for _, p := range r.panels {
				if p.title == "" || p.about == "" || p.unit == "" || len(p.queries) == 0 {
					t.Errorf("%s: %q in %q lacks a title, a description, a unit or a query", name, p.title, r.title)
				}
				for _, q := range p.queries {
					if q.legend == "" && !p.number {
						t.Errorf("%s: %q: a query without a legend", name, p.title)
					}
				}
			}
		}
		for _, p := range b.panels() {
			at := p["gridPos"].(object)
			for x := at["x"].(int); x < at["x"].(int)+at["w"].(int); x++ {
				for y := at["y"].(int); y < at["y"].(int)+at["h"].(int); y++ {
					if other, there := taken[[2]int{x, y}]; there || x >= columns {
						t.Errorf("%s: %v lies upon %s or beyond the edge", name, p["title"], other)
					}
					taken[[2]int{x, y}] = p["title"].(string)
				}
			}
		}
	}
}
