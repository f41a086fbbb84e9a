"""Going live: cases that are at Ropo already, and invoices with another collector."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.ropo_collection.maventa import wire

from ..samples import DEBTOR
from .common import KEYS, RopoCommon

LIST = "/v1/assignments"


@tagged("post_install", "-at_install")
class AdoptCommon(RopoCommon):
    """Cases that somebody else has handed over: by another program, in Ropo's pages."""

    def elsewhere(self, move, *, capital=None):
        """Ropo has this invoice, and Odoo does not know; the id at Maventa."""
        invoice_id = self.at_maventa(move)
        claim = wire.Transfer(
            collection_type="collection",
            receivables_type="b2b",
            summary="Sample",
            payers=(wire.Payer(**DEBTOR),),
            capital=str(move.amount_total if capital is None else capital),
        )
        with self.company._ropo_client() as client:
            client.transfer(invoice_id, claim)
        self.sandbox.case(invoice_id)
        return invoice_id

    def tell(self, invoice_id, kind, amount, date=None):
        """Somebody else tells Ropo of a payment or credit note."""
        remote = self.sandbox.case(invoice_id)["assignment_id"]
        date = date or fields.Date.today()
        with self.company._ropo_client() as client:
            if kind == "paid":
                client.report_paid(remote, amount, date)
            else:
                client.report_credit_note(remote, amount, date)

    def read(self):
        """Press *Read Ropo's list*, and let the scheduler work; what is listed."""
        self.env["ropo.adoption"].action_read_list()
        self.run_cron("poll", "poll")
        return self.env["ropo.adoption"].search([("state", "!=", "adopted")])

    def adopt(self, move):
        """Take the case of this invoice over."""
        rows = self.read()
        row = rows.filtered(lambda row: row.move_id == move)
        self.assertEqual(row.state, "matched", row.message)
        self.server.requests.clear()
        row.action_adopt()
        self.run_cron("poll")
        self.assertEqual(row.state, "adopted", row.message)
        self.assertNothingSent()
        return row.assignment_id

    def assertNothingSent(self):
        posts = [call for call in self.server.requests if call[0] == "POST"]
        self.assertFalse([call for call in posts if call[1] != "/oauth2/token"])

    def quiet(self, case):
        """Everything that is due happens; nothing more is told than before."""
        before = self.told(case)
        self.company.ropo_poll_started = False
        self.let_pass(case, hours=2)
        self.run_cron("transfer", "report", "poll", "report", "audit", "report")
        self.assertEqual(self.told(case), before)


