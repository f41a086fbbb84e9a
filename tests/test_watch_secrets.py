"""The watch over the logs sees what it should see."""

import logging

import pytest

from .watch_secrets import PLANTED, WATCH

_logger = logging.getLogger("odoo.addons.ropo_collection.sample")


@pytest.mark.parametrize("value", PLANTED)
def test_planted_values_are_found(value):
    _logger.debug("in a message: %s", value)
    assert len(WATCH.take()) >= 1
    try:
        raise ValueError(value)
    except ValueError:
        # Not as an error: those of this addon fail the test, see `warnings_log.py`.
        _logger.info("in a traceback", exc_info=True)
    assert len(WATCH.take()) >= 1


def test_nothing_else_is_found():
    before = WATCH.records
    _logger.debug("an ordinary line")
    assert WATCH.records == before + 1
    assert WATCH.take() == []


def leak(env):
    _logger.debug("a key: %s", PLANTED[0])


def test_processes_watch_their_own_logs(throwaway_database):
    with pytest.raises(AssertionError, match="leak ended with 1"):
        throwaway_database.run(leak)
