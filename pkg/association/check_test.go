package association

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestAProblemNamesItsPlaceAndItsObject(t *testing.T) {
	data, err := os.ReadFile("../../services/standalone/example/insjoriket-whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const lerum, gympa = "plan.activera.1441", "series.fb5fa133-7031-548c-88db-384e1fc1f78d"
	const walk = `{ name: Promenad, category: social, day: tuesday, from: "13:00", to: "14:00", site: frolundagatan-49`
	for _, c := range []struct{ name, old, new, place, want, object, field string }{
		{"an initiative twice", "id: pahittade-steget", "id: activera", "initiatives[1].id", "want each initiative once", "initiative.activera", "id"},
		{"an agreement with a stranger", `{ municipality: "1481", from: 2025-01-01`, `{ municipality: "0880", from: 2025-01-01`, "initiatives[0].agreements[0].municipality", "want the code of a member municipality, got \"0880\"", "initiative.activera", "agreements[0].municipality"},
		{"an agreement without a first day", `{ municipality: "1481", from: 2025-01-01`, `{ municipality: "1481"`, "initiatives[0].agreements[0].from", "want a date", "initiative.activera", "agreements[0].from"},
		{"an agreement that ends before it begins", "until: 2027-12-31", "until: 2024-12-31", "initiatives[0].agreements[2].until", "want a day from the first one (2025-01-01) on", "initiative.activera", "agreements[2].until"},
		{"an introduction with content that is no category", "weeks: 2, content: [health]", "weeks: 2, content: [sport]", "initiatives[0].plans[0].introduction.content[0]", "want one of health", lerum, "introduction.content[0]"},
		{"an introduction of a year and more", "weeks: 2, content", "weeks: 53, content", "initiatives[0].plans[0].introduction.weeks", "want 1 to 52 weeks", lerum, "introduction.weeks"},
		{"a plan of a stranger", "- municipality: \"1441\"\n        maxWeeks", "- municipality: \"0880\"\n        maxWeeks", "initiatives[0].plans[0].municipality", "want the code of a municipality above", "plan.activera.0880", "municipality"},
		{"a rule of a category of one's own", "    maxWeeks: 24\n    blocks", "    maxWeeks: 24\n    rules: [{ id: gym, category: sport, times: 1, sv: Gym, en: Gym }]\n    blocks", "initiatives[0].rules[0].category", "want one of health", "plan.activera", "rules[0].category"},
		{"a rule of no times", "    maxWeeks: 24\n    blocks", "    maxWeeks: 24\n    rules: [{ id: gym, category: health, sv: Gym, en: Gym }]\n    blocks", "initiatives[0].rules[0].times", "want 1 to 20 times a week, got 0", "plan.activera", "rules[0].times"},
		{"a rule of a block that is not there", "    maxWeeks: 24\n    blocks", "    maxWeeks: 24\n    rules: [{ id: gym, category: health, times: 1, blocks: [5], sv: Gym, en: Gym }]\n    blocks", "initiatives[0].rules[0].blocks[0]", "want the number of a block of the plan, got 5", "plan.activera", "rules[0].blocks[0]"},
		{"more agreements than a form has room for", "    agreements:\n", "    agreements:\n" + strings.Repeat("      - { municipality: \"1481\", from: 2020-01-01, until: 2020-01-02 }\n", 100), "initiatives[0].agreements", "want at most 100, got 105", "initiative.activera", "agreements"},
		{"a code list without codes", "codes: [{ id: work, sv: Arbete (påhittat eget ord), en: Work (an invented word of its own) }]", "codes: []", "codeLists[0].codes", "want the words for at least one code", "code_list.EndReason", "codes"},
		{"a closed period turned round", "from: 2026-12-28, until: 2026-12-30", "from: 2026-12-30, until: 2026-12-28", "calendar.closed[0].until", "want a day from the first one (2026-12-30) on", "closed_days", "closed[0].until"},
		{"a closed period without words", "closed: [{ from: 2027-07-05, until: 2027-07-30, sv: Påhittat exempel. Sommarstängt,", "closed: [{ from: 2027-07-05, until: 2027-07-30,", "weeks[0].calendar.closed[0].sv", "want a text", "closed_days.1481", "closed[0].sv"},
		{"a municipality's days before receipt", "      # Invented: Mölndal's summer.", "      daysBeforeReceipt: 3", "weeks[0].calendar.daysBeforeReceipt", "want it in the association's calendar only", "closed_days.1481", "daysBeforeReceipt"},
		{"closed days that become another before they begin", "  publicHolidays: closed\n", "  publicHolidays: closed\n  since: 2027-01-01\n  later: [{ since: 2026-01-01 }]\n", "calendar.later[0].since", "want a later day than that before", "closed_days", "since"},
		{"a text of consent twice", "    language: en\n", "    language: sv\n", "consentTexts[1]", "want each version once in a language", "consent_text.2026-1.sv", ""},
		{"a text of consent in no language", "    language: en\n", "    language: English\n", "consentTexts[1].language", "want the code of a language", "consent_text.2026-1.English", "language"},
		{"a text of consent that is empty", "      Invented example. I consent to the parties that I have chosen sharing the data about me that is needed for my way through the initiative.\n\n      I may withdraw the consent at any time.\n", "", "consentTexts[1].text", "want a text of at most", "consent_text.2026-1.en", "text"},
		{"a version with a dot", "  - version: 2026-1\n    language: en", "  - version: 2026.1\n    language: en", "consentTexts[1].version", "want letters, digits, \"-\" and \"_\"", "consent_text.2026.1.en", "version"},
		{"words for a list that is not there", "id: EndReason", "id: Reason", "codeLists[0].id", "want the id of a list", "code_list.Reason", "id"},
		{"words for a code that is not there", "codes: [{ id: work,", "codes: [{ id: job,", "codeLists[0].codes[0].id", "want a code of the list EndReason, got \"job\"", "code_list.EndReason", "codes[0].id"},
		{"a site twice", "id: torrekullagarden", "id: neon-resurscenter", "weeks[0].sites[3].id", "want each site once", "site.1481.neon-resurscenter", "id"},
		{"a site with capitals", "id: aktiviteten,", "id: Aktiviteten,", "weeks[0].sites[1].id", "want lower-case letters", "site.1481.Aktiviteten", "id"},
		{"a site that is gone from the beginning", "id: frolundagatan-49,", "id: frolundagatan-49, gone: true,", "weeks[0].sites[0].gone", "want a site that is there first", "site.1481.frolundagatan-49", "gone"},
		{"a site that goes under its activities", "id: frolundagatan-49,", "id: frolundagatan-49, later: [{ since: 2027-01-01, gone: true }],", "weeks[0].activities[3].site", "want a site that is there on each day", gympa, "site"},
		{"a site that moves before it is there", "id: frolundagatan-49,", "id: frolundagatan-49, since: 2020-01-01, later: [{ since: 2019-01-01, name: Ny }],", "weeks[0].sites[0].later[0].since", "want a later day than that before", "site.1481.frolundagatan-49", "since"},
		{"a site that is gone and has an address", "id: frolundagatan-49,", "id: frolundagatan-49, later: [{ since: 2027-01-01, gone: true, address: Gatan 1 }],", "weeks[0].sites[0].later[0].gone", "want nothing else of a site that is gone", "site.1481.frolundagatan-49", "gone"},
		{"an activity at a site of nowhere", walk, strings.Replace(walk, "frolundagatan-49", "parken", 1), "weeks[0].activities[3].site", "want the id of a site of the municipality, got \"parken\"", gympa, "site"},
		{"an activity at a site and a place", walk, walk + ", place: Parken", "weeks[0].activities[3].place", "want a site or a place, got both", gympa, "place"},
		{"a rule of days", walk, strings.Replace(walk, "day: tuesday", `rule: "FREQ=DAILY", first: 2027-01-12`, 1), "weeks[0].activities[3].rule", "want a rule of weeks or months such as FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH, got \"FREQ=DAILY\"", "", "rule"},
		{"a day and a rule", walk, walk + `, rule: "FREQ=WEEKLY;BYDAY=TU", first: 2027-01-12`, "weeks[0].activities[3].rule", "want a day or a rule, got both", gympa, "rule"},
		{"a rule without its first day", walk, strings.Replace(walk, "day: tuesday", `rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"`, 1), "weeks[0].activities[3].first", "want a date such as 2026-11-24", "", "first"},
		{"a first day that the rule does not have", walk, strings.Replace(walk, "day: tuesday", `rule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", first: 2027-01-13`, 1), "weeks[0].activities[3].first", "want the date of an occurrence, got \"2027-01-13\"", "", "first"},
		{"contents without a first day", walk, walk + `, contents: [Kost, Sömn]`, "weeks[0].activities[3].first", "want a date such as 2026-11-24", gympa, "first"},
		{"a content without words", walk, walk + `, first: 2027-01-12, contents: [Kost, ""]`, "weeks[0].activities[3].contents[1]", "want a text, got nothing", gympa, "contents[1]"},
		{"an extra day that is an ordinary one", walk, walk + `, extra: [2027-01-12]`, "weeks[0].activities[3].extra[0]", "want a date from the first one on that has no occurrence, got \"2027-01-12\"", gympa, "extra[0]"},
		{"an extra day before the first", walk, walk + `, first: 2027-01-12, extra: [2027-01-08]`, "weeks[0].activities[3].extra[0]", "want a date from the first one on that has no occurrence", gympa, "extra[0]"},
		{"an exception on another weekday", walk, walk + `, except: [2027-01-12, 2027-01-13]`, "weeks[0].activities[3].except[1]", "want the date of an occurrence, got \"2027-01-13\"", gympa, "except[1]"},
		{"an exception twice", walk, walk + `, except: [2027-01-12, 2027-01-12]`, "weeks[0].activities[3].except[1]", "want each date once, got \"2027-01-12\" again", gympa, "except[1]"},
		{"an exception that is no date", walk, walk + `, except: [tisdag]`, "weeks[0].activities[3].except[0]", "want a date such as 2026-11-24", gympa, "except[0]"},
		{"holidays of one's own", walk, walk + `, holidays: maybe`, "weeks[0].activities[3].holidays", "want one of off, on, moved, got \"maybe\"", gympa, "holidays"},
		{"moved to no day", walk, walk + `, holidays: moved`, "weeks[0].activities[3].movedTo", "want one of monday", gympa, "movedTo"},
		{"a day to move to without moving", walk, walk + `, holidays: "off", movedTo: friday`, "weeks[0].activities[3].movedTo", "want holidays: moved where a day is given for it, got \"off\"", gympa, "movedTo"},
		{"a link without its protocol", walk, walk + `, mode: digital, link: "mote.example.se"`, "weeks[0].activities[3].link", "want an address of at most 500 bytes that begins with https://, got \"mote.example.se\"", gympa, "link"},
		{"a link that has somebody's password", walk, walk + `, mode: digital, link: "https://jag:hemligt@mote.example.se"`, "weeks[0].activities[3].link", "want an address", gympa, "link"},
		{"a link to a walk", walk, walk + `, link: "https://mote.example.se"`, "weeks[0].activities[3].link", "want mode: digital where a link is given, got \"\"", gympa, "link"},
		{"a leader by number", walk, walk + `, leader: "19121212-1212"`, "weeks[0].activities[3].leader", "want somebody's id of at most 128 bytes, without a personal identity number", gympa, "leader"},
		{"a new leader by number", walk, walk + `, changes: [{ on: 2027-01-12, leader: "19121212-1212" }]`, "weeks[0].activities[3].changes[0].leader", "want somebody's id", gympa, "leader"},
		{"places below zero", walk, walk + `, capacity: -1`, "weeks[0].activities[3].capacity", "want 1 to 1000 places, or none given, got -1", gympa, "capacity"},
		{"places of a closed group in two ways", "closedGroup: { sessions: 6,", "capacity: 8, closedGroup: { sessions: 6,", "weeks[1].activities[0].capacity", "want the places of a closed group as closedGroup.most", "", "capacity"},
		{"a closed group that one drops in on", "closedGroup: { sessions: 6,", "dropIn: true, closedGroup: { sessions: 6,", "weeks[1].activities[0].dropIn", "want false in a closed group", "", "dropIn"},
		{"slots that do not fit", walk, walk + `, slot: 90`, "weeks[0].activities[3].slot", "want at least 5 minutes that fit between from and to, or none given, got 90", gympa, "slot"},
		{"slots of a group", walk, walk + `, slot: 15, capacity: 8`, "weeks[0].activities[3].slot", "want no slots in a group, got 15", gympa, "slot"},
		{"a load above the most", walk, walk + `, load: { physical: 2, travel: 4 }`, "weeks[0].activities[3].load.travel", "want 0 to 3, got 4", gympa, "load.travel"},
		{"a course of more at least than at most", "least: 6, most: 8", "least: 9, most: 8", "weeks[1].activities[0].closedGroup.most", "want 9 to 200 participants", "", "closedGroup.most"},
		{"a whole form with an id", walk, walk + `, changes: [{ on: 2027-01-12, is: { id: gympa, name: Gympa, category: health, day: tuesday, from: "13:00", to: "14:00" } }]`, "weeks[0].activities[3].changes[0].is", "want no id, since, until or changes of its own", "", ""},
		{"a whole form and a piece", walk, walk + `, changes: [{ on: 2027-01-12, day: friday, is: { name: Gympa, category: health, day: tuesday, from: "13:00", to: "14:00" } }]`, "weeks[0].activities[3].changes[0]", "want all of it under is, or what is another", "", ""},
		{"a whole form that is not whole", walk, walk + `, changes: [{ on: 2027-01-12, is: { name: Gympa, day: tuesday, from: "13:00", to: "14:00" } }]`, "weeks[0].activities[3].changes[0].category", "want one of health", gympa, "category"},
		{"a change before the first day", walk, walk + `, since: 2027-02-01, changes: [{ on: 2027-01-12, day: friday }]`, "weeks[0].activities[3].changes[0].on", "want a later day than the first", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(string(data), c.old, c.new, 1)
			_, err := ParseFile([]byte(text))
			var all Problems
			if !errors.As(err, &all) || text == string(data) {
				t.Fatalf("got %v", err)
			}
			for _, p := range all {
				if p.Place == c.place && strings.HasPrefix(p.Want, c.want) && (c.object == "" || p.Object == c.object && p.Field == c.field) {
					return
				}
			}
			t.Errorf("got %+v", all)
		})
	}
}
