// Writes what ical.js, which Thunderbird reads calendars with, makes of a calendar: for each event
// its UID, start and end (in UTC, or a date), status, sequence and summary. The times come from the
// calendar's own VTIMEZONE. It shares nothing with the code that is tested.
//
//   npm install ical.js@2.2.1
//   FINSAM_CALENDAR_OUT=/tmp go test ./services/activity/rest -run TwoYears
//   for p in two-years two-years-own; do node read.mjs < /tmp/$p.ics > $p.golden; done
//   for p in outlook google apple thunderbird; do node read.mjs < $p.ics > $p.golden; done
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import ICAL from "ical.js";

const text = readFileSync(0, "utf8");
const calendar = new ICAL.Component(ICAL.parse(text));
const at = (time) => time.isDate ? time.toString() : time.toJSDate().toISOString().replace(/:00\.000Z$/, "Z");
const lines = calendar.getAllSubcomponents("vevent").map((component) => {
  const e = new ICAL.Event(component);
  return [e.uid, at(e.startDate), at(e.endDate), component.getFirstPropertyValue("status"), e.sequence, e.summary].join(" ");
});
console.log(createHash("sha256").update(text).digest("hex"));
console.log(lines.join("\n"));
