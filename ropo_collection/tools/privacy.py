"""Personal identity numbers in free text: they don't belong there."""

import re

import stdnum.exceptions
from stdnum.no import fodselsnummer
from stdnum.se import personnummer

#: What looks like a Finnish henkilötunnus, with any of the century signs in use.
FINNISH = re.compile(r"\b\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]\b", re.IGNORECASE)
#: What may be a Swedish or Norwegian number; the calendar and check digits decide.
DIGITS = re.compile(r"\b(?:\d{2})?\d{6}(?:[-+]\d{4}|[ ]?\d{4,5})\b")


def mask(text, known=()):
    """The text with personal identity numbers cut down to their last two characters.

    :param known: numbers that are masked whatever they look like
    """
    text = text or ""
    for number in filter(None, known):
        text = text.replace(number, _short(number))
    text = FINNISH.sub(lambda found: _short(found[0]), text)
    return DIGITS.sub(
        lambda found: _short(found[0]) if _is_personal(found[0]) else found[0], text
    )


def _short(number):
    return f"…{number[-2:]}"


def _is_personal(number):
    for module in (personnummer, fodselsnummer):
        try:
            module.validate(number)
        except stdnum.exceptions.ValidationError:
            continue
        return True
    return False
