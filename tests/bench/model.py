"""A day of up to 1,000,000 cases, computed from the figures that were kept.

``./dev bench model [--days-open 120] [--changes 2] [--reports 2] [--night 6]``: nothing
is run. What the other benches measured at their largest size is taken times the number
of cases; whether that may be done is seen by computing the largest size from the one
below it. Per day and 100 cases ``--changes`` change at Ropo and ``--reports`` are told
to it; a case is open for ``--days-open`` days; the audit has ``--night`` hours.
"""

import json

from ._measure import RESULTS, Bench

SIZES = (1000, 10_000, 100_000, 1_000_000)
HOUR, DAY = 3600, 24 * 3600
#: Cases of a page of Ropo's list.
PAGE = 100


def kept(name):
    """``{what: value}`` of a bench, and its options."""
    result = json.loads(RESULTS.read_text())[name]
    figures = {figure["what"]: figure["value"] for figure in result["figures"]}
    return figures, result["options"]


def poll(figures, size, what):
    return figures[f"poll: {size:,} cases, {what}, seconds"]


def costs():
    """Seconds of one case in each scheduled action, and of a page of the list."""
    listed, options = kept("poll")
    largest = options["largest"]
    same = poll(listed, largest, "same")
    calls = largest // PAGE * options["latency"]
    result = {
        # What was measured without a wire, and the wire.
        "listed": (same + calls) / largest,
        "changed": max(poll(listed, largest, "1 % changed") - same - calls, 0)
        / (largest / 100),
    }
    for name in ("transfer", "report"):
        figures, options = kept(name)
        for what, part in (("seconds of ours", ""), ("seconds of chatter", "_after")):
            [seconds] = (
                value
                for key, value in figures.items()
                if key.startswith(f"{name}: 8 at a time, {what}")
            )
            result[name + part] = seconds / options["rows"]
    figures, options = kept("audit")
    result["audit"] = figures[f"audit: {options['rows']:,} cases, a case"] / 1000
    return result


def main():
    with Bench(
        "model", __doc__, days_open=120, changes=2.0, reports=2.0, night=6.0
    ) as result:
        options, cost = result.options, costs()
        figures, poll_options = kept("poll")
        largest = poll_options["largest"]
        below = poll(figures, largest // 10, "same")
        result.figure(
            f"model: reading {largest:,} cases, measured by computed",
            round(poll(figures, largest, "same") / (10 * below), 3),
            at_most=1.25,
        )
        for size in SIZES:
            new, told = size / options.days_open, size * options.reports / 100
            changed = size * options.changes / 100
            seconds = {
                "the list, an hour": size * cost["listed"]
                + changed / 24 * cost["changed"],
                "transfers, a day": new * (cost["transfer"] + cost["transfer_after"]),
                "reports, a day": told * (cost["report"] + cost["report_after"]),
                "the audit, a night": size * cost["audit"],
            }
            calls = 24 * -(-size // PAGE) + changed + 3 * new + 2 * told
            result.figure(f"model: {size:,} cases, calls a day", round(calls))
            for what, value in seconds.items():
                result.figure(f"model: {size:,} cases, {what}", round(value, 1), "s")
            for what, share in (
                ("share of the hour for the list", seconds["the list, an hour"] / HOUR),
                (
                    "share of the day for transfers and reports",
                    (seconds["transfers, a day"] + seconds["reports, a day"]) / DAY,
                ),
                (
                    "share of the night for the audit",
                    seconds["the audit, a night"] / (options.night * HOUR),
                ),
            ):
                result.figure(
                    f"model: {size:,} cases, {what}",
                    round(share, 3),
                    # A million is computed to see what gives way first.
                    **({"at_most": 0.5} if size <= largest else {}),
                )


if __name__ == "__main__":
    main()
