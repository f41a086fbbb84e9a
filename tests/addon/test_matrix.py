"""Who may do what, tried from outside: every model, operation, button and secret.

Everything goes over HTTP, as a browser or a script would do it, and is compared with
``matrix.txt`` beside this file; what was tried is written to the log as a table of the
same shape. A change of rights shows as a difference there, and so does what nobody has
classified yet: models, public methods, fields for few eyes, all found in the registry.

Columns are the users of ``USERS``; a cell is

``x``  done   ``.``  no access   ``u``  refused in words   ``-``  done, nothing found

``u`` is what is wrong with the data or the state of a record, or a right that the
button itself asks for. Anything else is a crash.

A new model, method or field changes the table: run

    ROPO_WRITE_MATRIX=1 ./dev test tests/addon/test_matrix.py

which writes what is there now, and read every line of the difference. A model that no
test opens a record of needs a ``sample_…`` method below.
"""

import logging
import os
from collections import defaultdict
from pathlib import Path

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import KEYS, RopoCommon

_logger = logging.getLogger(__name__)

EXPECTED = Path(__file__).with_name("matrix.txt")
GROUPS = {
    "portal": "base.group_portal",
    "employee": "base.group_user",
    "reader": "base.group_user,account.group_account_readonly",
    "clerk": "base.group_user,account.group_account_invoice",
    "manager": "base.group_user,account.group_account_manager",
    "settings": "base.group_user,base.group_system",
    # Two of another company, who know the ids of ours; one of them also claims, in the
    # context of the call, to work in our company.
    "outsider": "base.group_user,account.group_account_manager",
    "forger": "base.group_user,account.group_account_manager",
}
USERS = ["public", *GROUPS]
PERSONAL_ID = "131052-308T"
OPERATIONS = {
    "read": [["display_name"]],
    "search_read": [],
    "export_data": [["id", "display_name"]],
    "web_read": [{"display_name": {}}],
    "write": [{}],
    "create": [],
    "copy": [],
    "unlink": [],
}
#: Odoo's own methods that the addon extends: tried as operations, or as Odoo's.
ODOOS = {"create", "write", "unlink", "copy", "button_draft", "button_cancel"}
REFUSALS = {
    "odoo.exceptions.AccessError": ".",
    "odoo.exceptions.AccessDenied": ".",
    "odoo.http.SessionExpiredException": ".",
    "odoo.exceptions.UserError": "u",
    "odoo.exceptions.ValidationError": "u",
    "odoo.exceptions.RedirectWarning": "u",
    "odoo.exceptions.MissingError": "u",
}
#: Buttons that only open a page, which shows its reader's own companies.
OPENS = {("ropo.figures.day", "action_open")}
LOUD = (
    "odoo.addons.base.models.ir_module",
    "odoo.addons.ropo_collection.models.res_company",
    "odoo.http",
    "odoo.models",
    "odoo.orm.models",
    "odoo.sql_db",
    "odoo.addons.base.models.ir_model",
    "odoo.addons.base.models.ir_rule",
)


def of_the_addon(cls):
    return cls.__module__.startswith("odoo.addons.ropo_collection.")


def methods(model, public):
    """Names of the methods that the addon gives a model."""
    return sorted(
        {
            name
            for cls in type(model).__mro__
            if of_the_addon(cls)
            for name, value in vars(cls).items()
            if callable(getattr(value, "__func__", value))
            and not isinstance(value, type | fields.Field)
            and not name.startswith("__")
            and name.startswith("_") != public
            and not getattr(value, "_api_private", False)
        }
        - ODOOS
    )


