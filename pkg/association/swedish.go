package association

import (
	"strings"

	"github.com/finsam/finsam/pkg/fault"
)

// Text returns what is wrong as a whole sentence in both languages.
func (p Problem) Text() fault.Text {
	t := fault.Text{SV: p.sv, EN: "Expected " + strings.TrimPrefix(p.Want, "want ") + "."}
	if t.SV == "" { // of a file, which is read by who writes YAML
		t.SV = t.EN
	}
	return t
}

// swedish has each sentence of the checks in Swedish.
var swedish = map[string]string{
	"want %d to 200 participants, or none given, got %d":                                  "Ange %d till 200 deltagare eller utelämna uppgiften; nu står det %d.",
	"want %d, as blocks are numbered from 1 without gaps, got %d":                         "Ange %d, eftersom blocken numreras från 1 utan luckor; nu står det %d.",
	"want %t, as the last block and only that closes the initiative, got %t":              "Ange %t, eftersom insatsen avslutas av det sista blocket och bara det; nu står det %t.",
	"want 0 to %d days, or none given":                                                    "Ange 0 till %d dagar eller utelämna uppgiften.",
	"want 0 to 42 days before a block's last day, got %d":                                 "Ange 0 till 42 dagar före ett blocks sista dag; nu står det %d.",
	"want 1 to %d days, or none given, got %d":                                            "Ange 1 till %d dagar eller utelämna uppgiften; nu står det %d.",
	"want 1 to 20 times a week, got %d":                                                   "Ange 1 till 20 gånger i veckan; nu står det %d.",
	"want 1 to 200 participants, or none given, got %d":                                   "Ange 1 till 200 deltagare eller utelämna uppgiften; nu står det %d.",
	"want 1 to 200 sessions, or none given, got %d":                                       "Ange 1 till 200 tillfällen eller utelämna uppgiften; nu står det %d.",
	"want 1 to 260 weeks, got %d":                                                         "Ange 1 till 260 veckor; nu står det %d.",
	"want 1 to 4 kinds of authority, or none given, got %d":                               "Ange 1 till 4 typer av part eller utelämna uppgiften; nu står det %d.",
	"want 1 to 52 weeks, got %d":                                                          "Ange 1 till 52 veckor; nu står det %d.",
	"want 1 to 52 weeks, or none given, got %d":                                           "Ange 1 till 52 veckor eller utelämna uppgiften; nu står det %d.",
	"want [lowest, highest] between 0 and 120 years, got [%d, %d]":                        "Ange lägsta och högsta ålder mellan 0 och 120 år; nu står det [%d, %d].",
	"want a code of the list %s, got %q":                                                  "Ange en kod ur listan %s; nu står det %q.",
	"want a date on the weekday of the activity, got %q":                                  "Ange ett datum på aktivitetens veckodag; nu står det %q.",
	"want a date such as 2026-11-24, got %q":                                              "Ange ett datum som 2026-11-24; nu står det %q.",
	"want a day from the first one (%s) on, got %q":                                       "Ange den första dagen (%s) eller en senare; nu står det %q.",
	"want a day from the first one (%s) on, within a year, got %q":                        "Ange den första dagen (%s) eller en senare, inom ett år; nu står det %q.",
	"want a later day than that before, got %q":                                           "Ange en senare dag än den förra; nu står det %q.",
	"want a later day than that of the change before, got %q":                             "Ange en senare dag än den förra ändringens; nu står det %q.",
	"want a later day than the first (since), got %q":                                     "Ange en senare dag än den första (since); nu står det %q.",
	"want a site or a place, got both":                                                    "Ange en plats ur programmet (site) eller en plats i ord (place), inte båda.",
	"want a text of at most %d bytes, of lines of printable characters, got %d bytes":     "Ange en text på högst %d byte, av rader med synliga tecken; nu är den %d byte.",
	"want a text, got nothing":                                                            "Ange en text; nu saknas den.",
	"want a time after from (%s), got %q":                                                 "Ange ett klockslag efter starten (%s); nu står det %q.",
	`want a time such as "09:30", got %q`:                                                 `Ange ett klockslag som "09:30"; nu står det %q.`,
	`want a time such as "09:30", or individual: true, or a part of the day, got nothing`: `Ange ett klockslag som "09:30", att tiden planeras individuellt, eller en del av dagen; nu saknas det.`,
	`want a time such as "12:00", got %q`:                                                 `Ange ett klockslag som "12:00"; nu står det %q.`,
	"want a week of the %d that the plan has, got %d":                                     "Ange en av planens %d veckor; nu står det %d.",
	"want all of it under is, or what is another, got both":                               "Ange allt under is, eller det som är annorlunda, inte båda.",
	"want another name, day or time than activities[%d], got the same":                    "Ange ett annat namn, en annan dag eller en annan tid än aktivitet %d; nu är de lika.",
	"want at least one block, got none":                                                   "Ange minst ett block; nu finns inget.",
	"want at least one initiative, got none":                                              "Ange minst en insats; nu finns ingen.",
	"want at least one municipality, got none":                                            "Ange minst en kommun; nu finns ingen.",
	"want at most %d items, got %d":                                                       "Ange högst %d frågor; nu är de %d.",
	"want at most %d, got %d":                                                             "Ange högst %d; nu är de %d.",
	"want at most 200 bytes of printable text on one line without outer blanks, got %q":   "Ange högst 200 byte synlig text på en rad, utan blanktecken i början och slutet; nu står det %q.",
	"want at most maxWeeks (%d) weeks together, got %d":                                   "Ange högst planens längsta tid (%d veckor) tillsammans; nu blir det %d.",
	"want each authority once, got %q again":                                              "Ange varje myndighet en gång; %q finns redan.",
	"want each code once, got %q again":                                                   "Ange varje kod en gång; %q finns redan.",
	"want each form once, in one list, got a list in it":                                  "Ange varje form en gång, i en enda lista.",
	"want each initiative once, got %q again":                                             "Ange varje insats en gång; %q finns redan.",
	"want each item once, got %q again":                                                   "Ange varje fråga en gång; %q finns redan.",
	"want each list once, got %q again":                                                   "Ange varje lista en gång; %q finns redan.",
	"want each municipality once, got %q again":                                           "Ange varje kommun en gång; %q finns redan.",
	"want each rule once, got %q again":                                                   "Ange varje regel en gång; %q finns redan.",
	"want each site once, got %q again":                                                   "Ange varje plats en gång; %q finns redan.",
	"want each version once in a language, got %s in %s again":                            "Ange varje version en gång på ett språk; %s finns redan på %s.",
	"want false, as no block follows the last one, got true":                              "Ange false, eftersom inget block följer efter det sista.",
	"want four digits, got %q":                                                            "Ange fyra siffror; nu står det %q.",
	"want it in the association's calendar only, got it in a municipality's":              "Ange det bara för hela förbundet, inte för en kommun.",
	`want letters, digits, "-" and "_", such as 2026-1, got %q`:                           `Ange bokstäver, siffror, "-" och "_", som 2026-1; nu står det %q.`,
	`want lower-case letters and "_", got %q`:                                             `Ange små bokstäver och "_"; nu står det %q.`,
	`want lower-case letters, digits and "-", beginning with a letter, got %q`:            `Ange små bokstäver, siffror och "-", med en bokstav först; nu står det %q.`,
	`want lower-case letters, digits and "-", beginning with a letter, or a UUID, got %q`: `Ange små bokstäver, siffror och "-", med en bokstav först, eller ett UUID; nu står det %q.`,
	"want no id, since, until or changes of its own, got one":                             "Utelämna id, since, until och changes här.",
	"want no part of the day where times are given, got %q":                               "Utelämna del av dagen när klockslag är angivna; nu står det %q.",
	"want one of %s, got %q":                                                              "Ange något av %s; nu står det %q.",
	"want one plan per municipality, got %q again":                                        "Ange en plan för varje kommun; %q har redan en.",
	"want one week per municipality, got %q again":                                        "Ange en vecka för varje kommun; %q har redan en.",
	"want the code of a language such as sv, got %q":                                      "Ange koden för ett språk, som sv; nu står det %q.",
	"want the code of a member municipality, got %q":                                      "Ange koden för en medlemskommun; nu står det %q.",
	"want the code of a municipality above, got %q":                                       "Ange koden för en medlemskommun; nu står det %q.",
	"want the date of a public holiday, got %q":                                           "Ange datumet för en allmän helgdag; nu står det %q.",
	"want the id of a list of GET /code-lists, such as EndReason, got %q":                 "Ange id för en lista i GET /code-lists, som EndReason; nu står det %q.",
	"want the id of a site of the municipality, got %q":                                   "Ange id för en av kommunens platser; nu står det %q.",
	`want the id of an authority, of lower-case letters, digits, "-" and "_", got %q`:     `Ange id för en myndighet, av små bokstäver, siffror, "-" och "_"; nu står det %q.`,
	"want the number of a block of the plan, got %d":                                      "Ange numret på ett av planens block; nu står det %d.",
	"want the words for at least one code, got none":                                      "Ange texterna för minst en kod; nu finns ingen.",
	"want what is another from that day on, got nothing":                                  "Ange vad som är annorlunda från den dagen; nu saknas det.",
}
