"""Random histories with faults and crashes; see `campaign.py` and `mutants.py`.

`./dev bench faults` plays longer ones.
"""

import os
import subprocess
import sys

from ..databases import CHECKOUT


def play(module, *options):
    """Run it in a process of its own: it changes the clock, and it dies a lot."""
    ended = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{module}", *options],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    print(ended.stdout)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_short_campaign():
    # The same histories every time, so that a failure is the change's own.
    options = os.environ.get("ROPO_CAMPAIGN", "--histories 8 --seed 1").split()
    play("campaign", *options)


def test_every_mistake_is_found():
    play("mutants")
