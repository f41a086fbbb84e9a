"""Finnish, Swedish and Norwegian are complete, and look as they should."""

import io

from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import TranslationImporter, trans_export

from ..docs import translations
from .common import RopoCommon


@tagged("post_install", "-at_install")
class TestTranslations(TransactionCase):
    def exported(self):
        buffer = io.BytesIO()
        trans_export(False, [translations.MODULE], buffer, "po", self.env)
        return translations.polib.pofile(buffer.getvalue().decode())

    def test_the_template_has_the_texts_of_the_addon(self):
        texts = {entry.msgid for entry in self.exported()}
        known = {entry.msgid for entry in translations.read(translations.TEMPLATE)}
        self.assertEqual(texts - known, set(), "run ./dev i18n")
        self.assertEqual(known - texts, set(), "run ./dev i18n")

    def test_every_language_is_complete(self):
        for language in translations.LANGUAGES:
            with self.subTest(language=language):
                self.assertEqual(translations.faults(language), [])

    def test_the_check_finds_what_is_wrong(self):
        source = translations.polib.POEntry(msgid="Claim %(number)s: <b>open</b>.")
        for text, fault in (
            ("", "not translated"),
            ("Saatava: <b>auki</b>.", "placeholders"),
            ("Saatava %(number)s: auki.", "tags"),
            ("Saatava %(number)s: <b>auki</b>. ", "spaces"),
            ("Saatava %(number)s: <b>auki</b>", "ends otherwise"),
        ):
            entry = translations.polib.POEntry(msgid=source.msgid, msgstr=text)
            with self.subTest(text=text):
                found = translations.compared("fi", source, entry)
                self.assertEqual(len(found), 1, found)
                self.assertIn(fault, found[0])
        fuzzy = translations.polib.POEntry(
            msgid="Claim", msgstr="Saatava", flags=["fuzzy"]
        )
        self.assertIn("fuzzy", translations.compared("fi", fuzzy, fuzzy)[0])
        self.assertEqual(
            translations.compared(
                "fi",
                source,
                translations.polib.POEntry(msgstr="Saatava %(number)s: <b>auki</b>."),
            ),
            [],
        )

    def test_screens_and_messages_speak_the_language(self):
        for language, code in translations.LANGUAGES.items():
            self.env["res.lang"]._activate_lang(code)
            importer = TranslationImporter(self.env.cr)
            importer.load_file(str(translations.FOLDER / f"{language}.po"), code)
            importer.save(overwrite=True)
            known = {entry.msgid: entry.msgstr for entry in translations.of(language)}
            env = self.env(context={"lang": code})
            with self.subTest(language=language):
                arch = env["ropo.assignment"].get_view(view_type="form")["arch"]
                self.assertIn(known["Withdraw from Ropo"], arch)
                menu = env.ref("ropo_collection.ropo_assignment_menu")
                self.assertEqual(menu.name, known["Cases"])
                self.assertEqual(
                    env["ropo.assignment"]
                    .fields_get(["open_amount"])["open_amount"]["string"]
                    .strip(),
                    known["Open at Ropo"],
                )


@tagged("post_install", "-at_install")
class TestLanguageOfTheWorker(RopoCommon):
    """What scheduled actions write is for the company's people."""

    def setUp(self):
        super().setUp()
        for code in ("fi_FI", "sv_SE"):
            self.env["res.lang"]._activate_lang(code)

    def said(self):
        case = self.at_ropo()
        return " ".join(case.move_id.message_ids.mapped("body"))

    def test_the_companys_language(self):
        self.assertIn("Handed over to Ropo", self.said())
        self.company.partner_id.lang = "fi_FI"
        self.assertIn("Siirretty Ropolle", self.said())

    def test_that_of_its_responsible_comes_first(self):
        self.company.partner_id.lang = "fi_FI"
        self.company.ropo_responsible_id = self.env.user
        self.env.user.lang = "sv_SE"
        self.assertIn("Skickat till Ropo", self.said())
        self.env.user.lang = "fi_FI"
        self.assertIn("Siirretty Ropolle", self.said())

    def test_one_language_costs_no_query(self):
        """The lock stays the first statement of its transaction."""
        case = self.at_ropo()
        worker = self.env["ropo.worker"]
        for company in self.env["res.company"].search([]):
            company.partner_id.lang = "en_US"
        worker._by_language(case)
        self.env.invalidate_all()
        with self.assertQueryCount(0):
            worker._by_language(case)
