import pytest

from . import databases
from .warnings_log import collector
from .watch_secrets import (  # noqa: F401  a fixture and hooks
    no_secret_in_any_log,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)


def pytest_sessionstart():
    collector.start()


@pytest.fixture(scope="session", autouse=True)
def no_warnings_at_the_ends():
    """The log of loading the addon, and of what comes after the last test."""
    yield
    fail_on_warnings()


@pytest.fixture(autouse=True)
def no_warnings():
    """Fails a test when its part of the log has a warning of this addon."""
    yield
    fail_on_warnings()


def fail_on_warnings():
    found = collector.take()
    if found:
        pytest.fail("Warnings in the log:\n" + "\n".join(found), pytrace=False)


@pytest.fixture
def throwaway_database():
    """A database of the test's own; see `databases.py`."""
    if not databases.template():
        pytest.skip("needs the template database that ./dev test provides")
    with databases.throw_away() as database:
        yield database


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Odoo skips a tour when the browser does not start; here that is a failure."""
    report = yield
    if report.skipped and databases.template() and "hrome" in str(report.longrepr):
        report.outcome = "failed"
    return report