@tagged("post_install", "-at_install")
class TestMatrix(RopoCommon, HttpCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.env["res.company"].create({"name": "Sample Other Oy"})
        cls.users, cls.cookies = {}, {}
        for name, groups in GROUPS.items():
            theirs = name in ("outsider", "forger")
            company = cls.other_company if theirs else cls.company
            if name != "portal":
                groups += ",base.group_allow_export"
            cls.users[name] = new_test_user(
                cls.env,
                f"ropo_{name}",
                groups=groups,
                company_id=company.id,
                company_ids=[fields.Command.set(company.ids)],
            )

    def setUp(self):
        super().setUp()
        self.registry_models = [
            self.env[name]
            for name in sorted(self.env.registry)
            if any(map(of_the_addon, type(self.env[name]).__mro__))
        ]
        for name, user in self.users.items():
            self.session = None  # the one before stays valid
            self.authenticate(user.login, user.login)
            self.cookies[name] = self.session.sid
        self.records = self.sample_records()
        self.env.flush_all()

    # -- what there is to be got at -----------------------------------------------
    def sample_records(self):
        """One record of each model, windows opened by those who may."""
        self.consumer.sudo().ropo_personal_id = PERSONAL_ID
        case = self.at_ropo()
        values = {"assignment_id": case.id, "company_id": case.company_id.id}
        amounts = {"currency_id": case.currency_id.id, "amount": 10.0}
        event = self.env["ropo.assignment.event"].sudo().create(
            {**values, **amounts, "direction": "out", "kind": "other",
             "state": "decision", "decision": "misc"}
        )  # fmt: skip
        payer = case.payer_ids[:1]
        payer.sudo().ssn = PERSONAL_ID
        move = self.invoice()
        clerk = move.with_user(self.users["clerk"])
        window = clerk.env["ropo.transfer"].browse(
            clerk.action_ropo_transfer()["res_id"]
        )
        window.line_ids.action_details()
        self.env.invalidate_all()
        link = clerk.env["ropo.link"].browse(clerk.action_ropo_link()["res_id"])
        records = {
            "account.move": move,
            "res.partner": self.consumer,
            "res.company": self.company,
            "ropo.assignment": case,
            "ropo.assignment.event": event,
            "ropo.assignment.payer": payer,
            "ropo.transfer": window,
            "ropo.transfer.line": window.line_ids,
            "ropo.transfer.payer": window.line_ids.payer_ids,
            "ropo.link": link,
            "ropo.link.line": link.sudo().line_ids,
        }
        for model in self.registry_models:
            if model._name in records or model._abstract:
                continue
            maker = getattr(self, f"sample_{model._name.replace('.', '_')}", None)
            record = maker(case) if maker else model.sudo().search([], limit=1)
            if model._name.startswith("ropo.") or methods(model, public=True):
                self.assertTrue(record, f"give the matrix a {model._name} to try")
            records[model._name] = record
        return records

    def sample_ropo_sandbox(self, case):
        return self.env["ropo.sandbox"].sudo().create({"state": "{}"})

    def sample_res_config_settings(self, case):
        return (
            self.env["res.config.settings"].with_user(self.users["settings"]).create({})
        )

    def sample_ropo_other_collector(self, case):
        clerk = self.env["ropo.other.collector"].with_user(self.users["clerk"])
        return clerk.create({})

    def sample_ropo_lookup(self, case):
        return self.env["ropo.lookup"].sudo().create({"move_id": case.move_id.id})

    def sample_ropo_adoption(self, case):
        return (
            self.env["ropo.adoption"]
            .sudo()
            .create({"company_id": self.company.id, "external_id": "sample"})
        )

    def sample_ropo_tell(self, case):
        action = case.with_user(self.users["clerk"]).action_tell()
        return self.env["ropo.tell"].browse(action["res_id"])

    def sample_ropo_reason(self, case):
        action = case.with_user(self.users["manager"]).action_withdraw()
        return self.env["ropo.reason"].browse(action["res_id"])

    def sample_account_bank_statement_line(self, case):
        bank = self.company_data["default_journal_bank"]
        return self.env["account.bank.statement.line"].create(
            {"journal_id": bank.id, "amount": 10.0, "payment_ref": "Sample"}
        )

    def sample_account_journal(self, case):
        return self.company_data["default_journal_sale"]

    def sample_account_payment(self, case):
        values = {"payment_type": "inbound", "partner_type": "customer"}
        return self.env["account.payment"].create({**values, "amount": 10.0})

    def sample_account_move_line(self, case):
        return case.move_id.line_ids[:1]

    def sample_ropo_settlement(self, case):
        return self.env["ropo.settlement"].create(
            {
                "company_id": self.company.id,
                "journal_id": self.company_data["default_journal_bank"].id,
                "amount": 10.0,
            }
        )

    def sample_ropo_settlement_line(self, case):
        settlement = self.env["ropo.settlement"].search([], limit=1)
        return self.env["ropo.settlement.line"].create(
            {"settlement_id": settlement.id, "assignment_id": case.id, "amount": 1.0}
        )

    def sample_ropo_close(self, case):
        action = self.company.action_ropo_close_service()
        return self.env["ropo.close"].browse(action["res_id"])

    def sample_ropo_figures_day(self, case):
        return self.env["ropo.figures.day"].with_user(self.users["clerk"]).create({})

    def sample_ropo_log(self, case):
        values = {"kind": "word", "company_id": self.company.id}
        return self.env["ropo.log"].sudo().create(values)

    def sample_ropo_control(self, case):
        self.sample_ropo_log(case)
        return self.env["ropo.control"].sudo().search([], limit=1)

    def sample_ropo_share(self, case):
        values = {"assignment_id": case.id, "kind": "paid", "amount": 5.0}
        values["counterpart_move_id"] = case.move_id.id
        return self.env["ropo.share"].sudo().create(values)

    def sample_ropo_settlement_open(self, case):
        event = self.env["ropo.assignment.event"].sudo()
        event.create(
            {
                "assignment_id": case.id,
                "company_id": case.company_id.id,
                "currency_id": case.currency_id.id,
                "direction": "in",
                "kind": "paid",
                "state": "received",
                "amount": 7.0,
                "booked_at": fields.Date.today(),
            }
        )
        return self.env["ropo.settlement.open"].sudo().search([], limit=1)

    def sample_ropo_stage_change(self, case):
        return self.env["ropo.stage.change"].sudo().create({"assignment_id": case.id})

    # -- trying ------------------------------------------------------------------
    def call(self, user, model, method, *args, **kwargs):
        """One call as ``user``; ``(letter, result or message)``. Nothing stays done."""
        context = {"lang": "en_US"}
        if user == "forger":
            context["allowed_company_ids"] = self.company.ids
        self.opener.cookies.clear()
        if user != "public":
            self.opener.cookies.set("session_id", self.cookies[user])
        self.env.flush_all()
        self.env.cr.execute("SAVEPOINT matrix")
        try:
            answer = self.url_open(
                f"/web/dataset/call_kw/{model}/{method}",
                json={
                    "jsonrpc": "2.0",
                    "params": {
                        "model": model,
                        "method": method,
                        "args": args,
                        "kwargs": {"context": context, **kwargs},
                    },
                },
            ).json()
        finally:
            self.env.cr.execute("ROLLBACK TO SAVEPOINT matrix")
            self.env.invalidate_all()
        if "error" not in answer:
            return "x", answer.get("result")
        data = answer["error"]["data"]
        letter = REFUSALS.get(data["name"])
        if "rights to export" in data["message"]:
            letter = "."
        self.assertTrue(letter, f"{user} {model}.{method}: {data.get('debug')}")
        return letter, data["message"]

    def row(self, *call, **kwargs):
        return "".join(self.call(user, *call, **kwargs)[0] for user in USERS)

    def compare(self, chapter, found):
        """Compare a chapter of the table with what is expected, and log it."""
        lines = {name: f"{name:<58} {cells}" for name, cells in found.items()}
        _logger.info("access, %s (%s):\n%s", chapter, " ".join(USERS),
                     "\n".join(lines.values()))  # fmt: skip
        expected, title = defaultdict(list), ""
        for line in EXPECTED.read_text().splitlines():
            if line.startswith("# "):
                title = line[2:]
            elif line.strip():
                expected[title].append(line)
        if os.environ.get("ROPO_WRITE_MATRIX"):
            expected[chapter] = lines.values()
            chapters = (
                f"# {title}\n\n" + "".join(f"{line}\n" for line in rows)
                for title, rows in expected.items()
            )
            EXPECTED.write_text("\n".join(chapters))
        self.assertEqual("\n".join(expected[chapter]), "\n".join(lines.values()))

    def get(self, user, path):
        """Open a page as ``user``."""
        self.opener.cookies.clear()
        if user != "public":
            self.opener.cookies.set("session_id", self.cookies[user])
        return self.url_open(path)

    def assertKept(self, told, *secrets):
        for secret in secrets:
            self.assertNotIn(secret, str(told))

    # -- the table ---------------------------------------------------------------
    @mute_logger(*LOUD)
    def test_operations(self):
        """Reading, writing, exporting and so on of the addon's own models."""
        found = {}
        for model in self.registry_models:
            if not model._name.startswith("ropo.") or model._abstract:
                continue
            record = self.records.get(model._name, ())
            for name, args in OPERATIONS.items():
                if name == "export_data" and not model._auto:
                    args = [["display_name"]]  # SQL has no external ids
                if name == "search_read":
                    domain = [("id", "in", record.ids)] if record else []
                    call = (model._name, name, domain, ["display_name"])
                elif name == "create":
                    call = (model._name, name, [{}])
                else:
                    call = (model._name, name, record.ids if record else [], *args)
                cells = []
                for user in USERS:
                    cell, result = self.call(user, *call)
                    # Rules hide rows from a search without a word.
                    cells.append("." if name == "search_read" and not result else cell)
                found[f"{model._name} {name}"] = "".join(cells)
        self.compare("operations", found)

    @mute_logger(*LOUD)
    def test_buttons(self):
        """All public methods, on records of our company."""
        found = {}
        for model in self.registry_models:
            record = self.records.get(model._name, ())
            for name in methods(model, public=True):
                on = [] if hasattr(getattr(model, name), "_api_model") else [record.ids]
                found[f"{model._name} {name}"] = self.row(model._name, name, *on)
        self.compare("buttons", found)

    @mute_logger(*LOUD)
    def test_private_methods(self):
        """What begins with an underscore is nobody's, not even the administrator's."""
        tried = 0
        for model in self.registry_models:
            record = self.records.get(model._name, ())
            for name in methods(model, public=False):
                with self.subTest(f"{model._name}.{name}"):
                    ids = record.ids if record else []
                    letter, message = self.call("settings", model._name, name, ids)
                    self.assertEqual(letter, ".")
                    self.assertIn("rivate", message)
                tried += 1
        self.assertGreater(tried, 200)
        _logger.info("access: %s private methods tried, none reached", tried)

    @mute_logger(*LOUD)
    def test_fields_for_few(self):
        """What has a group of its own, or sounds like a secret: read, searched,
        grouped, ordered and exported by everyone."""
        found = {}
        sounds = ("key", "token", "ssn", "personal_id", "uuid", "password", "secret")
        for model in self.registry_models:
            record = self.records.get(model._name, ())
            if model._abstract or not record:
                continue
            for name, field in sorted(model._fields.items()):
                ours = field._module == "ropo_collection"
                secret = any(sound in name for sound in sounds)
                if not ours or not (field.groups or secret):
                    continue
                ids = [("id", "in", record.ids)]
                ways = {
                    "read": ("read", record.ids, [name]),
                    "search_read": ("search_read", ids, [name]),
                    "export_data": ("export_data", record.ids, [name]),
                }
                if field.store:
                    ways["search"] = ("search", [*ids, (name, "!=", False)])
                    ways["order"] = ("search", ids, 0, 1, name)
                    ways["group"] = ("formatted_read_group", ids, [name])
                for way, call in ways.items():
                    cells = []
                    for user in USERS:
                        cell, result = self.call(user, model._name, *call)
                        cells.append(cell if cell != "x" or result else "-")
                    found[f"{model._name}.{name} {way}"] = "".join(cells)
        self.compare("fields for few", found)

    @mute_logger(*LOUD)
    def test_fields_written(self):
        """What may be written to the addon's fields on Odoo's own records."""
        samples = {
            "char": "sample", "text": "sample", "boolean": True, "float": 1.0,
            "monetary": 1.0, "integer": 1, "date": "2026-01-01",
            "datetime": "2026-01-01 00:00:00", "many2one": 1, "one2many": [[5]],
            "many2many": [[5]], "json": ["sample"], "html": "sample",
        }  # fmt: skip
        found = {}
        for name in ("account.move", "res.company", "res.partner"):
            model, record = self.env[name], self.records[name]
            for field_name, field in sorted(model._fields.items()):
                if field._module != "ropo_collection" or not field.store:
                    continue
                value = samples.get(field.type)
                if field.type == "selection":
                    value = field.get_values(self.env)[-1]
                found[f"{name}.{field_name}"] = self.row(
                    name, "write", record.ids, {field_name: value}
                )
        self.compare("fields written", found)

    # -- side doors ------------------------------------------------------------------
    @mute_logger(*LOUD)
    def test_windows_with_forged_ids(self):
        """Windows of another company's manager, filled with our records."""
        ours = [self.records["account.move"], self.records["ropo.assignment"].move_id]
        names = [name for move in ours for name in (move.name, move.partner_id.name)]
        tried = 0
        for model in self.registry_models:
            if not model._transient or not model._name.startswith("ropo."):
                continue
            values = {}
            for name, field in model._fields.items():
                record = self.records.get(field.comodel_name)
                if record and field.store and field.type == "many2one":
                    values[name] = record.id
                elif record and field.store and field.type == "many2many":
                    values[name] = [[6, 0, record.ids]]
            for user in ("outsider", "forger"):
                with self.subTest(model._name, user=user):
                    letter, told = self.call(user, model._name, "create", [values])
                    self.assertKept(told, *names)
                    if letter == "x":
                        # Without the right to read them, an id is all there is.
                        window = model.with_user(self.users[user]).create(values)
                        window.flush_recordset()
                        cell, told = self.call(
                            user, model._name, "read", window.ids, list(values)
                        )
                        self.assertKept(told, *names)
                        for button in methods(model, public=True):
                            cell, told = self.call(
                                user, model._name, button, window.ids
                            )
                            if (model._name, button) not in OPENS:
                                self.assertNotEqual(cell, "x", button)
                            self.assertKept(told, *names)
                    tried += 1
        self.assertGreater(tried, 10)

    @mute_logger(*LOUD)
    def test_secrets_by_way_of_other_records(self):
        """Fields reached through others: shown, searched, exported."""
        case = self.records["ropo.assignment"]
        ids = [("id", "in", case.ids)]
        for field, key in (
            ("company_id", "maventa_user_api_key"),
            ("partner_id", "ropo_personal_id"),
            ("payer_ids", "ssn"),
        ):
            for user in ("reader", "clerk", "manager"):
                with self.subTest(f"{field}.{key}", user=user):
                    for call in (
                        ("search", [*ids, (f"{field}.{key}", "=like", "%")]),
                        ("search", [*ids, (field, "any", [(key, "!=", False)])]),
                        ("export_data", case.ids, [f"{field}/{key}"]),
                        ("web_read", case.ids, {field: {"fields": {key: {}}}}),
                        ("mapped", case.ids, f"{field}.{key}"),
                        ("filtered_domain", case.ids, [(f"{field}.{key}", "!=", 0)]),
                        ("formatted_read_group", ids, [f"{field}.{key}"]),
                    ):
                        if call[0].endswith("group") and field == "payer_ids":
                            continue  # Odoo groups by nothing on the side of many
                        letter, told = self.call(user, case._name, *call)
                        self.assertKept(told, PERSONAL_ID, *KEYS.values())
                        self.assertEqual(letter, ".", call)

    @mute_logger(*LOUD)
    def test_downloads(self):
        """Binary routes and exports of a secret; what is attached to a case."""
        case = self.records["ropo.assignment"]
        attachment = (
            self.env["ir.attachment"]
            .sudo()
            .create(
                {
                    "name": "sample.txt",
                    "raw": b"attached",
                    "res_model": case._name,
                    "res_id": case.id,
                }
            )
        )
        self.env.flush_all()
        field = f"res.company/{self.company.id}/maventa_user_api_key"
        for user in USERS:
            with self.subTest(user=user):
                for path in (f"/web/content/{field}", f"/web/image/{field}"):
                    self.assertKept(self.get(user, path).text, *KEYS.values())
                found = self.get(user, f"/web/content/{attachment.id}")
                may = user in ("reader", "clerk", "manager")
                self.assertEqual("attached" in found.text, may)
                letter, told = self.call(
                    user, "ir.attachment", "search_read",
                    [("res_model", "=", case._name)], ["raw"],
                )  # fmt: skip
                self.assertEqual(bool(letter == "x" and told), may)

    @mute_logger(*LOUD)
    def test_chatter(self):
        case = self.records["ropo.assignment"]
        for user in USERS:
            with self.subTest(user=user):
                may = user in ("reader", "clerk", "manager")
                letter, told = self.call(
                    user, "mail.message", "search_read",
                    [("model", "=", case._name), ("res_id", "=", case.id)], ["body"],
                )  # fmt: skip
                self.assertEqual(bool(letter == "x" and told), may)
                self.assertKept(told, PERSONAL_ID, *KEYS.values())

    @mute_logger(*LOUD, "odoo.addons.mail.models.mail_render_mixin")
    def test_mail_templates(self):
        """A template is filled in with the rights of whoever uses it."""
        body = (
            '<p><t t-out="object.maventa_user_api_key"/></p>'
            '<p><t t-out="object.sudo().maventa_user_api_key"/></p>'
        )
        for user in ("employee", "clerk", "manager"):
            with self.subTest(user=user):
                mine = self.env(user=self.users[user])
                try:
                    with self.env.cr.savepoint():
                        template = mine["mail.template"].create(
                            {
                                "name": "Sample",
                                "model_id": self.env.ref("base.model_res_company").id,
                                "subject": "{{ object.maventa_user_api_key }}",
                                "body_html": body,
                                "email_to": "sample@example.com",
                            }
                        )
                        mail = (
                            mine["mail.mail"]
                            .sudo()
                            .browse(template.send_mail(self.company.id))
                        )
                        self.assertKept((mail.subject, mail.body_html), *KEYS.values())
                except (AccessError, UserError) as error:
                    self.assertKept(error, *KEYS.values())
