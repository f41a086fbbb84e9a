"""Each optimisation taken away, beside the code that has it.

``./dev bench mutants [--only poll]``: each patch in `tests/bench/mutants` (or those
whose names begin so) is applied to a clone of the last commit, which has a database of
its own; its bench runs there with and without it. The first lines of a patch say what
it takes away, which bench with which options shows it, in which figure, and by how much
at least. A figure here is how many times as much that is, or how much more where it may
be zero; it misses its bar when the patch does not show.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .. import databases
from ._measure import Bench

PATCHES = Path(__file__).parent / "mutants"
ADDON = "ropo_collection"
WORSE = re.compile(r"at (least|most) ([\d.]+) (times|more)")


@dataclass
class Mutant:
    """A patch and its head.

    :param what: what it takes away
    :param bench: the bench that shows it, with its options
    :param figure: the figure in which it does
    :param worse: by how much: ``at least 2 times``, ``at most 0.9 times``,
        ``at least 1 more``
    """

    path: Path
    what: str
    bench: str
    figure: str
    worse: str


def read(path):
    """The mutant in this file; ``ValueError`` if its head is not complete."""
    head = path.read_text().partition("\ndiff ")[0].splitlines()
    named = dict(line.split(": ", 1) for line in head[1:])
    if set(named) != {"bench", "figure", "worse"} or not WORSE.fullmatch(
        named["worse"]
    ):
        raise ValueError(f"{path.name}: its head must name bench, figure and worse")
    return Mutant(path, head[0], **named)


def all_mutants():
    return [read(path) for path in sorted(PATCHES.glob("*.patch"))]


class Clone:
    """The last commit in a folder of its own, with Odoo's configuration for it."""

    def __init__(self, folder):
        self.folder = Path(folder, "checkout")
        self.settings = Path(folder, "odoo.conf")
        self.git("clone", "--quiet", "--shared", databases.CHECKOUT, self.folder)
        settings = Path(os.environ["ODOO_RC"]).read_text()
        ours = str(databases.CHECKOUT)
        assert ours in settings, "the addon is not where it is expected"
        self.settings.write_text(
            re.sub(rf"{re.escape(ours)}(?=[,\s]|$)", str(self.folder), settings)
        )
        self.environment = {**os.environ, "ODOO_RC": str(self.settings)}

    def git(self, *command):
        where = self.folder if self.folder.exists() else None
        subprocess.run(["git", *map(str, command)], cwd=where, check=True)

    @contextlib.contextmanager
    def with_patch(self, path):
        self.git("apply", "--recount", path)
        try:
            yield
        finally:
            self.git("checkout", "--quiet", ".")

    def figures(self, bench):
        """``{what: value}`` that the bench finds here."""
        name, *options = bench.split()
        with databases.throw_away(os.environ["ROPO_DEV_BASE"]) as database:
            command = [sys.executable, "-m", "odoo", "-d", database.name, "-i", ADDON]
            command += ["--stop-after-init", "--no-http", "--log-level=warn"]
            subprocess.run(command, cwd=self.folder, env=self.environment, check=True)
            database.query("VACUUM ANALYZE")
            done = subprocess.run(
                [sys.executable, "-m", f"tests.bench.{name}", "--json", *options],
                cwd=self.folder,
                env={**self.environment, "ROPO_DEV_TEMPLATE": database.name},
                stdout=subprocess.PIPE,
                text=True,
            )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        found = [json.loads(line) for line in lines]
        return {figure["what"]: figure["value"] for figure in found}


def main():
    with Bench("mutants", __doc__, only="") as result:
        chosen = [
            mutant
            for mutant in all_mutants()
            if mutant.path.stem.startswith(result.options.only)
        ]
        known = {}
        with tempfile.TemporaryDirectory() as folder:
            clone = Clone(folder)
            for mutant in chosen:
                bench = mutant.bench
                if bench not in known:
                    known[bench] = clone.figures(bench)
                with clone.with_patch(mutant.path):
                    found = clone.figures(bench)
                tell(result, mutant, known[bench][mutant.figure], found[mutant.figure])


def tell(result, mutant, before, after):
    side, bar, unit = WORSE.fullmatch(mutant.worse).groups()
    value = after / before if unit == "times" else after - before
    result.figure(
        f"{mutant.path.stem}: {mutant.figure}, {before:,} and without it {after:,}",
        round(value, 3),
        unit,
        **{f"at_{side}": float(bar)},
    )


if __name__ == "__main__":
    main()
