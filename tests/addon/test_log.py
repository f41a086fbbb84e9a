"""The addon loads without a warning, and a warning does not go unseen."""

import logging
import subprocess
import sys
import warnings

import pytest

from tests.warnings_log import OTHERS, Collector, is_ours


def test_update_warns_of_nothing(throwaway_database):
    """Data files, views, access rules, fields: Odoo checks them all when it updates."""
    command = [sys.executable, "-m", "odoo", "-d", throwaway_database.name]
    command += ["-u", "ropo_collection", "--stop-after-init", "--no-http"]
    log = subprocess.run(
        [*command, "--log-level=warn"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stderr
    # Without the database's name, which every line has.
    lines = log.replace(throwaway_database.name, "").splitlines()
    assert not [line for line in lines if is_ours(line)]


def test_warnings_of_this_addon_are_seen():
    seen = Collector()
    logger = logging.getLogger("odoo.addons.ropo_collection.sample")
    logger.addHandler(seen)
    logger.propagate = False
    try:
        logger.info("not this")
        logger.warning("a sample")
        logging.getLogger("odoo.addons.ropo_collection.sample.deeper").error("deeper")
    finally:
        logger.removeHandler(seen)
        logger.propagate = True
    assert seen.take() == [
        "WARNING odoo.addons.ropo_collection.sample: a sample",
        "ERROR odoo.addons.ropo_collection.sample.deeper: deeper",
    ]
    assert seen.take() == []


def test_python_warnings_of_this_addon_are_errors():
    """As `.pytest.ini` says; Python shows what others deprecate only to them."""
    ours, others = "odoo.addons.ropo_collection.sample", "odoo.addons.sample"
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("sample", DeprecationWarning, "sample.py", 1, ours)
    warnings.warn_explicit("sample", DeprecationWarning, "sample.py", 1, others)


def test_folders_of_others_do_not_count():
    assert is_ours("WARNING py.warnings: /sample/ropo_collection/models/a.py:1: sample")
    for folder in OTHERS:
        assert not is_ours(f"WARNING py.warnings: {folder}/sample.py:1: sample")