@tagged("post_install", "-at_install")
class TestAdopt(AdoptCommon):
    def assertBegins(self, case, **values):
        expected = {
            "state": "sent",
            "needs_attention": False,
            "reported_paid": 0.0,
            "reported_credited": 0.0,
            "paid_to_ropo": 0.0,
            **values,
        }
        self.assertRecordValues(case, [expected])

    # -- where the case begins -----------------------------------------------
    def test_no_events(self):
        move = self.invoice()
        there = self.elsewhere(move)
        case = self.adopt(move)
        self.assertBegins(case, capital_amount=100.0, open_amount=100.0)
        self.assertFalse(case.baseline)
        self.assertEqual(case.maventa_invoice_id, there)
        self.assertEqual(move.ropo_assignment_id, case)
        self.assertTrue(move.no_followup)
        self.assertTrue(case.payer_ids.name)
        self.quiet(case)
        # From here on everything is as in any other case.
        self.pay(move, 40.0)
        self.run_cron("report")
        self.assertEqual(self.told(case), {"paid": [40.0], "credit_note": []})
        self.credit(move, 60.0)
        self.run_cron("report")
        self.assertEqual(self.told(case), {"paid": [40.0], "credit_note": [60.0]})
        self.assertEqual(case.open_amount, 0.0)
        self.assertEqual(self.hand_overs(case), (0, 1))

    def test_payment_that_ropo_was_told_of_before(self):
        move = self.invoice()
        there = self.elsewhere(move)
        day = fields.Date.today() - timedelta(days=3)
        self.pay(move, 40.0, date=day)
        self.tell(there, "paid", 40, day)
        case = self.adopt(move)
        self.assertBegins(
            case, capital_amount=100.0, reported_paid=40.0, open_amount=60.0
        )
        self.quiet(case)
        self.assertEqual(self.told(case)["paid"], [40.0])
        self.pay(move, 60.0)
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [40.0, 60.0])

    def test_told_before_and_undone_after(self):
        """Like any report that is not true any more: a person has to tell Ropo."""
        move = self.invoice()
        there = self.elsewhere(move)
        payment = self.pay(move, 40.0)
        self.tell(there, "paid", 40)
        case = self.adopt(move)
        payment.action_draft()
        payment.action_cancel()
        self.run_cron("report")
        self.assertEqual(case.excess_paid, 40.0)
        self.assertTrue(case.needs_attention)

    def test_part_paid_before_it_was_handed_over(self):
        move = self.invoice()
        payment = self.pay(move, 30.0, date=fields.Date.today() - timedelta(days=9))
        self.elsewhere(move, capital=70)
        case = self.adopt(move)
        self.assertBegins(case, capital_amount=70.0, open_amount=70.0)
        self.assertEqual(case.baseline, [[payment.move_id.id, "paid", 30.0]])
        self.quiet(case)
        self.assertEqual(self.told(case), {"paid": [], "credit_note": []})
        self.pay(move, 70.0)
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [70.0])

    def test_before_and_after_in_one(self):
        """The older payment is in the claim, the newer one is told already."""
        move = self.invoice()
        old = self.pay(move, 30.0, date=fields.Date.today() - timedelta(days=9))
        there = self.elsewhere(move, capital=70)
        day = fields.Date.today() - timedelta(days=20)
        self.pay(move, 20.0, date=day)
        self.tell(there, "paid", 20, day)
        case = self.adopt(move)
        self.assertEqual(case.baseline, [[old.move_id.id, "paid", 30.0]])
        self.assertBegins(
            case, capital_amount=70.0, reported_paid=20.0, open_amount=50.0
        )
        self.quiet(case)

    def test_paid_to_ropo(self):
        move = self.invoice()
        there = self.elsewhere(move)
        self.sandbox.debtor_pays(there, 50)
        case = self.adopt(move)
        self.assertBegins(
            case, capital_amount=100.0, paid_to_ropo=50.0, open_amount=50.0
        )
        self.assertEqual(case.to_come, 50.0)
        self.quiet(case)
        self.company.ropo_settlement_partner_id = self.env["res.partner"].create(
            {"name": "Sample Collector", "is_company": True}
        )
        self.pay(move, 50.0, journal_id=self.settlement_journal().id)
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [])
        self.assertEqual(case.to_come, 0.0)

    def settlement_journal(self):
        journal = self.company_data["default_journal_bank"].copy()
        self.company.ropo_settlement_journal_ids = journal
        return journal

    def test_paid_to_ropo_and_settled_before(self):
        move = self.invoice()
        there = self.elsewhere(move)
        self.sandbox.debtor_pays(there, 50)
        self.pay(move, 50.0, journal_id=self.settlement_journal().id)
        case = self.adopt(move)
        self.assertBegins(case, capital_amount=100.0, paid_to_ropo=50.0)
        self.assertEqual(case.to_come, 0.0)
        self.assertFalse(case.baseline)
        self.quiet(case)
        self.assertEqual(self.told(case)["paid"], [])

    def test_payment_that_ropo_does_not_know(self):
        """Ropo's figures add up without it, so it is told: once."""
        move = self.invoice()
        there = self.elsewhere(move)
        self.tell(there, "paid", 40)
        self.pay(move, 40.0)
        self.pay(move, 25.0)
        case = self.adopt(move)
        self.assertBegins(case, capital_amount=100.0, reported_paid=40.0)
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [40.0, 25.0])
        self.quiet(case)

    def test_credit_notes(self):
        move = self.invoice()
        there = self.elsewhere(move)
        self.credit(move, 20.0)
        self.credit(move, 5.0)
        self.tell(there, "credit_note", 20, fields.Date.today() - timedelta(days=2))
        case = self.adopt(move)
        self.assertBegins(case, capital_amount=100.0, reported_credited=20.0)
        self.run_cron("report")
        self.assertEqual(self.told(case)["credit_note"], [20.0, 5.0])
        self.quiet(case)

    # -- what nobody can tell ------------------------------------------------------
    def test_one_sum_told_for_two_payments(self):
        move = self.invoice()
        there = self.elsewhere(move)
        self.pay(move, 30.0)
        self.pay(move, 40.0)
        self.tell(there, "paid", 70)
        case = self.adopt(move)
        self.run_cron("report")
        questions = case.event_ids.filtered(lambda event: event.state == "decision")
        self.assertEqual(sorted(questions.mapped("amount")), [30.0, 40.0])
        self.assertEqual(set(questions.mapped("decision")), {"adopted"})
        self.assertTrue(case.needs_attention)
        self.assertIn("before the case was taken over", case.attention_reason)
        self.quiet(case)
        questions.action_answer_known()
        self.run_cron("report")
        self.assertFalse(case.needs_attention, case.attention_reason)
        self.assertRecordValues(
            case,
            [{"reported_paid": 70.0, "paid_to_ropo": 0.0, "open_amount": 30.0}],
        )
        self.quiet(case)
        self.assertEqual(self.told(case)["paid"], [70.0])
        self.pay(move, 30.0)
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [70.0, 30.0])

    def test_same_sum_on_another_day(self):
        """To Ropo, or to us and told with another date? Either way: a person."""
        for answer, values in (
            ("known", {"reported_paid": 40.0, "paid_to_ropo": 0.0}),
            ("settlement", {"reported_paid": 0.0, "paid_to_ropo": 40.0}),
            ("paid", {"reported_paid": 40.0, "paid_to_ropo": 40.0}),
        ):
            with self.subTest(answer):
                move = self.invoice()
                there = self.elsewhere(move)
                self.pay(move, 40.0, date=fields.Date.today() - timedelta(days=9))
                self.sandbox.debtor_pays(there, 40)
                case = self.adopt(move)
                self.run_cron("report")
                question = case.event_ids.filtered(lambda ev: ev.state == "decision")
                self.assertEqual(question.decision, "adopted")
                self.quiet(case)
                getattr(question, f"action_answer_{answer}")()
                self.run_cron("report")
                self.assertRecordValues(case, [values])
                told = [40.0] if answer == "paid" else []
                self.assertEqual(self.told(case)["paid"], told)
                self.quiet(case)

    def test_figures_that_do_not_add_up(self):
        """Ropo has less open than it lists reasons for: it may know of the payment."""
        move = self.invoice()
        there = self.elsewhere(move)
        payment = self.pay(move, 25.0)
        with self.sandbox.transaction() as state:
            state["cases"][there]["told_paid"] = "25"
        case = self.adopt(move)
        self.run_cron("report")
        question = case.event_ids.filtered(lambda event: event.state == "decision")
        self.assertEqual(question.counterpart_move_id, payment.move_id)
        question.action_answer_known()
        self.run_cron("report")
        self.assertEqual(case.open_amount, 75.0)
        self.assertFalse(case.needs_attention, case.attention_reason)
        self.quiet(case)
        self.assertEqual(self.told(case)["paid"], [])

    def test_credit_that_ropo_may_know(self):
        for answer, told in (("known", []), ("credit_note", [25.0])):
            with self.subTest(answer):
                move = self.invoice()
                there = self.elsewhere(move)
                self.credit(move, 25.0)
                # Ropo has less open than it lists reasons for.
                lowered = {"known": "25", "credit_note": "5"}[answer]
                with self.sandbox.transaction() as state:
                    state["cases"][there]["connected"] = lowered
                case = self.adopt(move)
                self.run_cron("report")
                question = case.event_ids.filtered(lambda ev: ev.state == "decision")
                self.assertEqual(question.decision, "adopted_credit")
                if answer == "known":
                    question.action_answer_known()
                else:
                    action = question.action_answer_credit_note()
                    window = self.env["ropo.reason"].browse(action["res_id"])
                    window.reason = "Sample"
                    window.action_confirm()
                self.run_cron("report")
                self.assertEqual(self.told(case)["credit_note"], told)
                self.assertEqual(case.reported_credited, 25.0)
                self.quiet(case)

    def test_set_off_that_ropo_may_know(self):
        """An entry that is neither payment nor credit note, told by others as paid."""
        move = self.invoice()
        there = self.elsewhere(move)
        account = self.company_data["default_account_revenue"]
        receivable = move.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        entry = self.env["account.move"].create(
            {
                "line_ids": [
                    fields.Command.create({"account_id": account.id, "debit": 15.0}),
                    fields.Command.create(
                        {
                            "account_id": receivable.account_id.id,
                            "partner_id": self.business.id,
                            "credit": 15.0,
                        }
                    ),
                ]
            }
        )
        entry.action_post()
        (entry.line_ids[1] | receivable).reconcile()
        self.tell(there, "paid", 15)
        case = self.adopt(move)
        self.run_cron("report")
        question = case.event_ids.filtered(lambda event: event.state == "decision")
        self.assertEqual(question.decision, "adopted_misc")
        question.action_answer_known()
        self.run_cron("report")
        self.assertRecordValues(
            case,
            [{"reported_paid": 15.0, "paid_to_ropo": 0.0, "needs_attention": False}],
        )
        self.quiet(case)
        self.assertEqual(self.told(case)["paid"], [15.0])

    def test_more_is_open_here_than_ropo_claims(self):
        move = self.invoice()
        self.elsewhere(move, capital=70)
        case = self.adopt(move)
        self.run_cron("report")
        self.assertEqual(case.capital_amount, 70.0)
        self.assertEqual(case.excess_back, 30.0)
        self.assertTrue(case.needs_attention)
        self.quiet(case)

    # -- which invoice it is -----------------------------------------------------------
    def test_matched_by_number_and_by_link(self):
        linked, numbered = self.invoice(), self.invoice()
        linked.maventa_invoice_id = self.elsewhere(linked)
        self.elsewhere(numbered)
        rows = self.read()
        self.assertEqual(rows.move_id, linked | numbered)
        self.assertEqual(set(rows.mapped("state")), {"matched"})
        looks = [call for call in self.server.requests
                 if call[1].startswith("/v1/invoices/")]  # fmt: skip
        self.assertEqual(len([call for call in looks if call[0] == "GET"]), 1)

    def test_what_does_not_agree_is_not_proposed(self):
        move, gone = self.invoice(), self.invoice()
        self.elsewhere(move)
        self.at_maventa(move, total="99.00")
        self.elsewhere(gone)
        self.at_maventa(gone, date="2020-02-02")
        gone.button_draft()
        rows = self.read()
        self.assertFalse(rows.move_id)
        self.assertEqual(set(rows.mapped("state")), {"unmatched"})
        said = " ".join(rows.mapped("message"))
        self.assertIn("the total differs", said)
        self.assertIn("no posted invoice", said)
        with self.assertRaisesRegex(UserError, "have an invoice"):
            rows.action_adopt()
        # Somebody knows better.
        row = rows.filtered(lambda row: row.number == move.name)
        row.with_user(self.env.user).move_id = move
        row.action_adopt()
        self.run_cron("poll")
        self.assertEqual(row.assignment_id.move_id, move, row.message)

    def test_known_and_closed_cases_are_not_listed(self):
        known = self.at_ropo()
        closed = self.invoice()
        self.sandbox.close(self.elsewhere(closed))
        taken = self.invoice()
        self.elsewhere(taken)
        case = self.adopt(taken)
        self.assertFalse(self.read())
        self.assertEqual(len((known | case).exists()), 2)

    def test_another_case_of_an_invoice_whose_case_was_closed(self):
        closed = self.at_ropo()
        closed.sudo().write({"state": "closed", "external_id": "sample"})
        case = self.adopt(closed.move_id)
        self.assertEqual(case.state, "sent")
        self.assertEqual(closed.move_id.ropo_assignment_id, case)

    def test_claim_larger_than_the_invoice(self):
        move = self.invoice()
        self.elsewhere(move, capital=120)
        row = self.read()
        self.assertIn("larger than the invoice", row.message)
        row.action_adopt()
        self.run_cron("poll")
        self.assertEqual(row.state, "matched")
        self.assertFalse(move.ropo_assignment_ids)

    def test_invoice_in_another_currency(self):
        move = self.invoice()
        self.elsewhere(move)
        row = self.read()
        other = self.env.ref("base.SEK")
        other.active = True
        foreign = move.copy(
            {"currency_id": other.id, "invoice_date": move.invoice_date}
        )
        foreign.action_post()
        row.with_user(self.env.user).move_id = foreign
        self.assertIn("is in SEK", row.message)
        row.action_adopt()
        self.run_cron("poll")
        self.assertFalse(foreign.ropo_assignment_ids)

    def test_invoice_with_a_case_here(self):
        move = self.invoice()
        waiting = self.transfer(move)
        self.elsewhere(move)
        row = self.read()
        self.assertIn("Cancel that first", row.message)
        row.action_adopt()
        self.run_cron("poll")
        self.assertIn("Cancel that first", row.message)
        self.assertEqual(move.ropo_assignment_ids, waiting)
        waiting.action_cancel()
        row.action_adopt()
        self.run_cron("poll")
        self.assertEqual(row.state, "adopted")

    def test_what_is_at_ropo_is_not_handed_over_again(self):
        move = self.invoice()
        self.elsewhere(move)
        self.read()
        blocks = dict(move._ropo_verdicts()[move].blocks)
        self.assertIn("Ropo has this invoice already", blocks["at_ropo"])
        with self.assertRaisesRegex(UserError, "has this invoice already"):
            self.transfer(move)

    # -- the reading ------------------------------------------------------------------
    def test_events_since_the_list_was_read_count(self):
        move = self.invoice()
        there = self.elsewhere(move)
        row = self.read()
        self.sandbox.debtor_pays(there, 30)
        row.action_adopt()
        self.run_cron("poll")
        self.assertEqual(row.assignment_id.paid_to_ropo, 30.0)

    def test_closed_since_the_list_was_read(self):
        move = self.invoice()
        there = self.elsewhere(move)
        row = self.read()
        self.sandbox.close(there)
        row.action_adopt()
        self.run_cron("poll")
        self.assertIn("closed this case meanwhile", row.message)
        self.assertFalse(move.ropo_assignment_ids)
        self.assertFalse(self.read(), "it is not in the list of open cases any more")

    def test_list_of_several_pages(self):
        self.sandbox.per_page_cap = 2
        moves = self.env["account.move"]
        for _number in range(7):
            moves |= self.invoice()
        for move in moves:
            self.elsewhere(move)
        rows = self.read()
        self.assertEqual(rows.move_id, moves)
        self.assertTrue(self.company.ropo_adopt_read)
        self.assertFalse(self.company.ropo_adopt_page)
        rows.action_adopt()
        self.run_cron("poll")
        self.assertEqual(set(rows.mapped("state")), {"adopted"})
        self.assertEqual(len(moves.ropo_assignment_ids), 7)
        # Read twice, adopted once.
        self.assertFalse(self.read())

    def test_nothing_is_read_unless_asked(self):
        self.elsewhere(self.invoice())
        self.server.requests.clear()
        self.run_cron("poll")
        self.assertFalse(self.env["ropo.adoption"].search([]))
        self.assertFalse(self.server.requests)

    def test_answers_that_get_lost(self):
        move = self.invoice()
        self.elsewhere(move)
        self.faults.next("GET", LIST, "status:503", times=2)
        self.assertFalse(self.read())
        self.assertEqual(self.company.ropo_adopt_page, 1)
        self.faults.next("GET", "/v1/invoices/", "status:500")
        self.run_cron("poll")
        row = self.env["ropo.adoption"].search([])
        self.assertEqual(row.state, "looking")
        self.let_pass(row, hours=1)
        self.run_cron("poll")
        self.assertEqual(row.state, "matched")
        self.faults.next("GET", LIST, "cut_after", times=3)
        row.action_adopt()
        self.run_cron("poll")
        self.assertEqual(row.state, "confirmed")
        self.assertTrue(row.message)
        self.let_pass(row, hours=1)
        self.run_cron("poll")
        self.assertEqual(row.state, "adopted", row.message)

    @mute_logger("odoo.addons.ropo_collection.models.res_company")
    def test_account_in_trouble(self):
        self.elsewhere(self.invoice())
        self.faults.next("GET", LIST, "status:401", times=2)
        self.assertFalse(self.read())
        self.assertTrue(self.company.ropo_trouble)
        self.let_pass(self.company, hours=2)
        self.run_cron("poll", "poll")
        self.assertEqual(self.env["ropo.adoption"].search([]).state, "matched")

    # -- who may --------------------------------------------------------------------
    def new_user(self, login, groups):
        return new_test_user(
            self.env,
            f"ropo_adopt_{login}",
            groups=f"base.group_user,{groups}",
            company_id=self.company.id,
            company_ids=[fields.Command.set(self.company.ids)],
        )

    def test_rights(self):
        move = self.invoice()
        self.elsewhere(move)
        row = self.read()
        clerk = self.new_user("clerk", "account.group_account_invoice")
        with self.assertRaises(AccessError):
            row.with_user(clerk).action_adopt()
        with self.assertRaises(AccessError):
            self.env["ropo.adoption"].with_user(clerk).action_read_list()
        with self.assertRaises(AccessError):
            row.with_user(clerk).read(["external_id"])
        manager = self.new_user("manager", "account.group_account_manager")
        with self.assertRaises(AccessError):
            row.with_user(manager).write({"state": "adopted"})
        as_manager = row.with_user(manager)
        self.assertTrue(as_manager.get_views([(False, "list"), (False, "search")]))
        as_manager.action_adopt()
        self.run_cron("poll")
        case = row.assignment_id
        self.assertEqual(as_manager.action_view_assignment()["res_id"], case.id)
        self.assertEqual(case.requested_by_id, manager)
        self.assertEqual(case.environment, "test")
        self.assertEqual(case.sudo().maventa_company_uuid, KEYS["maventa_company_uuid"])
        said = " ".join(case.message_ids.mapped("body"))
        self.assertIn("Taken over", said)
        self.assertIn("Nothing was handed over", said)


