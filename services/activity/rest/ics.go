package rest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	ics "github.com/arran4/golang-ical"

	"github.com/finsam/finsam/pkg/civil"
	"github.com/finsam/finsam/services/activity"
)

// What a calendar says; the same for every entry and everybody.
const (
	calendarName  = "Min vecka"
	entrySummary  = "Inbokad aktivitet"
	refreshEvery  = "PT1H"
	localTimeForm = "20060102T150405"
	utcTimeForm   = "20060102T150405Z"
)

// calendar writes entries as iCalendar (RFC 5545): one event per occurrence,
// with wall-clock times in Europe/Stockholm and the zone's rules beside them. The
// same entries give the same text, so that its digest can be its ETag.
func calendar(entries []activity.Entry) ([]byte, error) {
	c := ics.NewCalendarFor("finsam")
	c.SetProductId("-//finsam//calendar//SV")
	c.SetCalscale("GREGORIAN")
	c.SetMethod(ics.MethodPublish)
	c.SetName(calendarName)
	c.SetRefreshInterval(refreshEvery)
	c.SetXPublishedTTL(refreshEvery)
	c.AddVTimezone(timezone())
	for _, e := range entries {
		c.AddVEvent(event(e))
	}
	var out bytes.Buffer
	if err := c.SerializeTo(&out, ics.WithNewLineWindows); err != nil {
		return nil, fmt.Errorf("write calendar: %w", err)
	}
	return out.Bytes(), nil
}

func event(e activity.Entry) *ics.VEvent {
	v := ics.NewEvent(e.UID)
	changed := e.ChangedAt.UTC().Format(utcTimeForm)
	v.SetProperty(ics.ComponentPropertyDtstamp, changed)
	v.SetProperty(ics.ComponentPropertyLastModified, changed)
	v.SetProperty(ics.ComponentPropertySequence, strconv.Itoa(e.Sequence))
	v.SetSummary(entrySummary)
	v.SetClass(ics.ClassificationPrivate)
	v.SetStatus(ics.ObjectStatusConfirmed)
	if e.Cancelled {
		v.SetStatus(ics.ObjectStatusCancelled)
	}
	if e.Starts.IsZero() {
		day := func(d civil.Date) string { return strings.ReplaceAll(string(d), "-", "") }
		v.SetProperty(ics.ComponentPropertyDtStart, day(e.Date), ics.WithValue("DATE"))
		v.SetProperty(ics.ComponentPropertyDtEnd, day(e.Date.AddDays(1)), ics.WithValue("DATE"))
		v.SetTimeTransparency(ics.TransparencyTransparent) // some time of the day, not all of it
		return v
	}
	v.SetProperty(ics.ComponentPropertyDtStart, e.Starts.In(civil.Zone).Format(localTimeForm), ics.WithTZID(civil.ZoneName))
	v.SetProperty(ics.ComponentPropertyDtEnd, e.Ends.In(civil.Zone).Format(localTimeForm), ics.WithTZID(civil.ZoneName))
	return v
}

// timezone returns the rules of Europe/Stockholm as they are since 1996: summer
// time from the last Sunday of March to that of October, at 01:00 UTC.
func timezone() *ics.VTimezone {
	z := ics.NewTimezone(civil.ZoneName)
	summer := &ics.Daylight{}
	rule(&summer.ComponentBase, "CEST", "+0100", "+0200", "19960331T020000", "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU")
	winter := z.AddStandard()
	rule(&winter.ComponentBase, "CET", "+0200", "+0100", "19961027T030000", "FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU")
	z.Components = append(z.Components, summer)
	return z
}

func rule(c *ics.ComponentBase, name, from, to, start, recurs string) {
	c.AddProperty(ics.ComponentPropertyDtStart, start)
	c.AddProperty(ics.ComponentProperty(ics.PropertyTzoffsetfrom), from)
	c.AddProperty(ics.ComponentProperty(ics.PropertyTzoffsetto), to)
	c.AddProperty(ics.ComponentProperty(ics.PropertyTzname), name)
	c.AddRrule(recurs)
}
