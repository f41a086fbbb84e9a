"""The line that says on Ropo's letters what a claim is for."""

import re

from ..maventa.wire import SUMMARY_MAX, SUMMARY_MIN


def tidy(text):
    """One line without control characters."""
    printable = "".join(c if c.isprintable() else " " for c in str(text or ""))
    return " ".join(printable.split())


def fits(text):
    """Whether Maventa takes it."""
    return SUMMARY_MIN <= len(tidy(text)) <= SUMMARY_MAX


def cut(text):
    """As much of it as there is room for, whole words where that leaves enough."""
    text = tidy(text)
    if len(text) <= SUMMARY_MAX:
        return text
    room = text[: SUMMARY_MAX - 1]
    words = room.rpartition(" ")[0]
    if text[SUMMARY_MAX - 1] == " " or len(words) < SUMMARY_MAX // 2:
        words = room
    return words.rstrip(" ,;:-/") + "…"


def fill(template, values, default):
    """A template such as ``Invoice {number}`` with its values.

    Unknown placeholders stay empty, and where too little comes of it the default
    counts, so that no template stands in the way of a transfer.
    """
    text = re.sub(r"\{(\w*)\}", lambda m: tidy(values.get(m[1])), str(template or ""))
    for candidate in (text, default):
        if len(tidy(candidate)) >= SUMMARY_MIN:
            return cut(candidate)
    return "Invoice"
