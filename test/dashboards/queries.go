package main

import (
	"fmt"
	"strings"
)

// match writes the labels that a series is chosen by, always with the namespace.
func match(labels ...string) string {
	return "{" + strings.Join(append([]string{`namespace=~"$namespace"`}, labels...), ",") + "}"
}

// rate is how often a second a counter counts, by labels.
func rate(counter, by string, labels ...string) string {
	return fmt.Sprintf("sum by (%s) (rate(%s%s[$__rate_interval]))", by, counter, match(labels...))
}

// total is rate without labels.
func total(counter string, labels ...string) string {
	return fmt.Sprintf("sum(rate(%s%s[$__rate_interval]))", counter, match(labels...))
}

// quantile is the time within which that part of all is done, by labels.
func quantile(q float64, histogram, by string, labels ...string) string {
	if by != "" {
		by += ", "
	}
	return fmt.Sprintf("histogram_quantile(%g, sum by (%sle) (rate(%s_bucket%s[$__rate_interval])))", q, by, histogram, match(labels...))
}

// quantiles are the usual three of a histogram.
func quantiles(histogram string, labels ...string) []query {
	return []query{
		{quantile(.5, histogram, "", labels...), "half"},
		{quantile(.95, histogram, "", labels...), "95 of 100"},
		{quantile(.99, histogram, "", labels...), "99 of 100"},
	}
}

// gauge gives the largest value by labels.
func gauge(name, by string, labels ...string) string {
	return fmt.Sprintf("max by (%s) (%s%s)", by, name, match(labels...))
}

// behind is how many events each follower still has before it.
func behind(labels ...string) string {
	return fmt.Sprintf("max by (namespace, source) (finsam_feed_head%s) - on (namespace, source) group_right () max by (namespace, source, component) (finsam_follower_position%s)",
		match(), match(labels...))
}

// process is a series of the process itself, with the program that it is. The
// suite in one process is every program.
func process(series, program string) string {
	chosen := match()
	if program != "" {
		chosen = match(fmt.Sprintf(`component=~"finsam|finsam-%s"`, program))
	}
	return fmt.Sprintf("%s * on (namespace, instance) group_left (component) finsam_build_info%s", series, chosen)
}

// one makes the queries of a panel that has one.
func one(expr, legend string) []query { return []query{{expr, legend}} }
