"""The patches that take an optimisation away still fit, so that they can be run."""

import re
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
BENCHES = CHECKOUT / "tests" / "bench"
MUTANTS = sorted((BENCHES / "mutants").glob("*.patch"))


def test_there_are_mutants():
    assert MUTANTS


@pytest.mark.parametrize("patch", MUTANTS, ids=lambda path: path.stem)
def test_mutant_fits(patch):
    bench = patch.stem.partition("_")[0]
    assert (BENCHES / f"{bench}.py").exists(), "named after the bench that shows it"
    first = patch.read_text().partition("\n")[0]
    assert not first.startswith("diff"), "the first line says what gets worse"
    for test in re.findall(r"tests/\w+/\w+\.py", first):
        assert (CHECKOUT / test).exists(), test
    command = ["git", "apply", "--check", "--recount", str(patch)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert not done.returncode, done.stderr
