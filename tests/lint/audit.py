"""Known weaknesses of what the addon itself needs, as PyPI's advisories have them.

``./dev lint`` runs this with pip-audit. The packages are those of requirements.txt, in
the versions of tests/requirements.txt, which are Odoo's. Where the advisories can't be
had (no network, a mirror without them), it says so and lets the rest of the checks go
on: nothing was audited then.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Weaknesses of versions that Odoo asks for, and why they can't be met in this addon.
MET = {
    "CVE-2024-35195": "no session is ever told not to verify a certificate",
    "CVE-2024-47081": "every request has its own authentication, so .netrc is not read",
}


def pinned():
    """Return ``["requests==2.31.0", …]``."""
    names = re.findall(r"^([\w-]+)", (ROOT / "requirements.txt").read_text(), re.M)
    pins = (ROOT / "tests/requirements.txt").read_text()
    return [
        re.search(rf"^{name}==[^;\s]+", pins, re.M | re.I).group() for name in names
    ]


def judge(report):
    """Return ``(weaknesses, what was not audited)``, both as lines for a person."""
    weak, missed = [], []
    for row in report["dependencies"]:
        if "skip_reason" in row:
            missed.append(f"{row['name']}: {row['skip_reason']}")
        for found in row.get("vulns", []):
            ids = {found["id"], *found.get("aliases", [])}
            if not ids & MET.keys():
                fixed = ", ".join(found.get("fix_versions", [])) or "no version yet"
                name = f"{row['name']} {row['version']}"
                weak.append(f"{name}: {', '.join(sorted(ids))}, fixed in {fixed}")
    return weak, missed


def main():
    packages = pinned()
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip"]
    command += ["--progress-spinner=off", "--timeout=10", "--format=json", "-r"]
    requirements = "/dev/stdin"
    audit = subprocess.run(
        [*command, requirements],
        input="\n".join(packages), capture_output=True, text=True,
    )  # fmt: skip
    try:
        weak, missed = judge(json.loads(audit.stdout))
    except ValueError:
        reason = (audit.stderr.strip().splitlines() or ["no answer"])[-1]
        weak, missed = [], [f"{', '.join(packages)}: {reason[:200]}"]
    for line in missed:
        print(f"NOT AUDITED, no advisories to be had here. {line}")
    for line in weak:
        print(line)
    if not missed and not weak:
        print(f"{', '.join(packages)}: nothing known against them")
    return bool(weak)


if __name__ == "__main__":
    sys.exit(main())
