"""A schedule expression in, the minutes of a weekday at which it fires out.

Covers what the templates use: minute and hour fields with `*`, lists, ranges and steps, and rates
in minutes or hours. Days are compared as text by the test.
"""

import re

MINUTES_PER_DAY = 24 * 60


def _field(text, first, last):
    values = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            low, high = first, last
        elif "-" in span:
            low, high = map(int, span.split("-"))
        else:
            low = int(span)
            high = last if step else low
        values |= set(range(low, high + 1, int(step or 1)))
    return values


def minutes_of_day(expression):
    """The minutes after midnight, in the schedule's own zone."""
    rate = re.fullmatch(r"rate\((\d+) (minute|hour)s?\)", expression)
    if rate:
        every = int(rate[1]) * (60 if rate[2] == "hour" else 1)
        return set(range(0, MINUTES_PER_DAY, every))
    minutes, hours, *_ = re.fullmatch(r"cron\((.*)\)", expression)[1].split()
    return {h * 60 + m for h in _field(hours, 0, 23) for m in _field(minutes, 0, 59)}


def days(expression):
    """The fields day of month, month, day of week and year; empty for a rate."""
    return expression[5:-1].split()[2:] if expression.startswith("cron") else []
