"""Writes recurrence.golden: when series take place, by python-dateutil and zoneinfo, which
share nothing with the code that is tested.

    python3 recurrence.py > recurrence.golden

A line is rule, first day, time, extra days, exceptions, and in UTC when its occurrences
begin in the two years from FROM on.
"""
import datetime as dt
import random
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr

FROM, UNTIL = dt.date(2026, 7, 1), dt.date(2028, 7, 1)
STOCKHOLM = ZoneInfo("Europe/Stockholm")
FIXED = [
    ("FREQ=WEEKLY;BYDAY=TU", "2025-12-30", "13:00"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "2026-12-31", "13:00"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH", "2027-01-05", "13:00"),
    ("FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU", "2026-12-28", "08:15"),
    ("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", "2026-10-25", "02:30"),
    ("FREQ=WEEKLY;BYDAY=SU", "2026-03-01", "02:30"),
    ("FREQ=WEEKLY;BYDAY=SU", "2026-03-01", "01:59"),
    ("FREQ=WEEKLY;BYDAY=SU", "2026-03-01", "03:00"),
    ("FREQ=WEEKLY;INTERVAL=52;BYDAY=MO", "2020-12-28", "10:00"),
    ("FREQ=MONTHLY;BYDAY=1MO", "2026-01-05", "10:00"),
    ("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-30", "10:00"),
    ("FREQ=MONTHLY;BYDAY=5WE", "2026-04-29", "10:00"),
    ("FREQ=MONTHLY;INTERVAL=2;BYDAY=2TU,4TU", "2026-03-10", "10:00"),
    ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31", "10:00"),
    ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31", "10:00"),
    ("FREQ=MONTHLY;BYMONTHDAY=1,15", "2026-01-15", "10:00"),
    ("FREQ=MONTHLY;INTERVAL=6;BYMONTHDAY=31", "2024-08-31", "10:00"),
    ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-30", "10:00"),
    ("FREQ=MONTHLY;INTERVAL=3;BYDAY=TH,FR;BYSETPOS=1,-1", "2026-02-05", "10:00"),
]


def write(rule, first, clock, extra=(), exceptions=()):
    start = dt.datetime.combine(first, dt.time.fromisoformat(clock))
    days = rruleset()
    days.rrule(rrulestr(rule, dtstart=start))
    for d in extra:
        days.rdate(dt.datetime.combine(d, start.time()))
    for d in exceptions:
        days.exdate(dt.datetime.combine(d, start.time()))
    begins = days.between(dt.datetime.combine(FROM, dt.time()), dt.datetime.combine(UNTIL, dt.time()))
    instants = [t.replace(tzinfo=STOCKHOLM).astimezone(dt.timezone.utc).strftime("%Y%m%dT%H%MZ") for t in begins]
    join = lambda dates: ",".join(sorted(d.isoformat() for d in dates))
    print(rule, first.isoformat(), clock, join(extra) or "-", join(exceptions) or "-", ",".join(instants) or "-")


for rule, first, clock in FIXED:
    write(rule, dt.date.fromisoformat(first), clock)
chance = random.Random(79)
names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
for _ in range(60):
    by = ",".join(sorted(chance.sample(names, chance.randint(1, 3))))
    rule = chance.choice([
        f"FREQ=WEEKLY;BYDAY={by}",
        f"FREQ=WEEKLY;INTERVAL={chance.randint(2, 9)};BYDAY={by}",
        f"FREQ=MONTHLY;INTERVAL={chance.randint(1, 6)};BYDAY={by};BYSETPOS={chance.choice([1, 2, -1, -2])}",
        f"FREQ=MONTHLY;INTERVAL={chance.randint(1, 6)};BYDAY={chance.choice([1, 2, 3, 4, -1])}{chance.choice(names)}",
        f"FREQ=MONTHLY;BYMONTHDAY={chance.randint(1, 31)}",
    ])
    some = dt.datetime(2026, 1, 1) + dt.timedelta(days=chance.randint(0, 400))
    first = rrulestr(rule, dtstart=some)[0].date()
    of = list(rrulestr(rule, dtstart=dt.datetime.combine(first, dt.time())).between(dt.datetime(2026, 8, 1), dt.datetime(2028, 6, 1)))
    exceptions = {d.date() for d in chance.sample(of, min(len(of), chance.randint(0, 4)))}
    extra = {FROM + dt.timedelta(days=chance.randint(1, 700)) for _ in range(chance.randint(0, 4))}
    extra = {d for d in extra if d >= first and dt.datetime.combine(d, dt.time()) not in of}
    write(rule, first, chance.choice(["09:30", "13:00", "02:30"]), extra, exceptions)
