"""A long campaign of random histories: operations, faults, crashes, lost, doubled.

``./dev bench faults [--operations 10000] [--seed N] [--histories N] [--shrink]``: see
`tests/faults/campaign.py`. Exits with 1 and says how to replay when Ropo was told
anything else than the ledger says.
"""

import sys

from ..faults import campaign

if __name__ == "__main__":
    if not any(option.startswith("--operations") for option in sys.argv):
        sys.argv += ["--operations", "10000"]
    campaign.main()
