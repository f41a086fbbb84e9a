"""The addon's README.rst and its page in the apps menu, from the fragments in readme/.

    python tests/docs/readme.py [--check]

OCA's generator makes the same two files of the same fragments, but is not on PyPI. This
one knows no templates: it puts headings over the fragments, in OCA's order, and lets
docutils make HTML of the result. With --check it writes nothing, and fails when a file
is not what the fragments give.
"""

import argparse
import ast
import sys
from pathlib import Path

from docutils.core import publish_parts
from docutils.utils import SystemMessage

ADDON = Path(__file__).parents[2] / "ropo_collection"
PICTURES = "static/description"

# Heading in the README → fragment. What has no fragment gets no heading.
SECTIONS = {
    "Use Cases / Context": "CONTEXT",
    "Installation": "INSTALL",
    "Configuration": "CONFIGURE",
    "Usage": "USAGE",
    "Known issues / Roadmap": "ROADMAP",
    "Changelog": "HISTORY",
}
CREDITS = {"Contributors": "CONTRIBUTORS", "Other credits": "CREDITS"}

NOTICE = """\
..
   Generated from the fragments in readme/ by `./dev readme`; edit those.
"""

# Odoo takes the page's style sheet away and uses its own.
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ max-width: 50em; margin: 1em auto; padding: 0 1em; font-family: sans-serif; }}
table {{ border-collapse: collapse; }}
img {{ max-width: 100%; border: 1px solid #ccc; }}
td, th {{ border: 1px solid #ccc; padding: 0.2em 0.6em; vertical-align: top; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def heading(text, line):
    return f"{text}\n{line * len(text)}\n"


def fragments(titles, line):
    """The fragments of these titles, each under its heading."""
    for title, name in titles.items():
        path = ADDON / "readme" / f"{name}.rst"
        if path.exists():
            yield heading(title, line)
            yield path.read_text()


def readme():
    manifest = ast.literal_eval((ADDON / "__manifest__.py").read_text())
    name = manifest["name"]
    authors = manifest["author"].split(",")
    parts = [
        NOTICE,
        f"{'=' * len(name)}\n{heading(name, '=')}",
        f"Version {manifest['version']} for Odoo 19. Licence: {manifest['license']}\n",
        (ADDON / "readme" / "DESCRIPTION.rst").read_text(),
        "**Table of contents**\n",
        ".. contents::\n   :local:\n   :depth: 2\n",
        *fragments(SECTIONS, "="),
        heading("Credits", "="),
        heading("Authors", "~"),
        "".join(f"* {author.strip()}\n" for author in authors),
        *fragments(CREDITS, "~"),
    ]
    # A fragment names a picture as it lies from there.
    return "\n".join(parts).replace(f"../{PICTURES}/", f"{PICTURES}/")


def page(text):
    """The same as HTML, beside its pictures; a mistake in the fragments ends it."""
    parts = publish_parts(
        text.replace(f" {PICTURES}/", " "),
        writer_name="html5",
        settings_overrides={
            "halt_level": 2,
            "traceback": False,
            "file_insertion_enabled": False,
            "raw_enabled": False,
            "smart_quotes": False,
            "syntax_highlight": "none",
            "toc_backlinks": False,
        },
    )
    body = "\n".join(line.rstrip() for line in parts["html_body"].splitlines())
    return PAGE.format(title=parts["title"], body=body)


def generated():
    """``{path: text}`` of both files as they have to be."""
    text = readme()
    return {
        ADDON / "README.rst": text,
        ADDON / PICTURES / "index.html": page(text),
    }


def outdated():
    """Those of the files that are not as they have to be."""
    return [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text() != text
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    try:
        paths = outdated()
    except SystemMessage as mistake:
        sys.exit(f"README.rst: {mistake}")
    for path in paths:
        if not options.check:
            path.write_text(generated()[path])
        print(path, "is out of date" if options.check else "written")
    return 1 if paths and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
