"""Whatever Maventa may answer: read by ``wire``, steered towards new paths by atheris.

``./dev bench fuzz [--json] [--seconds N]``: how many inputs were read in that time, how
many paths through the code they found, and how many of them crashed. It begins with the
answers of a whole conversation with the sandbox. Needs atheris, which is there for
Linux on x86_64; elsewhere it says so. tests/client fuzzes with hypothesis everywhere.
"""

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

WORDS = "words"  # file of names and codes to build inputs from
PACKAGE = Path(__file__).parents[2] / "ropo_collection" / "maventa"


def load():
    """Import the package ``maventa`` without Odoo."""
    spec = importlib.util.spec_from_file_location(
        "maventa", PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)]
    )
    sys.modules["maventa"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["maventa"])


def read_everything(body):
    """Let every reading function of ``wire`` have this body."""
    from maventa import wire
    from maventa.client import _retry_after

    try:
        data = wire.parse(body)
    except wire.WireError:
        _retry_after(body[:200].decode("latin-1"))
        return
    for reader in (
        wire.read_token,
        wire.read_service,
        wire.read_invoice,
        wire.read_event,
        wire.read_assignment,
        lambda data: wire.read_page(data, {}, 1, wire.read_invoice),
        lambda data: wire.read_page(data, {}, 1, wire.read_assignment),
        lambda data: wire.read_page(data, {}, 1, wire.read_event),
        lambda data: wire.read_transfer_status(
            data, invoice_id="i", receivables_url="https://receivables.maventa.com"
        ),
    ):
        try:
            hash(reader(data))
        except wire.WireError:
            pass
    wire.read_identity(data, data, "uuid")
    wire.read_event_id(data)
    _code, message, details = wire.read_error(data, ("secret",))
    wire.find_fields(message, *details)
    for value in (data, *(data.values() if isinstance(data, dict) else ())):
        if isinstance(value, str):
            try:
                wire.check_base_url(value)
                wire.path(wire.EVENTS, id=value)
            except wire.WireError:
                pass


def record(folder):
    """Write the sandbox's answers of a whole conversation into ``folder``."""
    from maventa.errors import MaventaError

    from tests.client.conftest import TODAY, World, transfer

    world = World()
    world.sandbox.extra_fields = True
    handle, bodies = world.sandbox.handle, set()

    def listen(*call, **kwargs):
        answer = handle(*call, **kwargs)
        bodies.add(bytes(answer[2]))
        return answer

    world.sandbox.handle = listen
    client = world.client()
    invoice_id, case_id = world.add_case(client)
    world.sandbox.stage(case_id, "debt_collection")
    world.sandbox.comment(case_id, "Sample")
    world.sandbox.debtor_pays(case_id, 10)
    for call in (
        client.identity,
        client.service,
        lambda: client.activate("a@example.com"),
        lambda: client.find_invoices("INV/1"),
        lambda: client.report_paid(case_id, Decimal("12.34"), TODAY),
        lambda: client.report_credit_note(case_id, Decimal(1), TODAY),
        lambda: client.find_assignment(invoice_id),
        lambda: client.events(case_id),
        # What the sandbox refuses.
        lambda: client.transfer(invoice_id, transfer()),
        lambda: client.report_paid(case_id, Decimal(10**6), TODAY),
        lambda: client.assignment("nothing"),
    ):
        try:
            call()
        except MaventaError:
            pass
    world.close()
    words = set()
    for number, body in enumerate(sorted(filter(None, bodies))):
        (folder / f"{number:03}").write_bytes(body)
        words.update(re.findall(r'"([\w.:-]{1,40})"', body.decode()))
    quoted = (f'"\\"{word}\\""\n' for word in sorted(words))
    (folder.parent / WORDS).write_text("".join(quoted))


def fuzz(folder, seconds):
    """In a process of its own: libFuzzer ends the process it runs in."""
    import atheris

    with atheris.instrument_imports(include=["maventa"]):
        load()
        import maventa.client  # noqa: F401  what is imported here is watched
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-timeout=5",
         "-rss_limit_mb=512", f"-artifact_prefix={folder}/crash-",
         f"-dict={Path(folder).parent / WORDS}", str(folder)],
        read_everything,
    )  # fmt: skip
    atheris.Fuzz()


def main():
    parser = argparse.ArgumentParser(prog="dev bench fuzz")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        fuzz(options.folder, options.seconds)
        return 0
    if not importlib.util.find_spec("atheris"):
        print("fuzz: atheris is not installed here, nothing was measured")
        return 0
    load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "inputs"
        folder.mkdir()
        record(folder)
        recorded = len(list(folder.iterdir()))
        command = [sys.executable, "-m", "tests.bench.fuzz", f"--folder={folder}"]
        started = time.monotonic()
        run = subprocess.run(
            [*command, f"--seconds={options.seconds}"], capture_output=True, text=True
        )
        seconds = time.monotonic() - started
        crashes = sorted(path.name for path in folder.glob("crash-*"))
        samples = [(folder / crash).read_bytes()[:200] for crash in crashes]
    last = re.findall(r"^#(\d+).*?cov: (\d+)", run.stderr, re.M)
    inputs, paths = map(int, last[-1]) if last else (0, 0)
    result = {
        "recorded": recorded,
        "inputs": inputs,
        "seconds": round(seconds, 1),
        "branches": paths,
        "crashes": len(crashes),
    }
    if options.json:
        print(json.dumps(result))
    else:
        print("fuzz: " + ", ".join(f"{value} {key}" for key, value in result.items()))
    if crashes or run.returncode or not inputs:
        print(run.stderr[-3000:], *samples, sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
