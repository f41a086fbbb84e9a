"""What invoice, credit note, payment and customer say of Ropo, and to whom."""

from datetime import timedelta

from lxml import etree

from odoo import fields
from odoo.tests import Form, new_test_user, tagged

from .ledger import LedgerCommon


@tagged("post_install", "-at_install")
class TestScreensInvoice(LedgerCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk, cls.reader, cls.seller = (
            new_test_user(
                cls.env,
                f"ropo_screens_{name}",
                groups=f"base.group_user,{group}",
                company_id=cls.company.id,
                company_ids=[fields.Command.set(cls.company.ids)],
            )
            for name, group in (
                ("clerk", "account.group_account_invoice"),
                ("reader", "account.group_account_readonly"),
                ("seller", "base.group_user"),
            )
        )

    def alerts(self, record, user=None):
        self.env.invalidate_all()
        name = "ropo_alerts" if record._name == "account.payment" else "alerts"
        found = record.with_user(user or self.clerk)[name] or {}
        return {key: found[key] for key in found if key.startswith("ropo_")}

    def assertSays(self, alert, *texts, level="info"):
        self.assertEqual(alert["level"], level, alert["message"])
        for text in texts:
            self.assertIn(text, alert["message"])

    def opened(self, alert):
        """The records that the alert's link opens."""
        action = alert["action"]
        if action.get("res_id"):
            return self.env[action["res_model"]].browse(action["res_id"])
        return self.env[action["res_model"]].search(action["domain"])

    # -- the invoice ----------
    def test_invoice_says_what_is_at_ropo_and_how_much(self):
        move = self.invoice()
        self.assertEqual(self.alerts(move), {})
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.run_cron("report")
        for user in (self.clerk, self.reader):
            alert = self.alerts(move, user)["ropo_at_ropo"]
            self.assertSays(alert, "At Ropo since", "60.00", "100.00")
            self.assertEqual(self.opened(alert), case)
        case.sudo().collection_status = "debt_collection"
        alert = self.alerts(move)["ropo_at_ropo"]
        self.assertSays(alert, ": Debt collection. ")
        case.sudo().state = "closed"
        self.assertEqual(self.alerts(move), {})

    def test_invoice_on_its_way_does_not_claim_to_be_at_ropo(self):
        move = self.invoice()
        case = self.transfer(move)
        self.assertEqual(self.alerts(move), {}, "queued: it can still be undone")
        case.sudo().state = "unknown"
        self.assertSays(self.alerts(move)["ropo_at_ropo"], "On its way", "100.00")

    def test_what_needs_a_person_comes_with_its_reason(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.match(move, self.entry(20.0))
        self.run_cron("report")
        alert = self.alerts(move)["ropo_attention"]
        self.assertSays(alert, "neither a payment", level="warning")
        self.assertEqual(self.opened(alert), case)

    def test_nothing_shows_to_others_or_where_ropo_is_off(self):
        move = self.invoice()
        case = self.at_ropo(move)
        case.sudo().write({"needs_attention": True, "attention_reason": "Sample"})
        payment = self.pay(move, 40.0)
        move.ropo_dispute_reason = "Sample"
        note = self.credit(move, 10.0)
        self.assertEqual(
            set(self.alerts(move)), {"ropo_attention", "ropo_at_ropo", "ropo_disputed"}
        )
        self.assertTrue(self.alerts(payment) and self.alerts(note))
        for record in (move, note):
            seen = record.sudo().with_user(self.seller).sudo()
            seen.invalidate_recordset()
            self.assertNotIn("ropo", str(seen._get_alerts()))
        self.company.ropo_environment = "off"
        for record in (move, note, payment):
            self.assertEqual(self.alerts(record), {}, record)
        partner = self.business.with_user(self.clerk)
        self.assertFalse(partner.ropo_live_count or partner.ropo_open_amount)
        draft = move.copy()
        self.assertEqual(self.alerts(draft), {})
        alerts = self.sending_alerts(move)
        self.assertNotIn("ropo_at_ropo", alerts)

    def test_list_shows_what_it_has_room_for(self):
        view = self.env.ref("account.view_out_invoice_tree").id
        moves = self.env["account.move"].with_user(self.clerk)
        arch = etree.fromstring(moves.get_view(view, "list")["arch"])
        columns = {node.get("name"): node for node in arch.xpath("//field")}
        for name in (
            "ropo_state",
            "ropo_attention_reason",
            "ropo_open_amount",
            "ropo_collection_status",
            "ropo_eligible_from",
        ):
            self.assertTrue(columns[name].get("optional"), name)
        self.assertIn(
            "ropo_needs_attention", columns["ropo_state"].get("decoration-warning")
        )
        search = etree.fromstring(
            moves.get_view(
                self.env.ref("account.view_account_invoice_filter").id, "search"
            )["arch"]
        )
        names = set(search.xpath("//filter/@name"))
        self.assertLessEqual(
            {"ropo_ready", "ropo_at_ropo", "ropo_attention", "ropo_group_stage"}, names
        )

    # -- sending it again ----------
    def sending_alerts(self, *moves):
        moves = self.env["account.move"].union(*moves)
        model = (
            "account.move.send.wizard"
            if len(moves) == 1
            else "account.move.send.batch.wizard"
        )
        self.business.email = "sample@example.com"
        wizard = (
            self.env[model]
            .with_user(self.clerk)
            .with_context(active_model="account.move", active_ids=moves.ids)
            .create({"move_id": moves.id} if len(moves) == 1 else {})
        )
        return wizard.alerts or {}

    def test_sending_what_is_at_ropo_warns(self):
        move, other = self.invoice(), self.invoice(50.0)
        self.assertNotIn("ropo_at_ropo", self.sending_alerts(move))
        case = self.at_ropo(move)
        for alerts in (self.sending_alerts(move), self.sending_alerts(move, other)):
            alert = alerts["ropo_at_ropo"]
            self.assertSays(alert, move.name, "your own account", level="warning")
            self.assertNotIn(other.name, alert["message"])
            self.assertEqual(self.opened(alert), case)

    # -- the credit note ----------
    def test_credit_note_says_what_it_did(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.company.ropo_report_delay = 15
        note = self.credit(move, 30.0)
        self.assertSays(self.alerts(note)["ropo_told"], move.name, "will be reported")
        self.run_cron("report")
        self.assertSays(self.alerts(note)["ropo_told"], "30.00", "waits to be reported")
        case.event_ids.filtered(lambda event: event.state == "queued").action_retry()
        self.run_cron("report")
        self.assertTold(case, [], [30.0])
        for user in (self.clerk, self.reader):
            alert = self.alerts(note, user)["ropo_told"]
            self.assertSays(alert, move.name, "30.00", "credited on", "Told on")
            self.assertEqual(self.opened(alert), case)

    def test_credit_note_that_is_not_matched_says_so(self):
        move = self.invoice()
        case = self.at_ropo(move)
        note = self.credit(move, 30.0)
        self.run_cron("report")
        self.assertNotIn("ropo_credit_note", self.alerts(note))
        self.unmatch(note)
        self.run_cron("report")
        alerts = self.alerts(note)
        self.assertSays(
            alerts["ropo_credit_note"], "30.00", "not matched", level="warning"
        )
        self.assertSays(
            alerts["ropo_told"], "30.00", "not matched any more", level="warning"
        )
        self.assertEqual(self.opened(alerts["ropo_told"]), case)

    def test_question_about_a_credit_note_is_put_on_it(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.run_cron("report")
        note = self.credit(move)
        self.run_cron("report")
        alert = self.alerts(note)["ropo_told"]
        self.assertSays(alert, "waits for a decision", "part of it", level="warning")
        self.answer(self.question(case), "keep")
        self.run_cron("report")
        alert = self.alerts(note)["ropo_told"]
        self.assertSays(alert, "is not reported", self.env.user.name)

    # -- the payment ----------
    def test_payment_says_what_was_reported_and_when(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertSays(self.alerts(payment)["ropo_told"], "will be reported")
        self.run_cron("report")
        alert = self.alerts(payment)["ropo_told"]
        self.assertSays(alert, move.name, "40.00", "as paid on", "Told on")
        self.assertEqual(self.opened(alert), case)
        self.assertEqual(len(alert["message"].splitlines()), 1)

    def test_payment_before_the_transfer_says_so(self):
        move = self.invoice()
        payment = self.pay(move, 40.0)
        self.assertEqual(self.alerts(payment), {})
        self.at_ropo(move)
        alert = self.alerts(payment)["ropo_told"]
        self.assertSays(alert, "40.00", "before the transfer")

    def test_one_payment_of_two_invoices_says_both(self):
        one, two, free = self.invoice(), self.invoice(50.0), self.invoice(25.0)
        cases = self.at_ropo(one) | self.at_ropo(two)
        payment = self.pay(one | two | free, 175.0, group_payment=True)
        self.run_cron("report")
        alert = self.alerts(payment)["ropo_told"]
        self.assertSays(alert, one.name, two.name, "100.00", "50.00")
        self.assertNotIn(free.name, alert["message"])
        self.assertEqual(self.opened(alert), cases)

    def test_money_from_ropo_is_not_reported_and_says_so(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.company.ropo_settlement_partner_id = self.ropo
        self.sandbox.debtor_pays(case.maventa_invoice_id, 60.0)
        self.look(case)
        line = self.bank_line(60.0, partner=self.ropo)
        self.match(move, line.move_id)
        self.run_cron("report")
        alert = self.alerts(line.move_id)["ropo_told"]
        self.assertSays(alert, "60.00", "came from Ropo")

    def test_loss_and_payment_in_one_entry(self):
        move = self.invoice()
        self.at_ropo(move)
        payment = self.pay(
            move,
            95.0,
            payment_difference_handling="reconcile",
            writeoff_account_id=self.loss.id,
        )
        self.run_cron("report")
        alert = self.alerts(payment)["ropo_told"]
        self.assertSays(alert, "95.00", "as paid on", "5.00", "your loss")

    def test_refused_report_shows_on_the_payment(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.run_cron("report")
        case.sudo().event_ids.filtered(lambda event: event.direction == "out").write(
            {"state": "error", "error_message": "Sample reason"}
        )
        alert = self.alerts(payment)["ropo_told"]
        self.assertSays(alert, "refused", "Sample reason", level="warning")

    def test_entry_that_is_no_payment_says_that_it_is_asked_about(self):
        move = self.invoice()
        case = self.at_ropo(move)
        entry = self.entry(20.0)
        self.assertEqual(self.alerts(entry), {})
        self.match(move, entry)
        alert = self.alerts(entry)["ropo_told"]
        self.assertSays(alert, "you will be asked", "20.00")
        self.run_cron("report")
        alert = self.alerts(entry)["ropo_told"]
        self.assertSays(alert, "waits for a decision", level="warning")
        self.assertEqual(self.opened(alert), case)

    def test_exchange_difference_has_nothing_to_say(self):
        move = self.invoice()
        self.at_ropo(move)
        self.pay(move, 40.0)
        partial = self.env["account.partial.reconcile"].search(
            [("debit_move_id", "in", move.line_ids.ids)]
        )
        exchange = self.entry(1.0)
        self.match(move, exchange)
        self.assertTrue(self.alerts(exchange))
        partial.exchange_move_id = exchange
        self.assertEqual(self.alerts(exchange), {})

    def test_payment_that_stands_in_for_another_needs_no_report(self):
        move = self.invoice()
        case = self.at_ropo(move)
        first = self.pay(move, 40.0)
        self.run_cron("report")
        self.unmatch(first.move_id)
        second = self.pay(move, 40.0)
        self.run_cron("report")
        self.assertTold(case, [40.0])
        alert = self.alerts(first)["ropo_told"]
        self.assertSays(alert, "as paid on", "not matched any more")
        alert = self.alerts(second)["ropo_told"]
        self.assertSays(alert, "nothing is to be reported of", "40.00")

    def test_payment_of_a_closed_case_is_not_reported(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.close(case.external_id, "Sample")
        self.look(case)
        self.assertEqual(case.state, "closed")
        payment = self.pay(move, 40.0)
        self.run_cron("report")
        alert = self.alerts(payment)["ropo_told"]
        self.assertSays(alert, "40.00", "Ropo has closed")

    def test_payment_of_the_future_waits(self):
        move = self.invoice()
        self.at_ropo(move)
        payment = self.pay(move, 40.0, date=fields.Date.today() + timedelta(days=3))
        self.run_cron("report")
        self.assertSays(self.alerts(payment)["ropo_told"], "its date has come")

    def test_unmatched_payment_of_a_debtor_warns(self):
        case = self.at_ropo()
        payment = self.loose_payment(15.0)
        alert = self.alerts(payment)["ropo_unmatched"]
        self.assertSays(alert, "only once", level="warning")
        self.assertEqual(self.opened(alert), case)
        self.match(case.move_id, payment.move_id)
        self.assertNotIn("ropo_unmatched", self.alerts(payment))
        case.sudo().state = "closed"
        self.assertEqual(self.alerts(self.loose_payment(1.0)), {})

    def test_payment_without_an_entry_waits_for_its_bank_line(self):
        move = self.invoice()
        self.at_ropo(move)
        payment = self.env["account.payment"].create(
            {
                "amount": 100.0,
                "partner_id": self.business.id,
                "journal_id": self.bank.id,
                "invoice_ids": [fields.Command.set(move.ids)],
            }
        )
        payment.outstanding_account_id = False
        payment.action_post()
        self.assertFalse(payment.move_id)
        self.assertSays(self.alerts(payment)["ropo_unmatched"], "its bank line")
        line = self.bank_line(100.0, partner=self.business)
        self.match(move, line.move_id)
        self.assertEqual(self.alerts(payment), {})
        self.run_cron("report")
        alert = self.alerts(line.move_id)["ropo_told"]
        self.assertSays(alert, move.name, "100.00", "as paid on")

    def test_payments_are_told_in_bulk(self):
        moves = [self.invoice(amount) for amount in (10.0, 20.0, 30.0)]
        for move in moves:
            self.at_ropo(move)
        payments = self.env["account.payment"].union(
            *(self.pay(move, 5.0) for move in moves)
        )
        self.run_cron("report")

        def queries(records):
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertTrue(all(records.mapped("ropo_alerts")))
            return self.env.cr.sql_log_count - before

        queries(payments)
        self.assertLessEqual(queries(payments) - queries(payments[0]), 6)

    # -- the customer ----------
    def test_customer_shows_cases_and_sum_of_the_whole_concern(self):
        contact = self.env["res.partner"].create(
            {"name": "Sample contact", "parent_id": self.business.id}
        )
        cases = self.at_ropo() | self.at_ropo(self.invoice(50.0, partner=contact))
        self.transfer(self.invoice(7.0))
        self.pay(cases[0].move_id, 40.0)
        self.run_cron("report")
        self.env.invalidate_all()
        for user in (self.clerk, self.reader):
            for partner in self.business | contact:
                seen = partner.with_user(user)
                self.assertEqual(seen.ropo_live_count, 2)
                action = seen.action_ropo_view_live()
                self.assertEqual(action["res_model"], "ropo.assignment")
        self.assertEqual(self.business.ropo_open_amount, 110.0)
        self.assertFalse(self.consumer.ropo_live_count)

    def test_sum_in_the_company_s_currency(self):
        case = self.at_ropo()
        crown = self.env.ref("base.SEK")
        crown.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": crown.id, "name": fields.Date.today(), "rate": 10.0}
        )
        case.sudo().currency_id = crown
        self.env.invalidate_all()
        self.assertEqual(case.open_amount, 100.0)
        self.assertEqual(self.business.ropo_open_amount, 10.0)

    def test_only_cases_of_the_companies_in_the_menu(self):
        self.at_ropo()
        other = self.setup_other_company(name="Sample Other Oy")["company"]
        other.ropo_environment = "demo"
        self.env.user.company_ids |= other
        elsewhere = self.business.with_context(allowed_company_ids=other.ids)
        self.assertEqual(self.business.ropo_live_count, 1)
        self.assertEqual(elsewhere.ropo_live_count, 0)
        self.assertEqual(elsewhere.ropo_open_amount, 0.0)

    def test_button_on_the_customer_is_for_accounting(self):
        def names(user):
            partners = self.env["res.partner"].with_user(user)
            return set(
                etree.fromstring(partners.get_view(False, "form")["arch"]).xpath(
                    "//button/@name"
                )
            )

        self.assertIn("action_ropo_view_live", names(self.clerk))
        self.assertIn("action_ropo_view_live", names(self.reader))
        self.assertNotIn("action_ropo_view_live", names(self.seller))

    # -- a debtor orders again ----------
    def test_new_invoice_of_a_debtor_says_so(self):
        self.at_ropo()
        with Form(
            self.env["account.move"]
            .with_user(self.clerk)
            .with_context(default_move_type="out_invoice")
        ) as form:
            form.partner_id = self.consumer
            self.assertNotIn("ropo_orders_again", form.alerts or {})
            form.partner_id = self.business
            alert = form.alerts["ropo_orders_again"]
            self.assertSays(alert, self.business.name, "an invoice at Ropo", "100.00")
        # The form's customer has a name of many lines.
        partner = self.business.with_context(show_address=True)
        self.assertNotIn("\n", partner._ropo_debtor_text())
        self.at_ropo(self.invoice(50.0))
        draft = form.record
        self.assertSays(
            self.alerts(draft)["ropo_orders_again"], "2 invoices at Ropo", "150.00"
        )
        self.assertEqual(len(self.opened(self.alerts(draft)["ropo_orders_again"])), 2)

    def test_credit_warning_of_other_documents_says_so(self):
        """The one method by which sale asks for a customer's warning."""
        case = self.at_ropo()
        warn = self.env["account.move"].with_user(self.seller)
        # Something with a customer and a company, as sale's own order
        order = self.loose_payment(1.0).with_user(self.seller).sudo()
        text = warn._build_credit_warning_message(order, current_amount=5.0)
        self.assertIn("an invoice at Ropo", text)
        self.assertIn("100.00", text)
        case.sudo().state = "closed"
        order.invalidate_recordset()
        self.env.invalidate_all()
        self.assertFalse(warn._build_credit_warning_message(order, 5.0))
        case.sudo().state = "sent"
        self.company.ropo_environment = "off"
        self.env.invalidate_all()
        self.assertFalse(warn._build_credit_warning_message(order, 5.0))
