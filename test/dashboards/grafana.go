package main

import "strings"

// board is a dashboard: rows of panels.
type board struct {
	name, title, about string
	rows               []row
}

type row struct {
	title  string
	panels []panel
}

// panel is one picture, or one number when it is narrow.
type panel struct {
	title, about string
	unit         string // as Grafana names it: s, reqps, percentunit, bytes, short
	number       bool   // the latest value, large, instead of a course over time
	good         float64
	limit        float64 // with number: from here on it is red; 0: never
	queries      []query
}

// query is an expression and how its series are named.
type query struct{ expr, legend string }

// schemaVersion is that of Grafana 12.
const schemaVersion = 41

// The sizes of panels, in Grafana's grid of 24 columns.
const (
	columns      = 24
	width        = 8
	height       = 8
	numberWidth  = 4
	numberHeight = 4
)

type object = map[string]any

func (b board) grafana() object {
	return object{
		"uid": "finsam-" + b.name, "title": b.title, "description": b.about, "tags": []string{"finsam"},
		"schemaVersion": schemaVersion, "version": 1, "editable": true, "graphTooltip": 1, "timezone": "browser",
		"time": object{"from": "now-3h", "to": "now"}, "refresh": "30s",
		"links": []object{{"type": "dashboards", "title": "finsam", "tags": []string{"finsam"}, "asDropdown": true, "keepTime": true, "includeVars": true}},
		"templating": object{"list": []object{
			{"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "hide": 0},
			{
				"type": "query", "name": "namespace", "label": "Namespace", "hide": 0, "datasource": source(),
				"definition": "label_values(finsam_build_info, namespace)",
				"query":      object{"query": "label_values(finsam_build_info, namespace)", "refId": "namespace"},
				"refresh":    2, "sort": 1, "includeAll": true, "multi": true, "allValue": ".*",
				"current": object{"text": "All", "value": "$__all"},
			},
		}},
		"annotations": object{"list": []object{}},
		"panels":      b.panels(),
	}
}

func source() object { return object{"type": "prometheus", "uid": "${datasource}"} }

// panels lays the rows out from top to bottom, and within a row from left to right.
func (b board) panels() []object {
	var all []object
	y := 0
	for _, r := range b.rows {
		all = append(all, object{
			"id": len(all) + 1, "type": "row", "title": r.title, "collapsed": false, "panels": []object{},
			"gridPos": object{"x": 0, "y": y, "w": columns, "h": 1},
		})
		y++
		x, h := 0, 0
		for _, p := range r.panels {
			w, ph := p.size()
			if x+w > columns {
				x, y = 0, y+h
			}
			all = append(all, p.grafana(len(all)+1, x, y))
			x, h = x+w, ph
		}
		y += h
	}
	return all
}

func (p panel) size() (w, h int) {
	if p.number {
		return numberWidth, numberHeight
	}
	return width, height
}

func (p panel) grafana(id, x, y int) object {
	w, h := p.size()
	o := object{
		"id": id, "title": p.title, "description": p.about, "datasource": source(),
		"gridPos": object{"x": x, "y": y, "w": w, "h": h}, "targets": p.targets(),
	}
	if p.number {
		o["type"] = "stat"
		o["options"] = object{"colorMode": "value", "graphMode": "area", "textMode": "auto", "reduceOptions": object{"calcs": []string{"lastNotNull"}}}
		o["fieldConfig"] = object{"defaults": object{"unit": p.unit, "thresholds": p.thresholds()}, "overrides": []object{}}
		return o
	}
	o["type"] = "timeseries"
	o["options"] = object{
		"legend":  object{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"lastNotNull", "max"}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	o["fieldConfig"] = object{
		"defaults":  object{"unit": p.unit, "min": 0, "custom": object{"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}},
		"overrides": []object{},
	}
	return o
}

// thresholds colour a number: red beyond the limit, which lies above what is good,
// or below it.
func (p panel) thresholds() object {
	steps := []object{{"color": "green", "value": nil}}
	switch {
	case p.limit == 0 && p.good == 0:
	case p.good > p.limit:
		steps = []object{{"color": "red", "value": nil}, {"color": "green", "value": p.limit}}
	default:
		steps = append(steps, object{"color": "red", "value": p.limit})
	}
	return object{"mode": "absolute", "steps": steps}
}

func (p panel) targets() []object {
	var all []object
	for i, q := range p.queries {
		all = append(all, object{
			"refId": string(rune('A' + i)), "datasource": source(), "expr": q.expr, "legendFormat": q.legend,
			"exemplar": strings.Contains(q.expr, "_bucket") && !p.number,
		})
	}
	return all
}
