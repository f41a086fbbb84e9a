"""No key and no personal id of the tests' set-up gets into any log, in the whole run.

``conftest.py`` takes the fixture and the hooks from here. Every log record of a test's
process is looked through as it would be written, traceback included, those of our own
package and of HTTP at the finest level. A test during which one of ``PLANTED`` was
logged fails; the summary says how much was looked through. The processes that tests
start watch their own logs with :func:`watch`; those of whole servers are files, which
`tests/faults/storm.py` reads through.
"""

import logging

import pytest

#: Keys and personal ids that the tests enter, send and let the other side repeat.
PLANTED = (
    # tests/client
    "user-key-5f0c7d",
    "vendor-key-a81b2e",
    # tests/addon
    "sample-user-key",
    "sample-vendor-key",
    # people's, in all spellings
    "131052-308T",
    "131052308T",
    "131052Y308T",
    "19811218-9876",
    "811218-9876",
    "198112189876",
    "8112189876",
    "13097248022",
    "130972 48022",
    "880320-0016",
    "8803200016",
)
FINEST = ("odoo.addons.ropo_collection", "maventa", "urllib3", "requests")


class Watch(logging.Handler):
    """Looks for planted values in everything that is logged."""

    def __init__(self):
        super().__init__(logging.NOTSET)
        self.records = 0
        self.found = []

    def emit(self, record):
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  a broken log call is not ours to judge
            text = f"{record.msg} {record.args}"
        self.records += 1
        for value in PLANTED:
            if value in text:
                self.found.append(f"{record.name}: {text}")

    def take(self):
        """Return what was found since the last time."""
        found, self.found = self.found, []
        return found


WATCH = Watch()


def watch():
    """Look through this process's log from now on, and keep it off the screen."""
    root = logging.getLogger()
    for handler in root.handlers:
        handler.setLevel(max(handler.level, logging.WARNING))
    root.addHandler(WATCH)
    for name in FINEST:
        logging.getLogger(name).setLevel(logging.DEBUG)


@pytest.fixture(autouse=True)
def no_secret_in_any_log():
    root = logging.getLogger()
    if WATCH not in root.handlers:
        root.addHandler(WATCH)
    for name in FINEST:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield
    found = WATCH.take()
    assert not found, "logged secrets:\n" + "\n".join(found)


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["watched_records"] = WATCH.records


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    WATCH.records += getattr(node, "workeroutput", {}).get("watched_records", 0)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(
        f"{WATCH.records} log records looked through for {len(PLANTED)} secrets"
    )
