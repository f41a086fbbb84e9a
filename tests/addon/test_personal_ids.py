"""Personal numbers: used where the claim demands them, shown and kept nowhere else."""

import logging
from contextlib import contextmanager
from unittest.mock import patch

from lxml import etree

from odoo import Command
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import SQL

from odoo.addons.ropo_collection.maventa import sandbox

from .common import RopoCommon

ON_FILE, TYPED = "131052-308T", "131052Y308T"
TRADER = "880320-0016"
PLANTED = (ON_FILE, TYPED, TRADER, TRADER.replace("-", ""))
#: Where a number is kept: on the customer, and on the case as long as it is needed.
KEPT = {"res_partner", "ropo_assignment_payer"}
LOUD = ("odoo.addons.ropo_collection", "urllib3", "requests", "odoo.http")


class Lines(logging.Handler):
    """Everything that anything logs, as it would be written."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(self.format(record))


@tagged("post_install", "-at_install")
class TestPersonalIds(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls.new_user("clerk")
        cls.trusted = cls.new_user("trusted", "ropo_collection.group_personal_id")
        cls.consumer.sudo().ropo_personal_id = ON_FILE
        cls.consumer.ropo_receivables_type = "b2c_rental"
        cls.trader = cls.env["res.partner"].create(
            {
                "name": "Sample Trader",
                "street": "Samplestreet 1",
                "zip": "11122",
                "city": "Sample",
                "country_id": cls.env.ref("base.se").id,
                "company_registry": TRADER,
            }
        )

    @classmethod
    def new_user(cls, login, *groups):
        groups = (
            "base.group_user",
            "base.group_allow_export",
            "account.group_account_manager",
            *groups,
        )
        return new_test_user(
            cls.env,
            f"ropo_{login}",
            groups=",".join(groups),
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    @contextmanager
    def log(self):
        """The run's log lines; our own and those of HTTP at the finest level."""
        handler = Lines()
        root, loud = logging.getLogger(), [logging.getLogger(name) for name in LOUD]
        levels = [logger.level for logger in (root, *loud)]
        root.addHandler(handler)
        root.setLevel(min(root.level or logging.INFO, logging.INFO))
        for logger in loud:
            logger.setLevel(logging.DEBUG)
        try:
            yield handler.lines
        finally:
            root.removeHandler(handler)
            for logger, level in zip((root, *loud), levels, strict=True):
                logger.setLevel(level)

    def assertHidden(self, shown, why=None):
        found = [number for number in PLANTED if number in str(shown)]
        self.assertFalse(found, why)

    def details(self, move, user):
        move = move.with_user(user)
        wizard = move.env["ropo.transfer"].browse(move.action_ropo_transfer()["res_id"])
        wizard.line_ids.action_details()
        return wizard.line_ids

    def rental_line(self, user, **kwargs):
        line = self.details(self.invoice(partner=self.consumer, **kwargs), user)
        line.write(
            {"rental_address": "Samplestreet 2", "rental_contract_type": "continuous"}
        )
        return line

    def trader_line(self, user):
        """A Swedish debtor of this Finnish company; he lives abroad, so it is asked."""
        line = self.details(self.invoice(partner=self.trader), user)
        line.receivables_type = "b2b"
        line.wizard_id.confirm_warnings = True
        return line

    def all_flows(self):
        """From the window to Ropo, refusals and retries included; the cases."""
        typed = self.rental_line(self.trusted)
        with Form(typed) as form:
            with form.payer_ids.new() as payer:
                payer.name, payer.street = "Sample Second", "Samplestreet 3"
                payer.zip, payer.city = "00300", "Helsinki"
                payer.country_id = self.env.ref("base.fi")
                payer.ssn = TYPED
        lines = [typed, self.rental_line(self.clerk), self.trader_line(self.clerk)]
        for line in lines:
            self.assertIn(line.verdict, ("ready", "warning"), line.reasons)
            line.wizard_id.action_transfer()
        wizards = [line.wizard_id for line in lines]
        cases = self.env["ropo.assignment"].union(
            *(wizard.sudo().assignment_ids for wizard in wizards)
        )
        refusal = sandbox._invalid(f"payers: {ON_FILE}, {TYPED} and {TRADER} are wrong")
        with patch.object(sandbox, "_check_payer", side_effect=refusal):
            self.run_cron("transfer")
        self.assertEqual(set(cases.mapped("state")), {"error"})
        cases.with_user(self.clerk).action_retry()
        self.run_cron("transfer", "poll")
        self.assertEqual(set(cases.mapped("state")), {"sent"})
        return wizards, cases

    # -- everywhere -----------------------------------------------------------------
    def test_no_log_line_and_no_table(self):
        with self.log() as lines:
            _wizards, cases = self.all_flows()
            line = self.rental_line(self.trusted)
            line.payer_ids.ssn = "131052-308X"
            self.assertEqual(line.verdict, "blocked")
        self.assertTrue(
            any("POST" in line for line in lines), "the log was listened to"
        )
        self.assertHidden("\n".join(lines))
        self.assertNotIn("131052-308X", "\n".join(lines))
        bodies = [
            self.sandbox.case(case.maventa_invoice_id)["body"]["payers"]
            for case in cases
        ]
        for number in (ON_FILE, TYPED, TRADER):
            self.assertIn(number, str(bodies), "it was sent")
        self.env.flush_all()
        tables = self.env.execute_query(
            SQL(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
                "AND tablename NOT IN %s",
                tuple(KEPT),
            )
        )
        for (table,) in tables:
            for number in PLANTED:
                found = self.env.execute_query(
                    SQL(
                        "SELECT 1 FROM %s x WHERE x::text LIKE %s LIMIT 1",
                        SQL.identifier(table),
                        f"%{number}%",
                    )
                )
                self.assertFalse(found, table)

    def test_nothing_that_a_user_without_the_group_can_read(self):
        """Forms, lists, exports, names, chatter, the window itself."""
        wizards, cases = self.all_flows()
        lines = self.rental_line(self.clerk) | self.trader_line(self.clerk)
        clerk = self.env(user=self.clerk)
        everything = [
            cases,
            cases.payer_ids,
            cases.event_ids,
            cases.move_id,
            cases.message_ids,
            cases.move_id.message_ids,
            cases.activity_ids,
            lines,
            lines.payer_ids,
            lines.wizard_id,
            self.consumer,
        ]
        self.assertTrue(all(everything[:2]) and wizards)
        for records in everything:
            records = records.with_env(clerk)
            if "create_uid" in records._fields and records._transient:
                self.assertEqual(records.create_uid, self.clerk)
            names = [
                name
                for name, field in records._fields.items()
                if field.type not in ("binary", "properties")
                and (not field.relational or records._name.startswith("ropo."))
                and records._has_field_access(field, "read")
            ]
            self.assertHidden(records.read(names), records._name)
            self.assertHidden(records.mapped("display_name"), records._name)
            if records._name != "mail.message":
                # Odoo lets nobody but administrators export messages.
                self.assertHidden(records.export_data(names)["datas"], records._name)
        for records, name in (
            (cases.payer_ids, "ssn"),
            (lines.payer_ids, "ssn"),
            (self.consumer, "ropo_personal_id"),
        ):
            records = records.with_env(clerk)
            for read in (
                lambda r=records, n=name: r.read([n]),
                lambda r=records, n=name: r.export_data([n]),
                lambda r=records, n=name: r.search([(n, "like", "131052")]),
                lambda r=records, n=name: r.formatted_read_group([], [n]),
            ):
                with self.assertRaises(AccessError):
                    read()

    def test_masked_for_all_to_see(self):
        _wizards, cases = self.all_flows()
        masked = {payer.name: payer.ssn_masked for payer in cases.payer_ids}
        self.assertEqual(
            masked,
            {"Sample Consumer": "…8T", "Sample Second": "…8T", "Sample Trader": "…16"},
        )
        self.assertFalse(any(cases.payer_ids.mapped("bid")))

    def test_views_have_no_field_for_it(self):
        for model, names in (
            ("ropo.transfer.line", {"ssn"}),
            ("ropo.assignment", {"ssn"}),
            ("res.partner", {"ropo_personal_id"}),
        ):
            for user, shown in ((self.clerk, False), (self.trusted, True)):
                arch = self.env(user=user)[model].get_view(False, "form")["arch"]
                found = set(etree.fromstring(arch).xpath("//field/@name")) & names
                # A case shows the masked number to everybody.
                expected = names if shown and model != "ropo.assignment" else set()
                self.assertEqual(found, expected, (model, user.login))

    # -- what is said about it ----------------------------------------------------
    def test_refusals_do_not_repeat_it(self):
        line = self.rental_line(self.trusted)
        line.payer_ids.ssn = "131052-308X"
        self.assertIn("identity number is not valid", line.reasons)
        self.assertNotIn("308X", line.reasons)
        self.assertNotIn("308X", line.payer_ids.problems)
        with self.assertRaises(ValidationError) as refused:
            self.consumer.sudo().ropo_personal_id = "131052-308X"
        self.assertNotIn("308X", str(refused.exception))

    def test_a_refusal_of_the_server_is_kept_without_it(self):
        line = self.rental_line(self.clerk)
        line.wizard_id.action_transfer()
        case = line.wizard_id.sudo().assignment_ids
        refusal = sandbox._invalid(f"{ON_FILE} is not a person")
        with patch.object(sandbox, "_check_payer", side_effect=refusal):
            self.run_cron("transfer")
        self.assertEqual(case.state, "error")
        self.assertIn("is not a person", case.error_message)
        self.assertHidden(case.error_message)
        self.assertHidden(case.message_ids.mapped("body"))

    def test_a_personal_number_as_business_id_is_moved(self):
        """Who types it where everybody reads gets it moved where few do."""
        line = self.trader_line(self.clerk)
        self.trader.company_registry = False
        line.payer_ids.bid = TRADER
        line.wizard_id.action_transfer()
        payer = line.wizard_id.sudo().assignment_ids.payer_ids
        self.assertEqual((payer.bid, payer.ssn), (False, TRADER))
        self.env.flush_all()
        self.env.cr.execute("SELECT bid FROM ropo_transfer_payer")
        self.assertHidden(self.env.cr.fetchall())
