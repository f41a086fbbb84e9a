"""What all benches share: figures with their bars, medians, growth, the machine."""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "docs" / "benchmarks.json"
PAGE = RESULTS.with_suffix(".rst")
INTRODUCTION = """
Made by ``./dev bench [name] --keep``: the figures of the last change, each with the
machine it was measured on. PostgreSQL is durable, Ropo is the sandbox in a process of
its own. Figures with several runs are medians. Bars are what the project asks for.
"""


class Bench:
    """Figures of one bench, each with its bar where it has one.

    ``with Bench("poll") as bench: bench.figure(…)`` prints them as they come, and ends
    the process with 1 when a bar was missed.
    """

    def __init__(self, name, description, **arguments):
        parser = argparse.ArgumentParser(prog=f"dev bench {name}")
        parser.description = description
        parser.add_argument("--json", action="store_true", help="a JSON object a line")
        parser.add_argument(
            "--keep",
            action="store_true",
            help="write the figures to docs/benchmarks.json and .rst",
        )
        for option, default in arguments.items():
            flag = "--" + option.replace("_", "-")
            if isinstance(default, bool):
                parser.add_argument(flag, action="store_true")
            else:
                parser.add_argument(flag, type=type(default), default=default)
        self.options = parser.parse_args()
        self.name = name
        self.figures = []

    def __enter__(self):
        if not self.options.json:
            print(machine(), flush=True)
        return self

    def figure(
        self,
        what,
        value,
        unit="",
        *,
        at_most=None,
        at_least=None,
        spread=None,
        within=None,
    ):
        """Keep and print one figure.

        :param spread: the values it is the median of
        :param within: the ends shown instead of the least and greatest of them
        """
        missed = (at_most is not None and value > at_most) or (
            at_least is not None and value < at_least
        )
        figure = {"bench": self.name, "what": what, "value": value, "unit": unit}
        if at_most is not None:
            figure["at_most"] = at_most
        if at_least is not None:
            figure["at_least"] = at_least
        if spread:
            figure["from"], figure["to"] = within or (min(spread), max(spread))
            figure["runs"] = len(spread)
        figure["missed"] = missed
        self.figures.append(figure)
        print(json.dumps(figure) if self.options.json else line(figure), flush=True)

    def __exit__(self, kind, *_rest):
        if kind is None and self.options.keep:
            keep(self)
        missed = [figure for figure in self.figures if figure["missed"]]
        if kind is None and missed:
            names = ", ".join(figure["what"] for figure in missed)
            sys.exit(f"{self.name}: missed: {names}")


def line(figure):
    text = f"{figure['what']:<58}{shown(figure['value']):>10} {figure['unit']:<8}"
    if "runs" in figure:
        text += (
            f" {shown(figure['from'])} … {shown(figure['to'])} in {figure['runs']} runs"
        )
    for key, sign in (("at_most", "≤"), ("at_least", "≥")):
        if key in figure:
            text += f"  {'MISSED' if figure['missed'] else 'holds'}: {sign} "
            text += shown(figure[key])
    return text.rstrip()


def keep(bench):
    """Put the figures of a bench into the results, in place of its last ones.

    Of a bench that measured only some of its figures, the others stay, with their day
    and machine.
    """
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    figures, only = bench.figures, getattr(bench.options, "only", "")
    if only and bench.name in results:
        last = results[bench.name]
        measured = {key: last[key] for key in ("day", "machine")}
        figures += [
            {**measured, **figure}
            for figure in last["figures"]
            if not figure["what"].startswith(only)
        ]
        figures.sort(key=lambda figure: figure["what"])
    results[bench.name] = {
        "day": date.today().isoformat(),
        "machine": machine(),
        "options": {
            name: value
            for name, value in vars(bench.options).items()
            if name not in ("json", "keep", "only")
        },
        "figures": figures,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(json.loads(RESULTS.read_text())))


def page(results):
    """The results as a page for people."""
    title = "What ``./dev bench`` saw"
    lines = ["=" * len(title), title, "=" * len(title), "", INTRODUCTION.strip()]
    for name, result in sorted(results.items()):
        options = [f"{key} {value}" for key, value in result["options"].items()]
        lines += ["", name, "-" * len(name), ""]
        lines += [f"Options: {', '.join(options)}.", ""] * bool(options)
        groups = defaultdict(list)
        for figure in result["figures"]:
            where = {**result, **figure}
            groups[where["day"], where["machine"]].append(figure)
        for (day, machine_then), figures in sorted(groups.items(), reverse=True):
            lines += [f"{day}.", f"{machine_then}.", "", "::", ""]
            lines += [*(f"    {line(figure)}" for figure in figures), ""]
        lines.pop()
    return "\n".join(lines) + "\n"


def shown(value):
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"


def machine():
    """Where it was measured, on one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for text in cpuinfo.read_text().splitlines():
            if text.startswith("model name"):
                processor = text.partition(":")[2].strip()
                break
    version = subprocess.run(
        ["psql", "-XAtq", "-d", "postgres", "-c", "SHOW server_version"],
        capture_output=True,
        text=True,
    ).stdout.strip()
    return (
        f"{os.cpu_count()} cores, {processor}, {memory:.0f} GB; "
        f"Python {platform.python_version()}, PostgreSQL {version or '?'}; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def median(values):
    return statistics.median(values)


def interval(values, level=0.95):
    """A distribution-free confidence interval of the median."""
    ordered, n = sorted(values), len(values)
    tail, rank = 0.0, 0
    while rank < n // 2:
        tail += math.comb(n, rank) / 2**n
        if 2 * tail > 1 - level:
            break
        rank += 1
    rank = max(rank - 1, 0)
    return ordered[rank], ordered[n - 1 - rank]


def growth(points):
    """How a cost grows with the size: ``points`` are (size, cost).

    The exponent of the last step, and its name: n, n log n, or worse.
    """
    (small, cheap), (large, dear) = points[-2:]
    exponent = math.log(dear / cheap) / math.log(large / small)
    with_log = 1 + math.log(math.log(large) / math.log(small)) / math.log(large / small)
    if exponent <= 1.05:
        name = "n or better"
    elif exponent <= with_log + 0.1:
        name = "n log n"
    else:
        name = "worse than n log n"
    return round(exponent, 2), name
