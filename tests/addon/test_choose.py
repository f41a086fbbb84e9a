"""Choosing: what a person looks at first, what is ready, all of one debtor."""

from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import Command, fields
from odoo.tests import Form, new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

from .common import RopoCommon


@tagged("post_install", "-at_install")
class TestChoose(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bank = cls.company_data["default_journal_bank"]

    def codes(self, move):
        verdict = move._ropo_verdicts()[move]
        return (
            [code for code, _text in verdict.blocks],
            [code for code, _text in verdict.warnings],
        )

    def texts(self, move):
        verdict = move._ropo_verdicts()[move]
        return " ".join(text for _code, text in verdict.blocks + verdict.warnings)

    def bank_line(self, days_ago, journal=None, **values):
        return self.env["account.bank.statement.line"].create(
            {
                "journal_id": (journal or self.bank).id,
                "date": fields.Date.today() - timedelta(days=days_ago),
                "payment_ref": "Sample",
                "amount": 1.0,
                **values,
            }
        )

    # -- the bank ----------
    def test_bank_that_has_not_been_read_lately(self):
        move = self.invoice()
        self.assertEqual(self.codes(move), ([], []), "no lines at all: no statements")
        old = self.bank_line(30)
        self.assertEqual(self.codes(move), ([], ["old_statement"]))
        self.assertIn("Import the bank statements first", self.texts(move))
        self.bank_line(8)
        self.assertEqual(self.codes(move), ([], ["old_statement"]))
        self.bank_line(7)
        self.assertEqual(self.codes(move), ([], []))
        self.assertTrue(old)

    def test_bank_account_that_the_invoice_names(self):
        """What another account has received says nothing about this one."""
        second = self.bank.copy({"code": "BNK9", "name": "Sample Second"})
        accounts = self.env["res.partner.bank"].create(
            [
                {"acc_number": number, "partner_id": self.company.partner_id.id}
                for number in ("FI2112345600000785", "FI1410093000123458")
            ]
        )
        self.bank.bank_account_id, second.bank_account_id = accounts
        self.bank_line(30)
        self.bank_line(0, second)
        move = self.invoice()
        move.partner_bank_id = accounts[0]
        self.assertEqual(self.codes(move), ([], ["old_statement"]))
        move.partner_bank_id = accounts[1]
        self.assertEqual(self.codes(move), ([], []))
        move.partner_bank_id = False
        self.assertEqual(self.codes(move), ([], []))
        second.active = False
        self.assertEqual(self.codes(move), ([], ["old_statement"]))

    def test_bank_of_the_company_above_counts_for_its_branch(self):
        branch = self.env["res.company"].create(
            {"name": "Sample Branch", "parent_id": self.company.id}
        )
        self.bank_line(30)
        move = self.invoice(at_maventa=False)
        move.button_draft()
        move.write({"company_id": branch.id, "name": False})
        move.action_post()
        self.assertEqual(move.company_id, branch)
        self.assertIn("old_statement", self.codes(move)[1])

    # -- the debt ----------
    def test_nearly_time_barred(self):
        today = fields.Date.today()
        for months, warned in ((32, []), (33, ["time_barred"]), (50, ["time_barred"])):
            with self.subTest(months):
                overdue = (today - (today - relativedelta(months=months))).days
                self.assertEqual(self.codes(self.invoice(overdue=overdue))[1], warned)
        self.assertIn("may be time-barred", self.texts(self.invoice(overdue=1500)))

    def test_estates_minors_and_insolvent_customers(self):
        contact = self.env["res.partner"].create(
            {"name": "Sample Contact", "parent_id": self.business.id}
        )
        move = self.invoice(partner=contact)
        for special, word in (
            ("estate", "estate"),
            ("minor", "minor"),
            ("insolvent", "insolvent"),
        ):
            for partner in (contact, self.business):
                with self.subTest(special, partner=partner.name):
                    partner.ropo_special = special
                    self.assertEqual(self.codes(move), ([], ["special"]))
                    self.assertIn(word, self.texts(move))
                    partner.ropo_special = False
        self.assertEqual(self.codes(move), ([], []))

    def test_invoice_of_interest_and_fees_alone(self):
        fee, goods = self.env["product.product"].create(
            [{"name": "Sample Fee"}, {"name": "Sample Goods"}]
        )
        self.company.ropo_fee_product_ids = fee
        moves = [self.invoice(partner=self.consumer) for _index in range(4)]
        for move, products in zip(
            moves, ((fee, fee), (fee, goods), (goods, goods), (fee, None)), strict=True
        ):
            move.button_draft()
            move.invoice_line_ids.product_id = products[0]
            move.invoice_line_ids.copy({"move_id": move.id})
            move.invoice_line_ids[1].product_id = products[1]
            move.action_post()
        verdicts = self.env["account.move"].union(*moves)._ropo_verdicts()
        blocked = [
            [code for code, _text in verdicts[move].blocks] == ["only_fees"]
            for move in moves
        ]
        self.assertEqual(blocked, [True, False, False, False])

    def test_online_payment_on_its_way(self):
        """Paid in the customer portal: the bank has not told yet."""
        self.assertIn("payment.transaction", self.env, "comes with account")
        provider = self.env["payment.provider"].create(
            {
                "name": "Sample Provider",
                "company_id": self.company.id,
                "state": "disabled",
            }
        )
        method = self.env["payment.method"].create(
            {"name": "Sample", "code": "sample", "active": False}
        )
        move = self.invoice()
        online = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": method.id,
                "reference": "Sample",
                "amount": 100.0,
                "currency_id": move.currency_id.id,
                "partner_id": move.partner_id.id,
                "invoice_ids": [Command.set(move.ids)],
            }
        )
        for state, blocks in (
            ("draft", []),
            ("pending", ["in_payment"]),
            ("authorized", ["in_payment"]),
            ("done", ["in_payment"]),
            ("cancel", []),
            ("error", []),
        ):
            with self.subTest(state):
                # By SQL: a provider may refuse some of them.
                self.env.flush_all()
                self.env.cr.execute(
                    "UPDATE payment_transaction SET state = %s WHERE id = %s",
                    (state, online.id),
                )
                self.env.invalidate_all()
                self.assertEqual(self.codes(move), (blocks, []))

    # -- the list ----------
    def ready(self):
        """What the menu Ready for Ropo lists, with what it shows of each."""
        action = self.env.ref("ropo_collection.account_move_action_ready")
        search = self.env.ref("ropo_collection.account_move_view_search")
        self.assertIn("search_default_ropo_ready", action.context)
        domain = search._get_combined_arch().xpath("//filter[@name='ropo_ready']")
        moves = self.env["account.move"].search(
            fields.Domain(safe_eval(domain[0].get("domain")))
            & fields.Domain("company_id", "=", self.company.id)
        )
        self.assertEqual(
            moves, self.env["account.move"].search(moves._ropo_ready_domain())
        )
        return moves

    def test_list_of_what_is_ready(self):
        ready = self.invoice(120.0, overdue=20)
        warned = self.invoice(partner=self.business.copy({"ropo_special": "minor"}))
        lacking = self.invoice(partner=self.business.copy({"street": False}))
        not_listed = self.invoice(overdue=3) | self.invoice(overdue=10)
        not_listed[1].partner_id.ropo_receivables_type = False
        early, excluded, disputed, paid, theirs, at_ropo, closed = (
            self.invoice(
                overdue=6 if index == 0 else 30,
                partner=self.business.copy() if index == 4 else None,
            )
            for index in range(7)
        )
        excluded.ropo_excluded = True
        disputed._ropo_take_dispute("Sample")
        self.pay(paid, 100.0)
        theirs.partner_id.ropo_excluded = True
        case = self.at_ropo(at_ropo)
        self.at_ropo(closed).sudo().state = "closed"
        self.assertTrue(case)
        listed = self.ready()
        self.assertEqual(listed, (ready | warned | lacking | not_listed[1]).sorted())
        self.assertNotIn(early, listed)
        shown = {
            move: (move.ropo_verdict, move.ropo_days_overdue, move.ropo_reasons)
            for move in listed
        }
        self.assertEqual(shown[ready], ("ready", 20, ""))
        self.assertEqual(shown[warned][:2], ("warning", 30))
        self.assertIn("minor", shown[warned][2])
        self.assertEqual(shown[lacking][0], "blocked")
        self.assertIn("street", shown[lacking][2])

    def test_list_costs_a_handful_of_queries_and_others_nothing(self):
        moves = self.env["account.move"]
        for index in range(12):
            moves |= self.invoice(partner=self.business.copy({"name": f"S {index}"}))
        view = self.env.ref("ropo_collection.account_move_view_list_ready")
        names = view._get_combined_arch().xpath("//field/@name")
        self.assertIn("ropo_reasons", names)

        def queries(some):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some.read(names)
            return self.env.cr.sql_log_count - before

        queries(moves[:2])
        self.assertLessEqual(queries(moves), queries(moves[:3]) + 1)
        reader = new_test_user(
            self.env,
            login="ropo_reader",
            groups="account.group_account_readonly",
            company_id=self.company.id,
        )
        for shown in moves.with_user(reader).read(names):
            self.assertEqual(shown["ropo_verdict"], "ready")
        ordinary = self.env.ref("account.view_out_invoice_tree")
        arch = ordinary._get_combined_arch()
        self.assertFalse(arch.xpath("//field[@name='ropo_reasons']"))

    # -- all invoices of a debtor ----------
    def test_all_invoices_of_the_customer_together(self):
        contact = self.env["res.partner"].create(
            {"name": "Sample Contact", "parent_id": self.business.id}
        )
        move, second, third = (
            self.invoice(),
            self.invoice(20.0, overdue=60),
            self.invoice(30.0, partner=contact),
        )
        self.invoice(partner=self.consumer)  # of somebody else
        self.invoice(overdue=1)  # too early
        excluded, at_ropo = self.invoice(), self.invoice()
        excluded.ropo_excluded = True
        self.at_ropo(at_ropo)
        action = move.action_ropo_transfer()
        wizard = self.env["ropo.transfer"].browse(action["res_id"])
        self.assertEqual(wizard.more_count, 2)
        action = wizard.action_add_more()
        self.assertEqual(action["res_id"], wizard.id)
        self.assertEqual(wizard.line_ids.move_id, move | second | third)
        self.assertEqual((wizard.ready_count, wizard.ready_amount), (3, 150.0))
        self.assertEqual(wizard.more_count, 0)
        wizard.action_transfer()
        self.assertEqual(wizard.assignment_ids.move_id, move | second | third)

    def test_nothing_more_of_the_customer(self):
        moves = self.invoice() | self.invoice()
        action = moves.action_ropo_transfer()
        self.assertEqual(
            self.env["ropo.transfer"].browse(action["res_id"]).more_count, 0
        )

    # -- a copy starts clean ----------
    def test_copy_of_an_invoice_starts_clean(self):
        move = self.invoice()
        self.at_ropo(move)
        move.write({"ropo_excluded": True})
        move._ropo_take_dispute("Sample")
        copy = move.copy({"invoice_date": fields.Date.today()})
        for name in (
            "maventa_invoice_id",
            "maventa_status",
            "ropo_assignment_id",
            "ropo_assignment_ids",
            "ropo_state",
            "ropo_excluded",
            "ropo_dispute_reason",
            "no_followup",
        ):
            self.assertFalse(copy[name], name)
        with Form(copy) as form:
            form.invoice_date_due = fields.Date.today() - timedelta(days=30)
        copy.action_post()
        self.at_maventa(copy)
        self.assertEqual(self.at_ropo(copy).move_id, copy)
