"""Instants of schedules by other programs: croniter and dateutil for the calendar, zoneinfo (PEP 495) for clocks.

Reads a JSON list of {kind, text, zone, from, count, start} from standard input, writes a list of lists of epoch seconds, or of
null where the other program refuses the text.
"""

import json
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter
from dateutil.rrule import rrulestr


def resolve(naive, zone):
    """The instants at which a clock shows a time: none (and the moved one), one, or two."""
    first, second = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    back = first.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None)
    if back != naive:
        return "gap", [int(first.timestamp())]
    if first.utcoffset() != second.utcoffset():
        return "fold", [int(first.timestamp()), int(second.timestamp())]
    return "once", [int(first.timestamp())]


def cron(case, zone, since):
    fields = case["text"].split()
    # croniter takes the seconds last.
    text = case["text"] if len(fields) == 5 else " ".join(fields[1:] + fields[:1])
    hourly = fields[-4].startswith("*")
    begin = since.astimezone(zone).replace(tzinfo=None) - timedelta(hours=30)
    walls = croniter(text, begin - timedelta(seconds=1), day_or=True)
    found = set()
    extra = 0
    while extra < 400 and len(found) < 100_000:
        wall = walls.get_next(datetime)
        if wall.year > 2105:
            break
        kind, instants = resolve(wall, zone)
        for instant in instants if kind != "fold" or hourly else instants[:1]:
            if instant >= since.timestamp():
                found.add(instant)
        # Clocks are put back by an hour at most here: a few more times settle the order.
        if len(found) >= case["count"] + 200 or wall - begin > timedelta(days=40 * 366):
            extra += 1
        if len(found) >= case["count"] + 200:
            break
    return sorted(found)[: case["count"]]


def rrule(case, zone, since):
    begin = datetime.fromisoformat(case["start"])
    found = []
    counted = 0
    parts = dict(part.split("=") for part in case["text"].split(";"))
    limit = int(parts.pop("COUNT", "0"))
    for wall in rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=begin):
        if wall.year > 2105 or len(found) >= case["count"]:
            break
        kind, instants = resolve(wall, zone)
        if kind == "gap":
            continue
        counted += 1
        if limit and counted > limit:
            break
        if instants[0] >= since.timestamp():
            found.append(instants[0])
    return found


def answer(case):
    zone = ZoneInfo(case["zone"])
    since = datetime.fromtimestamp(case["from"], timezone.utc)
    try:
        return cron(case, zone, since) if case["kind"] == "cron" else rrule(case, zone, since)
    except (ValueError, KeyError, TypeError) as error:
        return None if case["kind"] == "cron" else [str(error)]


print(json.dumps([answer(case) for case in json.load(sys.stdin)]))