@tagged("post_install", "-at_install")
class TestOtherCollector(RopoCommon):
    def mark(self, moves, reason="Sample Agency, since spring"):
        action = moves.action_ropo_other_collector()
        wizard = self.env["ropo.other.collector"].browse(action["res_id"])
        wizard.reason = reason
        wizard.action_confirm()
        return wizard

    def test_marked_with_a_reason(self):
        moves = self.invoice() | self.invoice()
        with self.assertRaisesRegex(UserError, "reason"):
            self.mark(moves, " ")
        self.mark(moves)
        for move in moves:
            self.assertTrue(move.ropo_other_collector)
            self.assertIn("Sample Agency", move.message_ids[0].body)
            blocks = dict(move._ropo_verdicts()[move].blocks)
            self.assertIn("another collector", blocks["other_collector"])
        with self.assertRaisesRegex(UserError, "another collector"):
            self.transfer(moves)
        self.assertFalse(moves[0].copy().ropo_other_collector)
        found = moves.search([("ropo_other_collector", "=", True)])
        self.assertEqual(found, moves)
        wizard = self.mark(moves[0], "Sample Agency gave up")
        self.assertTrue(wizard.comes_back)
        self.assertFalse(moves[0].ropo_other_collector)
        self.assertTrue(self.transfer(moves[0]))

    def test_marked_while_it_waits_to_be_sent(self):
        move = self.invoice()
        case = self.transfer(move)
        self.mark(move)
        self.run_cron("transfer")
        self.assertEqual(case.state, "error")
        self.assertIn("another collector", case.error_message)

    def test_not_what_ropo_has(self):
        move = self.at_ropo().move_id
        with self.assertRaisesRegex(UserError, "is at Ropo already"):
            self.mark(move)
