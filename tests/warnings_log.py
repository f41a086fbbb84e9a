"""Warnings in the log that come from this addon fail the test that causes them.

Odoo warns of what it puts up with: a view without labels, a deprecated call, two fields
of the same name, a trouble nobody expected. Here nobody overlooks it. What a test
expects, it takes with `assertLogs` or `mute_logger`; that never gets here. Python's own
warnings (deprecated calls) of the addon's files are errors by `.pytest.ini`.
"""

import logging
import sys
from pathlib import Path

import odoo

OURS = ("ropo", "maventa")
#: Where others' files lie: folders whose name may have our words, too.
OTHERS = {sys.prefix, str(Path(next(iter(odoo.__path__))).parent)}


def is_ours(text):
    """Whether a line of the log, with its traceback, speaks of this addon."""
    for folder in OTHERS:
        text = text.replace(folder, "")
    return any(word in text.lower() for word in OURS)


class Collector(logging.Handler):
    """Keeps the warnings of this addon until somebody takes them."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.found = []

    def emit(self, record):
        formatter = logging.Formatter("%(levelname)s %(name)s: %(message)s")
        text = formatter.format(record)
        if is_ours(text):
            self.found.append(text)

    def take(self):
        """What has come since the last time."""
        found, self.found = self.found, []
        return found

    def start(self):
        """Listen, to Odoo's loggers as well: pytest-odoo sets them to *critical*."""
        logging.getLogger().addHandler(self)
        logging.getLogger("odoo").setLevel(logging.WARNING)


collector = Collector()
