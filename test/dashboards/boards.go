package main

import (
	"fmt"
	"slices"
)

// The objectives of the association's service level, over 30 days; the alerts in
// files/alerts.yaml have the same.
const (
	answered = .999 // of requests, without a fault of ours
	quick    = .99  // of those let through, within 250 ms
)

const (
	door     = "finsam_gateway_request_duration_seconds"
	requests = "finsam_request_duration_seconds"
	failures = "finsam_gateway_failures_total"
	store    = "finsam_store_duration_seconds"
	waiting  = `operation!="readFeed"` // a follower's call waits for events
)

func overview() board {
	return board{"overview", "finsam: overview", "How the suite is, at a glance.", []row{
		{"Now", []panel{
			{title: "Answered", about: "Requests answered without a fault of ours.", unit: "percentunit", number: true, good: 1, limit: answered,
				queries: one("1 - "+total(failures)+" / "+total(door+"_count"), "")},
			{title: "Requests", about: "At the front door.", unit: "reqps", number: true, queries: one(total(door+"_count"), "")},
			{title: "95 of 100 within", about: "Time to the answer at the front door.", unit: "s", number: true, limit: .25, queries: one(quantile(.95, door, ""), "")},
			{title: "Events told late", about: "Age of the oldest event known to a follower and not handled.", unit: "s", number: true, limit: 60,
				queries: one("max(finsam_follower_lag_seconds"+match()+")", "")},
			{title: "Accesses not logged", about: "In the last hour; what they were for was not shown.", unit: "short", number: true, limit: 1,
				queries: one("sum(increase(finsam_access_log_failures_total"+match()+"[1h]))", "")},
			{title: "Processes", about: "By version.", unit: "short", number: true, queries: one("count by (version) (finsam_build_info"+match()+")", "{{version}}")},
		}},
		{"Requests", []panel{
			{title: "By operation", about: "Requests at the front door.", unit: "reqps", queries: one(rate(door+"_count", "operation"), "{{operation}}")},
			{title: "By authority", about: "Requests at the front door; without a name: nobody was known yet.", unit: "reqps", queries: one(rate(door+"_count", "authority"), "{{authority}}")},
			{title: "Time to the answer", about: "At the front door.", unit: "s", queries: quantiles(door)},
			{title: "Not let through or failed", about: "By what was decided.", unit: "reqps", queries: one(rate(door+"_count", "outcome", `outcome!="allowed"`), "{{outcome}}")},
			{title: "Faults of ours", about: "Answers of 500 and above.", unit: "reqps", queries: one(rate(failures, "operation"), "{{operation}}")},
			{title: "Under way", about: "Requests now.", unit: "short", queries: []query{
				{"sum(finsam_gateway_in_flight" + match() + ")", "front door"}, {"sum by (component) (finsam_requests_in_flight" + match() + ")", "{{component}}"}}},
		}},
		{"What one service tells another", []panel{
			{title: "Events behind", about: "Between the end of a feed and its follower.", unit: "short", queries: one(behind(), "{{component}} behind {{source}}")},
			{title: "Lag", about: "Age of the oldest event known and not handled.", unit: "s", queries: one(gauge("finsam_follower_lag_seconds", "component, source"), "{{component}} of {{source}}")},
			{title: "Not yet told", about: "Age of the oldest step saved that is not in the feed.", unit: "s", queries: one(gauge("finsam_publisher_age_seconds", "source"), "{{source}}")},
		}},
		{"Store and access log", []panel{
			{title: "Store, 95 of 100 within", about: "One call.", unit: "s", queries: one(quantile(.95, store, "component"), "{{component}}")},
			{title: "Store does not answer", about: "Calls that failed.", unit: "ops", queries: one(rate("finsam_store_failures_total", "component"), "{{component}}")},
			{title: "Entries of the access log", about: "Made durable, by the asker's authority.", unit: "ops", queries: one(rate("finsam_access_log_entries_total", "authority"), "{{authority}}")},
			{title: "Persons shown", about: "Participants in those entries; more than usual of one authority is mass reading.", unit: "ops",
				queries: one(rate("finsam_access_log_people_total", "authority", `outcome="allowed"`), "{{authority}}")},
			{title: "Held back by the access log", about: "99 of 100 answers wait at most so long.", unit: "s", queries: one(quantile(.99, "finsam_access_log_wait_seconds", "component"), "{{component}}")},
			{title: "Disk", about: "The database file on SQLite; a MongoDB has dashboards of its own.", unit: "bytes", queries: []query{
				{"finsam_sqlite_size_bytes" + match(), "database"}, {"finsam_sqlite_wal_size_bytes" + match(), "write-ahead log"},
				{"finsam_sqlite_disk_free_bytes" + match(), "free on the disk"}}},
			{title: "Waiting for the disk", about: "Writes that wait for SQLite's next commit.", unit: "short", queries: one("max(finsam_sqlite_queue"+match()+")", "writes")},
			{title: "Newest backup", about: "Age of the newest that finsam backup has finished; without one, since the start. MongoDB is backed up by its own tools.", unit: "s",
				queries: one(gauge("finsam_backup_age_seconds", "namespace"), "{{namespace}}")},
			{title: "Associations' files", about: "1 while they cannot be taken and those before still hold.", unit: "short", queries: one(gauge("finsam_association_files_wrong", "component"), "{{component}}")},
		}},
		{"Processes", processes("")},
	}}
}

