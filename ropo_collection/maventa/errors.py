"""What can go wrong on a call, by what to do about it.

Four classes, one for each thing a caller can do: try later, look before sending
again, stop this one, stop this company. Every error carries a short stable
``reason`` (see ``REASONS``) that the addon turns into a sentence in the user's
language; the server's own words come along in ``message`` and ``details``.

What ends up in an error is fit to be shown and logged: control characters,
personal identity numbers and secrets are taken out by :func:`clean_text`.
"""

import re

REASONS = {
    "unreachable": "The server could not be reached, or the connection broke.",
    "timeout": "The server did not answer in time.",
    "busy": "The server asks to come back later.",
    "server_error": "The server reports an internal error.",
    "unreadable_answer": "The server's answer could not be understood.",
    "redirected": "The server sends us elsewhere, where we do not follow.",
    "not_believable": "The server says 'not found', but not in a believable way.",
    "wrong_keys": "The company id, user key or vendor key is refused.",
    "missing_rights": "The keys are accepted, but do not grant every right needed.",
    "no_access": "The keys are accepted, but access is refused.",
    "service_not_active": "The Ropo service of the company is not active.",
    "not_found": "There is nothing under this id.",
    "invalid": "The data is refused.",
    "conflict": "This contradicts what is already there.",
    "forbidden": "This is not allowed for this invoice or case.",
    "too_large": "The request or the answer is too large.",
    "too_many": "Far more was found than one search should bring.",
    "neutralized": "This database is a copy: calls to the outside are blocked.",
    "moved": "This database is not the one that may call out.",
    "switched_off": "Calls are switched off for this company.",
    "keys_missing": "The keys of this company have not been entered.",
}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Finnish, Swedish and Norwegian personal identity numbers, in that order: each is a
# birth date and some more. Business ids, sums and most reference numbers are none. In
# Sweden 60 may be added to the day, in Norway 40 to the day, 40 or 80 to the month.
_DAY, _MONTH = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])"
_PERSONAL_ID = re.compile(
    r"(?<![\w-])(?:"
    rf"{_DAY}{_MONTH}\d\d[-+A-FU-Y]\d{{3}}[0-9A-Z]"
    rf"|(?:19|20)?\d\d{_MONTH}(?:{_DAY}|6[1-9]|[78]\d|9[01])[-+ ]?\d{{4}}"
    rf"|(?:{_DAY}|4[1-9]|[56]\d|7[01])(?:{_MONTH}|[48][1-9]|[59][0-2])\d\d ?\d{{5}}"
    r")(?![\w-])",
    re.IGNORECASE | re.ASCII,
)
_SIX_DIGITS = re.compile(r"[0-9]{6}")  # each of them has; most texts have not
_READ = 20_000  # characters of a text that are looked at
MASK = "•••"


def spellings(ids):
    """Return personal ids with all that a server may make of them.

    :param ids: as they are sent, empty ones included
    :return: each as it is, in one piece, and without its century
    """
    found = []
    for value in filter(None, ids):
        bare = re.sub(r"[^0-9A-Za-z]", "", value)
        short = bare[2:] if len(bare) == 12 and bare.isdecimal() else bare
        found += [value, bare, f"{short[:6]}-{short[6:]}", short]
    # Longer ones first: a part must not spoil the whole.
    return sorted({text for text in found if len(text) > 8}, key=len, reverse=True)


def clean_text(value, limit=300, secrets=()):
    """Return a server's text fit for a person, a log and PostgreSQL.

    :param str value: the text as it came
    :param int limit: the longest result, in characters
    :param secrets: texts to be masked wherever they occur (keys, tokens, ids)
    :return: one line without control characters, personal ids and secrets
    :rtype: str
    """
    text = value[:_READ]
    if not (text.isascii() and text.isprintable()):
        # Lone surrogates are legal in JSON, but neither UTF-8 nor PostgreSQL has them.
        text = _CONTROL.sub(" ", text.encode("utf-8", "replace").decode())
    text = " ".join(text.split())
    for secret in secrets:
        if len(secret) > 3:  # a shorter one would only riddle the text
            text = re.sub(re.escape(secret), MASK, text, flags=re.IGNORECASE)
    if _SIX_DIGITS.search(text):
        text = _PERSONAL_ID.sub(MASK, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


class MaventaError(Exception):
    """Base of everything a call raises on purpose.

    :param str reason: one of ``REASONS``
    :param status: the HTTP status, None where no answer came
    :param str code: the server's own error code
    :param str message: the server's words, cleaned
    :param details: more of them, a tuple of texts
    :param str method: the HTTP method of the call
    :param str path: its path, ids replaced by ``…``
    """

    def __init__(
        self,
        reason,
        *,
        status=None,
        code="",
        message="",
        details=(),
        method="",
        path="",
    ):
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}")
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.method = method
        self.path = path

    def __str__(self):
        said = "; ".join(filter(None, (self.code, self.message, *self.details)))
        call = " ".join(
            str(part) for part in (self.method, self.path, self.status) if part
        )
        return ": ".join(filter(None, (call, self.reason, said)))


class NotNow(MaventaError):
    """Nothing changed over there; try later, backing off.

    ``retry_after``: the seconds the server asked to wait, None where it did not.
    """

    def __init__(self, reason, *, retry_after=None, **kwargs):
        super().__init__(reason, **kwargs)
        self.retry_after = retry_after


class OutcomeUnknown(MaventaError):
    """The call may have been carried out: look before sending it again."""


class Rejected(MaventaError):
    """This one is wrong: stop it and show the reason; others may go on."""


class AccountTrouble(MaventaError):
    """Keys, rights or service: stop for this company, tell its administrator.

    ``missing_scopes``: the rights that were asked for and not granted.
    """

    def __init__(self, reason, *, missing_scopes=(), **kwargs):
        super().__init__(reason, **kwargs)
        self.missing_scopes = tuple(missing_scopes)
