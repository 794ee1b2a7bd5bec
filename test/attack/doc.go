// Package attack holds the suite against callers who want to take it down, or who do so
// by mistake: each attack of a table runs while others ask politely.
//
// TestNobodyTakesTheSuiteDown… runs every attack small, and holds what is true on any
// machine: the answers, that everything still runs, the peak of memory. scripts/attack.sh
// (make attack) runs them whole, under the memory limits of the chart, and prints the
// tables of docs/reliability.md. It reads /proc and so needs Linux.
package attack