// service is the dashboard of one of the three services.
func service(name string) board {
	own, of := fmt.Sprintf("component=%q", name), fmt.Sprintf("source=%q", name)
	b := board{name, "finsam: " + name, "The " + name + " service: what it is asked, what it tells, what it keeps.", []row{
		{"Requests", []panel{
			{title: "By operation", about: "Requests to the service.", unit: "reqps", queries: one(rate(requests+"_count", "operation", own, waiting), "{{operation}}")},
			{title: "By authority", about: "Requests to the service.", unit: "reqps", queries: one(rate(requests+"_count", "authority", own, waiting), "{{authority}}")},
			{title: "Refused and failed", about: "By class of status.", unit: "reqps", queries: one(rate(requests+"_count", "operation, status_class", own, waiting, `status_class=~"[45]xx"`), "{{status_class}} {{operation}}")},
			{title: "Time to the answer", about: "In the service.", unit: "s", queries: quantiles(requests, own, waiting)},
			{title: "95 of 100 within, by operation", about: "In the service.", unit: "s", queries: one(quantile(.95, requests, "operation", own, waiting), "{{operation}}")},
			{title: "Under way", about: "Requests now.", unit: "short", queries: one("sum(finsam_requests_in_flight"+match(own)+")", "requests")},
		}},
		{"What it tells", []panel{
			{title: "Events", about: "Told, a second.", unit: "ops", queries: one("max(deriv(finsam_feed_head"+match(of)+"[5m]))", "events")},
			{title: "Not yet told", about: "Steps saved that are not in the feed, and the age of the oldest.", unit: "short", queries: []query{
				{"max(finsam_publisher_backlog" + match(of) + ")", "steps"}, {"max(finsam_publisher_age_seconds" + match(of) + ")", "seconds"}}},
			{title: "Rounds of publishing", about: "Those that failed, and the time since the last that succeeded.", unit: "short", queries: []query{
				{total("finsam_publisher_failures_total", of), "failed a second"}, {"min(finsam_publisher_silence_seconds" + match(of) + ")", "seconds since the last"}}},
			{title: "Who follows it: events behind", about: "Between the end of its feed and the follower.", unit: "short", queries: one(behind(of), "{{component}}")},
		}},
		{"What it follows", []panel{
			{title: "Lag", about: "Age of the oldest event known and not handled.", unit: "s", queries: one(gauge("finsam_follower_lag_seconds", "source", own), "{{source}}")},
			{title: "From the step to its effect here", about: "95 of 100 events.", unit: "s", queries: one(quantile(.95, "finsam_follower_delay_seconds", "source", own), "{{source}}")},
			{title: "Tried again and passed over", about: "Events, a second.", unit: "ops", queries: []query{
				{rate("finsam_follower_failures_total", "source", own), "{{source}} again"}, {rate("finsam_follower_skipped_total", "source", own), "{{source}} passed over"}}},
		}},
		{"Store", []panel{
			{title: "Calls", about: "By verb and collection.", unit: "ops", queries: one(rate(store+"_count", "verb, collection", own), "{{verb}} {{collection}}")},
			{title: "95 of 100 within", about: "By verb and collection.", unit: "s", queries: one(quantile(.95, store, "verb, collection", own), "{{verb}} {{collection}}")},
			{title: "Not answered", about: "By verb.", unit: "ops", queries: one(rate("finsam_store_failures_total", "verb", own), "{{verb}}")},
		}},
		{"Access log", []panel{
			{title: "Entries", about: "By authority and outcome.", unit: "ops", queries: one(rate("finsam_access_log_entries_total", "authority, outcome", own), "{{authority}} {{outcome}}")},
			{title: "Blocks", about: "One write each, and the entries that wait for the next.", unit: "short", queries: []query{
				{total("finsam_access_log_blocks_total", own), "blocks a second"}, {"sum(finsam_access_log_queued" + match(own) + ")", "entries waiting"},
				{total("finsam_access_log_failures_total", own), "entries lost a second"}}},
			{title: "Answers held back", about: "Until their entries were durable.", unit: "s", queries: quantiles("finsam_access_log_wait_seconds", own)},
		}},
		{"Processes", processes(name)},
	}}
	if name == "referral" {
		b.rows = slices.Insert(b.rows, 3, outward, attachments)
	}
	return b
}

