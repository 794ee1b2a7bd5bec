// Package policies holds the chart's NetworkPolicies against the rules listed in
// testdata (make chart).
package policies
