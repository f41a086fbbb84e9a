"""Personal identity numbers in free text: they don't belong there."""

import re

from stdnum import luhn
from stdnum.no import fodselsnummer

# By their shape, so that a slip of the pen does not let one through: a day, a month
# and what no business id of these countries has.
DAY, MONTH = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])"
#: Finland, with any of the century signs in use.
FINLAND = re.compile(rf"\b{DAY}{MONTH}\d\d[-+A-FU-Y]\d{{3}}[0-9A-Y]\b", re.IGNORECASE)
#: Sweden, where a coordination number's day is 60 higher.
SWEDEN = re.compile(
    rf"\b(?:19|20)?\d\d{MONTH}(?:{DAY}|6[1-9]|[78]\d|9[01])(?P<sign>[-+]?)\d{{4}}\b"
)
NORWAY = re.compile(r"\b\d{6} ?\d{5}\b")


def mask(text, known=()):
    """The text with personal identity numbers cut down to their last two characters.

    :param known: numbers that are masked whatever they look like
    """
    text = text or ""
    for number in filter(None, known):
        text = text.replace(number, _short(number))
    text = FINLAND.sub(lambda found: _short(found[0]), text)
    text = SWEDEN.sub(
        # Without a sign it may be any number: the check digit decides.
        lambda found: _short(found[0])
        if found["sign"] or luhn.is_valid(found[0][-10:])
        else found[0],
        text,
    )
    return NORWAY.sub(
        lambda found: _short(found[0])
        if fodselsnummer.is_valid(found[0])
        else found[0],
        text,
    )


def _short(number):
    return f"…{number[-2:]}"
