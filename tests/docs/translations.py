"""The addon's texts for translators, and what is wrong with their translations.

    python -m tests.docs.translations DATABASE

writes `i18n/ropo_collection.pot` as Odoo exports it from that database, and brings
the languages beside it up to date: new texts are added without a translation, texts
that are gone are dropped. Nothing is guessed: a text that changed has to be translated
again.
"""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import polib

MODULE = "ropo_collection"
FOLDER = Path(__file__).parents[2] / MODULE / "i18n"
TEMPLATE = FOLDER / f"{MODULE}.pot"
LANGUAGES = {"fi": "fi_FI", "sv": "sv_SE", "nb": "nb_NO"}

# What must be in the translation as often as in the text: placeholders, and the tags
# and attributes of views.
PLACEHOLDER = re.compile(r"%\(\w+\)[sdif]|%[sd]|\{\w*\}|\$\{[^}]+\}")
TAG = re.compile(r"<(/?\w+)[^>]*?(/?)>")


def read(path):
    return polib.pofile(str(path), encoding="utf-8", wrapwidth=78)


def of(language):
    return read(FOLDER / f"{language}.po")


def normalized(template):
    """The exported template without what changes at each export."""
    for name in ("POT-Creation-Date", "PO-Revision-Date"):
        template.metadata.pop(name, None)
    template.metadata["Content-Transfer-Encoding"] = "8bit"
    return template


def merge(template):
    for language in LANGUAGES:
        path = FOLDER / f"{language}.po"
        known = {}
        if path.exists():
            known = {entry.msgid: entry.msgstr for entry in read(path)}
        merged = polib.POFile(wrapwidth=78)
        merged.header = template.header
        merged.metadata = {
            **template.metadata,
            "Language": language,
            "Plural-Forms": "nplurals=2; plural=(n != 1);",
        }
        for entry in template:
            merged.append(
                polib.POEntry(
                    msgid=entry.msgid,
                    msgstr=known.get(entry.msgid, ""),
                    comment=entry.comment,
                    occurrences=entry.occurrences,
                    flags=[flag for flag in entry.flags if flag != "fuzzy"],
                )
            )
        merged.save(str(path))


def compared(language, source, entry):
    """What is wrong with the translation of one text, one sentence each."""
    text, translation = source.msgid, entry.msgstr
    if not translation.strip():
        return [f"{language}: not translated: {text!r}"]
    wrong = {
        "fuzzy": entry.fuzzy,
        "other placeholders": differ(PLACEHOLDER, text, translation),
        "other tags": differ(TAG, text, translation),
        "other spaces at an end": spaces(text) != spaces(translation),
        "ends otherwise": end(text) != end(translation),
    }
    return [f"{language}: {what}: {translation!r}" for what in wrong if wrong[what]]


def differ(pattern, *texts):
    first, second = (Counter(pattern.findall(text)) for text in texts)
    return first != second


def spaces(text):
    return text[:1].isspace(), text[-1:].isspace()


def end(text):
    """The last sign where it means something: a sentence, a question, a label."""
    last = text.rstrip()[-1:]
    return last if last in ".:?…" else ""


def faults(language):
    """What is wrong with a language, one sentence each."""
    known = {entry.msgid: entry for entry in of(language)}
    found = []
    for source in read(TEMPLATE):
        entry = known.pop(source.msgid, None) or polib.POEntry()
        found += compared(language, source, entry)
    return found + [f"{language}: not a text of the addon: {text!r}" for text in known]


def main(database):
    FOLDER.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "odoo", "i18n", "export", "-d", database,
         "-o", str(TEMPLATE), MODULE],
        check=True,
    )  # fmt: skip
    template = normalized(read(TEMPLATE))
    template.save(str(TEMPLATE))
    merge(template)
    for language in LANGUAGES:
        missing = sum(not entry.msgstr for entry in of(language))
        print(f"{language}: {len(template) - missing} of {len(template)} translated")


if __name__ == "__main__":
    main(sys.argv[1])