// outward is what the referral service tells the authorities.
var outward = row{"Out to the authorities", []panel{
	{title: "Webhooks", about: "Tries to deliver, a second, by outcome.", unit: "ops", queries: one(rate("finsam_webhook_tries_total", "outcome"), "{{outcome}}")},
	{title: "Waiting and given up", about: "Deliveries that wait, and those given up in an hour.", unit: "short", queries: []query{
		{"max(finsam_webhook_queue_depth" + match() + ")", "waiting"}, {"sum(increase(finsam_webhook_dead_letters_total" + match() + "[1h]))", "given up"},
		{"max(finsam_webhook_off" + match() + ")", "webhooks off, receiver gone"}, {"sum(finsam_events_waiters" + match() + ")", "callers waiting for events"}}},
	{title: "Oldest that waits", about: "After 24 hours at the least it is given up.", unit: "s", queries: one("max(finsam_webhook_queue_age_seconds"+match()+")", "oldest")},
	{title: "Time of a try", about: "Until the receiver has answered, or was given up for this time.", unit: "s", queries: quantiles("finsam_webhook_try_duration_seconds")},
}}

// attachments is how the place that keeps them answers.
var attachments = row{"Attachments", []panel{
	{title: "Calls", about: "Of the folder or bucket, by verb.", unit: "ops", queries: one(rate("finsam_blob_duration_seconds_count", "verb"), "{{verb}}")},
	{title: "95 of 100 within", about: "By verb.", unit: "s", queries: one(quantile(.95, "finsam_blob_duration_seconds", "verb"), "{{verb}}")},
	{title: "Bytes and failures", about: "Sealed bytes, and calls that were not answered, a second.", unit: "short", queries: []query{
		{rate("finsam_blob_bytes_total", "verb"), "bytes {{verb}}"}, {rate("finsam_blob_failures_total", "verb"), "not answered {{verb}}"}}},
}}

func gateway() board {
	const own = `component="gateway"`
	return board{"gateway", "finsam: gateway", "The front door: who comes, who is turned away, what the cache saves.", []row{
		{"Requests", []panel{
			{title: "By operation", about: "Requests at the front door.", unit: "reqps", queries: one(rate(door+"_count", "operation"), "{{operation}}")},
			{title: "By authority", about: "Without a name: nobody was known yet.", unit: "reqps", queries: one(rate(door+"_count", "authority"), "{{authority}}")},
			{title: "By outcome", about: "What was decided.", unit: "reqps", queries: one(rate(door+"_count", "outcome, status_class"), "{{outcome}} {{status_class}}")},
			{title: "Time to the answer", about: "At the front door.", unit: "s", queries: quantiles(door)},
			{title: "95 of 100 within, by operation", about: "At the front door.", unit: "s", queries: one(quantile(.95, door, "operation"), "{{operation}}")},
			{title: "Waiting for a service", about: "Requests now; above FINSAM_IN_FLIGHT they are refused.", unit: "short", queries: one("sum by (instance) (finsam_gateway_in_flight"+match()+")", "{{instance}}")},
		}},
		{"Who is turned away", []panel{
			{title: "Tokens refused", about: "By reason.", unit: "reqps", queries: one(rate("finsam_gateway_tokens_refused_total", "reason"), "{{reason}}")},
			{title: "Too many", about: "Requests above the rate of an authority, or of an address that shows no good token.", unit: "reqps",
				queries: one(rate("finsam_gateway_limited_total", "by, authority"), "{{by}} {{authority}}")},
			{title: "Keys known", about: "Of each authority's issuers; 0 lets none of its people in.", unit: "short", queries: one(fmt.Sprintf("min by (authority) (finsam_gateway_issuer_keys%s)", match()), "{{authority}}")},
			{title: "Trust file", about: "1 while it cannot be taken and the one before still holds.", unit: "short", queries: one("max(finsam_gateway_trust_file_wrong"+match()+")", "wrong")},
		}},
		{"Cache", []panel{
			{title: "Answered from the cache", about: "Of what may be cached.", unit: "percentunit",
				queries: one(rate("finsam_gateway_cache_total", "operation", `result="hit"`)+" / "+rate("finsam_gateway_cache_total", "operation"), "{{operation}}")},
			{title: "Hits and misses", about: "A second.", unit: "reqps", queries: one(rate("finsam_gateway_cache_total", "operation, result"), "{{operation}} {{result}}")},
			{title: "Last word of a feed", about: "After ten seconds without one nothing comes from the cache.", unit: "s", queries: one(gauge("finsam_follower_silence_seconds", "source", own), "{{source}}")},
		}},
		{"Processes", processes("gateway")},
	}}
}

