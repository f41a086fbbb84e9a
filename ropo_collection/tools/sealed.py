"""A text that is encrypted in the database and masked wherever people read it.

The key is not in the database: the environment variable ``ROPO_PERSONAL_ID_KEY`` holds
it, or ``ROPO_PERSONAL_ID_KEY_FILE`` the name of a file with it. It is a key of Fernet
(``python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key())"``);
several, separated by commas, are tried in turn and the first one is used for writing,
so that a key can be replaced. Without a key the text is stored as it is.
"""

import functools
import logging
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from odoo import fields

from . import identity

_logger = logging.getLogger(__name__)

PREFIX = "sealed:"
VARIABLE = "ROPO_PERSONAL_ID_KEY"


def keys():
    """The keys as configured: a text, empty where there are none."""
    path = os.environ.get(f"{VARIABLE}_FILE")
    if path:
        return Path(path).read_text().strip()
    return os.environ.get(VARIABLE, "").strip()


@functools.lru_cache(maxsize=4)
def _box(text):
    return MultiFernet([Fernet(key.strip()) for key in text.split(",")])


def seal(text):
    """The text as it is stored. What is sealed already stays as it is."""
    configured = keys()
    if not text or not configured or text.startswith(PREFIX):
        return text
    return PREFIX + _box(configured).encrypt(text.encode()).decode()


def unseal(stored):
    """The text itself; empty, with a line in the log, where the key is not there."""
    if not stored or not stored.startswith(PREFIX):
        return stored
    configured = keys()
    if not configured:
        _logger.error("A personal identity number can't be read without %s", VARIABLE)
        return False
    try:
        return _box(configured).decrypt(stored[len(PREFIX) :].encode()).decode()
    except InvalidToken:
        _logger.error("A personal identity number has another key than %s", VARIABLE)
        return False


def is_current(stored):
    """Whether a stored text is sealed the way a new one would be."""
    configured = keys()
    if not stored or not configured:
        return True
    if not stored.startswith(PREFIX):
        return False
    first = Fernet(configured.split(",")[0].strip())
    try:
        first.decrypt(stored[len(PREFIX) :].encode())
    except InvalidToken:
        return False
    return True


class Sealed(fields.Char):
    """A personal identity number.

    :param masked: what people read, by form, list, export or interface, is masked; code
        that runs as the superuser and the record itself have the whole number
    """

    masked = True

    def convert_to_cache(self, value, record, validate=True):
        return seal(super().convert_to_cache(value, record, validate))

    def convert_to_record(self, value, record):
        return unseal(super().convert_to_record(value, record))

    def convert_to_read(self, value, record, use_display_name=True):
        value = super().convert_to_read(value, record, use_display_name)
        if value and self.masked and not record.env.su:
            return identity.mask(value)
        return value

    def convert_to_export(self, value, record):
        return self.convert_to_read(value, record) or ""

    def convert_to_write(self, value, record):
        return self.convert_to_record(self.convert_to_cache(value, record), record)
