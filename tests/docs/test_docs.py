"""The documents are up to date, well formed, and name only what there is."""

import json
import re
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest
from docutils.core import publish_doctree

from ..bench import _measure
from . import readme

CHECKOUT = Path(__file__).parents[2]
ADDON = readme.ADDON
WRITTEN = [
    CHECKOUT / "README.rst",
    CHECKOUT / "docs/large-installations.rst",
    ADDON / "README.rst",
    ADDON / "ARCHITECTURE.md",
    ADDON / "INTEGRATORS.md",
    *sorted((ADDON / "readme").iterdir()),
]


# Words of Odoo's own screens, and of headings in the documents.
ODOO = {
    "Actions",
    "Administrator",
    "Customers",
    "Installation",
    "Invoices",
    "Invoicing",
    "No Follow-Up",
    "Pay",
    "Pay now",
    "Privacy Lookup",
    "Pay overdue",
    "Settings",
}


@pytest.fixture(scope="module")
def dev():
    loader = SourceFileLoader("dev", str(CHECKOUT / "dev"))
    module = module_from_spec(spec_from_loader("dev", loader))
    loader.exec_module(module)
    return module


def test_what_is_made_of_the_fragments_is_up_to_date():
    assert not readme.outdated(), "run ./dev readme"


def test_figures_that_were_kept_are_shown():
    results = json.loads(_measure.RESULTS.read_text())
    assert _measure.PAGE.read_text() == _measure.page(results)
    missed = [
        figure["what"]
        for result in results.values()
        for figure in result["figures"]
        if figure["missed"]
    ]
    assert not missed
    publish_doctree(_measure.PAGE.read_text(), settings_overrides={"halt_level": 2})


def test_every_fragment_is_used():
    used = {"DESCRIPTION", *readme.SECTIONS.values(), *readme.CREDITS.values()}
    names = {path.name for path in (ADDON / "readme").iterdir()}
    assert names <= {f"{name}.rst" for name in used}


def test_documents_show_the_pictures_that_are_made():
    script = (CHECKOUT / "tests/demo/screenshots.py").read_text()
    made = set(re.findall(r"^@picture.*\ndef (\w+)", script, re.M))
    pictures = {path.stem for path in (ADDON / readme.PICTURES).glob("*.png")}
    assert pictures == made | {"icon"}
    shown = set()
    for path in (ADDON / "readme").iterdir():
        names = re.findall(r"(?:image|figure):: (\S+)\n( +:alt: \w)?", path.read_text())
        for name, alternative in names:
            assert (path.parent / name).exists(), name
            assert alternative, f"{name} has no alternative text"
            shown.add(Path(name).stem)
    assert shown == made


def test_project_readme_is_well_formed():
    text = (CHECKOUT / "README.rst").read_text()
    publish_doctree(text, settings_overrides={"halt_level": 2, "traceback": True})


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_lines_are_short(path):
    for line in path.read_text().splitlines():
        assert len(line) <= 100, line


def test_project_readme_names_every_command_and_variable(dev):
    text = (CHECKOUT / "README.rst").read_text()
    named = set(re.findall(r"\./dev ([a-z0-9-]+)", text))
    assert named == {*dev.VERBS, "help"}
    for variable in re.findall(r"``([A-Z_]{5,})``", text):
        assert variable in dev.__doc__


def test_project_readme_names_files_that_exist():
    text = (CHECKOUT / "README.rst").read_text()
    named = re.findall(r"``((?:tests|ropo_collection|\.ci)/[\w/.]*)``", text)
    named += re.findall(r"<([\w/.]+)>`__", text)
    assert named
    for name in named:
        assert (CHECKOUT / name).exists(), name


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "INTEGRATORS.md"])
def test_developers_pages_name_what_there_is(name):
    text = (ADDON / name).read_text()
    sources = [*ADDON.rglob("*.py"), *(CHECKOUT / "tests").rglob("*.py")]
    code = "\n".join(path.read_text() for path in sources)
    for file in re.findall(r"(\w+\.py)\b", text):
        assert any(path.name == file for path in sources), file
    # Names of code: with an underscore, in capitals or in camel case.
    for word in re.findall(
        r"`(?:\w+\.)?(\w*_\w+|[A-Z]+|[A-Z]\w+[A-Z]\w+)(?:\(\))?`", text
    ):
        assert re.search(rf"\b{word}\b", code), word


def test_user_documents_name_buttons_and_fields_that_exist():
    """What stands between asterisks is on the screen, in Odoo or in this addon."""
    screen = " ".join(
        path.read_text()
        for folder in ("models", "security", "views", "wizards")
        for path in (ADDON / folder).iterdir()
        if path.suffix in (".py", ".xml")
    )
    screen = " ".join(re.sub(r'"\s+"', "", screen).replace("&lt;", "<").split())
    for fragment in ("CONFIGURE", "USAGE", "ROADMAP"):
        path = ADDON / "readme" / f"{fragment}.rst"
        text = " ".join(path.read_text().split())
        for words in re.findall(r"(?<![\w*])\*([A-Z][^*]+)\*(?!\*)", text):
            for name in words.split(" › "):
                assert name in screen or name in ODOO, name