// serviceLevel is what the association promises its members, and how it is kept.
func serviceLevel() board {
	bad := func(window string) string {
		return fmt.Sprintf("sum(rate(%s%s[%s])) / sum(rate(%s_count%s[%s]))", failures, match(), window, door, match(), window)
	}
	slow := func(window string) string {
		allowed := `outcome="allowed"`
		return fmt.Sprintf("1 - sum(rate(%s_bucket%s[%s])) / sum(rate(%s_count%s[%s]))", door, match(allowed, `le="0.25"`), window, door, match(allowed), window)
	}
	left := func(share string, objective float64) string {
		return fmt.Sprintf("1 - (%s) / %.3g", share, 1-objective)
	}
	burn := func(share func(string) string, objective float64) []query {
		var all []query
		for _, window := range []string{"5m", "1h", "6h", "3d"} {
			all = append(all, query{fmt.Sprintf("(%s) / %.3g", share(window), 1-objective), window})
		}
		return all
	}
	byAuthority := fmt.Sprintf(`sum by (authority) (rate(%s_count%s[1h])) / sum by (authority) (rate(%s_count%s[1h]))`,
		door, match(`status_class!="5xx"`, `authority!=""`), door, match(`authority!=""`))
	return board{"service-level", "finsam: service level", "What members may expect: 99.9 % of requests answered, 99 % of answers within 250 ms, over 30 days.", []row{
		{"30 days", []panel{
			{title: "Answered", about: "Requests without a fault of ours; 99.9 % are promised.", unit: "percentunit", number: true, good: 1, limit: answered, queries: one("1 - "+bad("30d"), "")},
			{title: "Error budget left", about: "Of the 0.1 % that may fail.", unit: "percentunit", number: true, good: 1, limit: .25, queries: one(left(bad("30d"), answered), "")},
			{title: "Within 250 ms", about: "Of the answers to those let through; 99 % are promised.", unit: "percentunit", number: true, good: 1, limit: quick, queries: one("1 - ("+slow("30d")+")", "")},
			{title: "Latency budget left", about: "Of the 1 % that may be slow.", unit: "percentunit", number: true, good: 1, limit: .25, queries: one(left(slow("30d"), quick), "")},
			{title: "Requests", about: "In 30 days.", unit: "short", number: true, queries: one("sum(increase("+door+"_count"+match()+"[30d]))", "")},
			{title: "Members heard", about: "Authorities that called in 30 days.", unit: "short", number: true,
				queries: one("count(count by (authority) (last_over_time("+door+"_count"+match(`authority!=""`)+"[30d])))", "")},
		}},
		{"How fast the budgets are used", []panel{
			{title: "Error budget", about: "1: just used up in 30 days; 14.4: in two days.", unit: "short", queries: burn(bad, answered)},
			{title: "Latency budget", about: "1: just used up in 30 days.", unit: "short", queries: burn(slow, quick)},
			{title: "Answered, by member", about: "Over the last hour.", unit: "percentunit", queries: one(byAuthority, "{{authority}}")},
		}},
		{"What members notice", []panel{
			{title: "Faults of ours, by operation", about: "Answers of 500 and above.", unit: "reqps", queries: one(rate(failures, "operation"), "{{operation}}")},
			{title: "95 of 100 within, by operation", about: "Time to the answer.", unit: "s", queries: one(quantile(.95, door, "operation", `outcome="allowed"`), "{{operation}}")},
			{title: "From a step to the other parties", about: "95 of 100 events, from being saved to being handled.", unit: "s", queries: one(quantile(.95, "finsam_follower_delay_seconds", "component, source"), "{{component}} of {{source}}")},
		}},
	}}
}

// processes shows what the programs use.
func processes(program string) []panel {
	legend := "{{component}} {{instance}}"
	return []panel{
		{title: "Processor", about: "Cores in use.", unit: "short", queries: one(process("rate(process_cpu_seconds_total"+match()+"[$__rate_interval])", program), legend)},
		{title: "Memory", about: "Resident.", unit: "bytes", queries: one(process("process_resident_memory_bytes"+match(), program), legend)},
		{title: "Goroutines", about: "A number that only grows is a leak.", unit: "short", queries: one(process("go_goroutines"+match(), program), legend)},
		{title: "Heap", about: "In use.", unit: "bytes", queries: one(process("go_memstats_heap_inuse_bytes"+match(), program), legend)},
		{title: "Pauses of the garbage collector", about: "The longest.", unit: "s", queries: one(process("go_gc_duration_seconds"+match(`quantile=~"1|1.0"`), program), legend)},
		{title: "Open files", about: "Connections among them.", unit: "short", queries: one(process("process_open_fds"+match(), program), legend)},
	}
}
