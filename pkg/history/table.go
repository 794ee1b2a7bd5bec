package history

import (
	"fmt"
	"slices"
	"strings"
)

// Same as a transition's To leaves the state as it is.
const Same = "="

// Transition is one row of a Table: this kind of step, taken by these parties, may
// happen in these states and leads to that one.
type Transition[State, Kind, Party ~string] struct {
	Operation string // of the contract, that takes the step; empty: no caller does
	Kind      Kind
	Detail    string // which decision, outcome …; empty: the kind alone decides
	By        []Party
	From      []State // "": before the first step
	To        State   // Same: the state stays
}

// Table says what may happen when, by whom, and where it leads. It is the only place
// that does: states, refusals, links and the drawing in a README follow from it.
type Table[State, Kind, Party ~string] []Transition[State, Kind, Party]

// Next returns the state that a step leads to. ok is false when the table does not
// allow the step in that state; the state is empty then.
func (t Table[State, Kind, Party]) Next(from State, kind Kind, detail string) (to State, ok bool) {
	for i := range t {
		row := &t[i]
		if row.Kind != kind || row.Detail != detail || !slices.Contains(row.From, from) {
			continue
		}
		if row.To == Same {
			return from, true
		}
		return row.To, true
	}
	return "", false
}

// Allows reports whether a step of this kind, with any detail, may happen in a state.
func (t Table[State, Kind, Party]) Allows(from State, kind Kind) bool {
	return slices.ContainsFunc(t, func(row Transition[State, Kind, Party]) bool {
		return row.Kind == kind && slices.Contains(row.From, from)
	})
}

// Operations returns the operations of which a state allows some step, in the table's
// order.
func (t Table[State, Kind, Party]) Operations(from State) []string {
	var operations []string
	for _, row := range t.In(from) {
		if !slices.Contains(operations, row.Operation) {
			operations = append(operations, row.Operation)
		}
	}
	return operations
}

// In returns the rows of the operations of which a state allows some step, in the table's
// order.
func (t Table[State, Kind, Party]) In(from State) Table[State, Kind, Party] {
	var rows Table[State, Kind, Party]
	for _, row := range t {
		if row.Operation != "" && slices.Contains(row.From, from) {
			rows = append(rows, row)
		}
	}
	return rows
}

// Rows returns the rows of an operation, in the table's order.
func (t Table[State, Kind, Party]) Rows(operation string) Table[State, Kind, Party] {
	var rows Table[State, Kind, Party]
	for _, row := range t {
		if row.Operation == operation {
			rows = append(rows, row)
		}
	}
	return rows
}

// By reports whether a party may take steps of a kind, in whatever state.
func (t Table[State, Kind, Party]) By(kind Kind, party Party) bool {
	return slices.ContainsFunc(t, func(row Transition[State, Kind, Party]) bool {
		return row.Kind == kind && slices.Contains(row.By, party)
	})
}

// Drawing returns the table in Markdown: a Mermaid diagram of what changes the state,
// and behind it every row. states lists all of them in the order of the drawing.
func (t Table[State, Kind, Party]) Drawing(states []State) string {
	label := func(row Transition[State, Kind, Party]) string {
		return strings.TrimSuffix(string(row.Kind)+" "+row.Detail, " ")
	}
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, from := range append([]State{""}, states...) {
		name, final := string(from), true
		if from == "" {
			name = "[*]"
		}
		for _, row := range t {
			if slices.Contains(row.From, from) && row.To != Same && row.To != from {
				final = false
				if arrow := fmt.Sprintf("    %s --> %s: %s\n", name, row.To, label(row)); !strings.Contains(b.String(), arrow) {
					b.WriteString(arrow)
				}
			}
		}
		if final {
			fmt.Fprintf(&b, "    %s --> [*]\n", name)
		}
	}
	b.WriteString("```\n\n| step | by | from | to | operation |\n|---|---|---|---|---|\n")
	for _, row := range t {
		from, to, operation := list(row.From), string(row.To), ""
		if len(row.From) == len(states) {
			from = "any state"
		}
		if row.To == Same {
			to = "the same"
		}
		if row.Operation != "" {
			operation = "`" + row.Operation + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", label(row), list(row.By), from, to, operation)
	}
	return b.String()
}

func list[T ~string](all []T) string {
	names := make([]string, len(all))
	for i, x := range all {
		names[i] = string(x)
	}
	return strings.Join(names, ", ")
}
