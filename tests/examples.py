"""How many examples the property tests try, and which.

They are the same ones in every run, so that a run says something about the code alone.
``ROPO_EXPLORE=20 ./dev test PATH`` looks for new ones, twenty times as many.
"""

import os

from hypothesis import settings

TIMES = int(os.environ.get("ROPO_EXPLORE") or 0)

settings.register_profile("ropo", derandomize=not TIMES, print_blob=True)
settings.load_profile("ropo")


def examples(number):
    """So many, or several times as many where new ones are looked for."""
    return number * max(TIMES, 1)
