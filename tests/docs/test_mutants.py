"""Patches that take an optimisation away still fit, and what they showed is kept."""

import json
import re
import subprocess

import pytest

from ..bench.mutants import PATCHES, all_mutants, read
from ..databases import CHECKOUT

KEPT = json.loads((CHECKOUT / "docs" / "benchmarks.json").read_text())
MUTANTS = all_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.path.stem)
def test_mutant_fits(mutant):
    bench = mutant.bench.split()[0]
    assert mutant.path.stem.partition("_")[0] == bench, "named after its bench"
    figures = [figure["what"] for figure in KEPT[bench]["figures"]]
    assert mutant.figure in figures
    for test in re.findall(r"tests/\w+/\w+\.py", mutant.what):
        assert (CHECKOUT / test).exists(), test
    command = ["git", "apply", "--check", "--recount", str(mutant.path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert not done.returncode, done.stderr


def test_what_every_mutant_showed_is_kept():
    kept = [figure["what"].partition(":")[0] for figure in KEPT["mutants"]["figures"]]
    assert sorted(kept) == [mutant.path.stem for mutant in MUTANTS]


def test_a_patch_without_its_head_is_refused(tmp_path):
    whole = next(PATCHES.glob("*.patch")).read_text()
    cut = tmp_path / "poll_sample.patch"
    cut.write_text(whole.replace("\nworse: ", "\nmaybe: "))
    with pytest.raises(ValueError, match="poll_sample"):
        read(cut)
