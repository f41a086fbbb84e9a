"""Reports, what needs attention, set-up and long work: who sees what, and does what."""

from lxml import etree

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import KEYS, RopoCommon

READER, WORKER = "account.group_account_readonly", "account.group_account_invoice"
MANAGER = "account.group_account_manager"


@tagged("post_install", "-at_install")
class ScreensCommon(RopoCommon):
    def colleague(self, *groups):
        return new_test_user(
            self.env,
            login="sample_" + "_".join(groups),
            groups=",".join(("base.group_user", *groups)),
            company_id=self.company.id,
        )

    def names(self, user, model, kind, view=False):
        arch = self.env[model].with_user(user).get_view(view, kind)["arch"]
        return set(etree.fromstring(arch).xpath("//@name"))

    def set_off(self, case, amount=20.0):
        """A question: an entry that is neither payment nor credit note."""
        line = case.move_id.line_ids.filtered(
            lambda ln: ln.account_type == "asset_receivable"
        )
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "line_ids": [
                    (
                        0,
                        0,
                        {
                            "account_id": line.account_id.id,
                            "partner_id": line.partner_id.id,
                            "credit": amount,
                        },
                    ),
                    (
                        0,
                        0,
                        {
                            "account_id": self.company_data[
                                "default_account_expense"
                            ].id,
                            "debit": amount,
                        },
                    ),
                ],
            }
        )
        entry.action_post()
        (line | entry.line_ids.filtered("credit")).reconcile()
        self.run_cron("report")
        self.assertTrue(case.needs_attention)
        return case.event_ids.filtered(lambda event: event.state == "decision")


@tagged("post_install", "-at_install")
class TestReports(ScreensCommon):
    def test_reader_reads_only(self):
        question = self.set_off(self.at_ropo())
        reader = self.colleague(READER)
        for kind in ("list", "form"):
            names = self.names(reader, "ropo.assignment.event", kind)
            self.assertIn("state", names)
            buttons = {name for name in names if name.startswith("action_")}
            self.assertFalse(buttons)
        self.assertTrue(question.with_user(reader).question)
        for button in ("action_answer_paid", "action_answer_keep", "action_retry"):
            with self.subTest(button), self.assertRaises(AccessError):
                getattr(question.with_user(reader), button)()

    def test_worker_decides_without_settings_rights(self):
        case = self.at_ropo()
        question = self.set_off(case)
        worker = self.colleague(WORKER)
        names = self.names(worker, "ropo.assignment.event", "list")
        self.assertIn("action_answer_paid", names)
        self.assertNotIn("action_answer_credit_note", names)
        question.with_user(worker).action_answer_paid()
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [20.0])
        self.assertEqual(question.answered_by_id, worker)
        with self.assertRaises(AccessError):
            question.with_user(worker).action_answer_credit_note()

    def test_worker_sends_a_refused_report_again(self):
        case = self.at_ropo()
        self.pay(case.move_id, 10.0)
        self.faults.next("POST", "/events", "status:422")
        self.run_cron("report")
        refused = case.event_ids.filtered(lambda event: event.state == "error")
        self.assertTrue(case.needs_attention)
        refused.with_user(self.colleague(WORKER)).action_retry()
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [10.0])
        self.assertFalse(case.needs_attention)


@tagged("post_install", "-at_install")
class TestAttention(ScreensCommon):
    def card(self, user, journal=None):
        journal = journal or self.company_data["default_journal_sale"]
        data = journal.with_user(user)._get_journal_dashboard_data_batched()
        return data[journal.id].get("ropo_attention")

    def test_the_sales_card_counts_and_leads_there(self):
        quiet, case = self.at_ropo(), self.at_ropo()
        worker, reader = self.colleague(WORKER), self.colleague(READER)
        self.assertFalse(self.card(worker))
        self.set_off(case)
        journal = self.company_data["default_journal_sale"]
        for user in (worker, reader):
            self.assertEqual(self.card(user), 1)
            action = journal.with_user(user).action_ropo_attention()
            shown = self.env["ropo.assignment"].with_user(user).search(action["domain"])
            self.assertEqual(shown, case)
        self.assertFalse(quiet.needs_attention)
        others = self.company_data["default_journal_purchase"]
        self.assertFalse(self.card(worker, others))

    def test_nothing_where_the_company_is_off(self):
        self.set_off(self.at_ropo())
        self.company.ropo_environment = "off"
        self.assertFalse(self.card(self.colleague(WORKER)))

    def test_nothing_for_those_who_may_not_see_cases(self):
        self.set_off(self.at_ropo())
        user = self.colleague("base.group_system")
        journal = self.company_data["default_journal_sale"].with_user(user).sudo(False)
        data = {journal.id: {}}
        journal.sudo()._fill_sale_purchase_dashboard_data(data)
        self.assertEqual(data[journal.id]["ropo_attention"], 1)

    def test_one_query_for_all_cards(self):
        sale = self.company_data["default_journal_sale"]
        journals = sale | sale.copy() | sale.copy()

        def queries():
            self.env.flush_all()
            journals._get_journal_dashboard_data_batched()
            before = self.env.cr.sql_log_count
            journals._get_journal_dashboard_data_batched()
            return self.env.cr.sql_log_count - before

        on = queries()
        self.company.ropo_environment = "off"
        self.assertLessEqual(on - queries(), 1)

    def test_the_card_has_its_link(self):
        view = self.env.ref("account.account_journal_dashboard_kanban_view")
        names = self.names(self.colleague(WORKER), "account.journal", "kanban", view.id)
        self.assertIn("action_ropo_attention", names)

    def test_the_activity_leads_to_the_case(self):
        responsible = self.colleague(WORKER)
        self.company.ropo_responsible_id = responsible
        case = self.at_ropo()
        self.set_off(case)
        groups = responsible.with_user(responsible)._get_activity_groups()
        group = next(group for group in groups if group["model"] == "ropo.assignment")
        self.assertEqual(group["total_count"], 1)
        self.assertEqual(case.activity_ids.user_id, responsible)

    def test_menus_are_hidden_where_no_company_uses_ropo(self):
        worker, manager = self.colleague(WORKER), self.colleague(MANAGER)
        menu = self.env.ref("ropo_collection.ropo_attention_menu")
        cases = self.env.ref("ropo_collection.ropo_collection_menu")
        for environment, shown in (("off", False), ("demo", True)):
            self.company.ropo_environment = environment
            for user in (worker, manager):
                menus = self.env["ir.ui.menu"].with_user(user).load_menus(False)
                for item in (menu, cases):
                    self.assertEqual(item.id in menus, shown)


@tagged("post_install", "-at_install")
class TestSetup(ScreensCommon):
    def setUp(self):
        super().setUp()
        self.company.write(
            {"company_registry": "1572860-0", "ropo_responsible_id": self.env.uid}
        )
        self.company.ropo_settlement_names = "Sample"
        self.sandbox.add_company(
            *KEYS.values(), name="Sample", business_id="1572860-0", country="FI"
        )
        self.env["ir.mail_server"].create({"name": "Sample", "smtp_host": "sample"})

    def steps(self, **entered):
        """``{code: level}`` in the order they are shown, with what was just typed."""
        settings = self.env["res.config.settings"].new(entered)
        return {
            code: step["level"] for code, step in (settings.ropo_setup or {}).items()
        }

    def test_ready_for_production(self):
        self.env["res.config.settings"].create({}).action_ropo_test_connection()
        self.assertEqual(self.steps(), {"next": "info"})

    def test_what_is_missing_is_named(self):
        self.company.action_ropo_test_connection()
        for values, missing in (
            ({"maventa_user_api_key": False}, {"keys": "danger"}),
            ({"ropo_service_state": "pending"}, {"service": "danger"}),
            ({"ropo_service_state": "rejected"}, {"service": "danger"}),
            (
                {"ropo_service_state": "inactive", "ropo_agreement_email": False},
                {"agreement": "danger", "service": "danger"},
            ),
            ({"ropo_responsible_id": False}, {"responsible": "warning"}),
            ({"ropo_settlement_names": False}, {"settlement": "warning"}),
            ({"company_registry": False, "vat": False}, {"business_id": "danger"}),
            (
                {"account_fiscal_country_id": self.env.ref("base.de").id},
                {"country": "danger"},
            ),
            (
                {"account_fiscal_country_id": self.env.ref("base.se").id},
                {"currency": "warning"},
            ),
        ):
            with self.subTest(values):
                before = {
                    name: self.company[name].id
                    if hasattr(self.company[name], "id")
                    else self.company[name]
                    for name in values
                }
                self.company.write(values)
                steps = self.steps()
                if "danger" not in missing.values():
                    missing = {**missing, "next": "info"}
                # Without its key the account is an untested one.
                steps.pop("tested", None)
                self.assertEqual(steps, missing)
                self.company.write(before)
                self.company.action_ropo_test_connection()

    def test_no_mail_server(self):
        self.company.action_ropo_test_connection()
        self.env["ir.mail_server"].search([]).active = False
        self.assertEqual(self.steps(), {"mail": "warning", "next": "info"})
        self.assertNotIn("mail", self.steps(ropo_environment="demo"))

    def test_keys_that_are_not_tested(self):
        self.assertIn("tested", self.steps())
        self.company.action_ropo_test_connection()
        self.assertNotIn("tested", self.steps())
        self.assertIn("tested", self.steps(maventa_user_api_key="another-sample"))
        self.company.maventa_vendor_api_key = "another-sample"
        self.assertIn("tested", self.steps())

    def test_keys_of_somebody_else_are_not_tested_keys(self):
        self.company.company_registry = "0737546-2"
        message = self.company.action_ropo_test_connection()["params"]
        self.assertEqual(message["type"], "warning")
        self.assertIn("tested", self.steps())

    def test_what_is_typed_counts_before_it_is_saved(self):
        self.company.write(
            {"ropo_service_state": "inactive", "ropo_agreement_email": False}
        )
        self.assertIn("agreement", self.steps())
        self.assertNotIn("agreement", self.steps(ropo_agreement_email="a@example.com"))

    def test_off_says_nothing(self):
        self.company.ropo_environment = "off"
        self.assertEqual(self.steps(), {})

    def test_another_environment_leaves_live_cases_behind(self):
        self.at_ropo()
        self.assertNotIn("stranded", self.steps())
        settings = self.env["res.config.settings"].new({"ropo_environment": "off"})
        self.assertIn("Maventa: 1.", settings.ropo_setup["stranded"]["message"])
        for entered in (
            {"ropo_environment": "production"},
            {"maventa_company_uuid": "22222222-2222-4222-8222-222222222222"},
        ):
            self.assertEqual(self.steps(**entered)["stranded"], "danger")

    def test_cases_of_the_demo_are_no_loss(self):
        case = self.at_ropo()
        case.sudo().write({"environment": "demo"})
        steps = self.steps()
        self.assertEqual(steps["played"], "info")
        self.assertNotIn("stranded", steps)

    def test_the_service_is_another_ones_with_another_account(self):
        self.assertNotIn("service", self.steps())
        self.assertIn("service", self.steps(ropo_environment="production"))

    def test_settings_are_for_administrators(self):
        names = self.names(self.env.user, "res.config.settings", "form")
        self.assertIn("ropo_setup", names)
        administrator = self.colleague("base.group_system", WORKER)
        names = self.names(administrator, "res.config.settings", "form")
        # Odoo shows the settings of invoicing to accounting managers only.
        self.assertNotIn("ropo_setup", names)
        for user in (self.colleague(WORKER), self.colleague(MANAGER)):
            with self.assertRaises(AccessError):
                self.env["res.config.settings"].with_user(user).create({})

    def test_the_guide_is_for_administrators_in_demo(self):
        guide = self.env.ref("ropo_collection.ropo_collection_tour")
        administrator = self.colleague("base.group_system", WORKER)
        worker = self.colleague(WORKER)
        (administrator | worker).tour_enabled = True
        others = self.env["web_tour.tour"].search([("id", "!=", guide.id)])
        others.user_consumed_ids = administrator | worker

        def offered(user):
            tour = self.env["web_tour.tour"].with_user(user).get_current_tour()
            return bool(tour) and tour["name"]

        self.assertFalse(offered(administrator))
        self.company.write({"ropo_environment": "demo", "ropo_service_state": "active"})
        self.assertEqual(offered(administrator), "ropo_collection_tour")
        self.assertFalse(offered(worker))
        others[:1].user_consumed_ids -= administrator
        self.assertEqual(offered(administrator), others[:1].name)

    def test_the_guide_starts_from_the_settings(self):
        action = self.env["res.config.settings"].create({}).action_ropo_tour()
        self.assertIn("tour=ropo_collection_tour", action["url"])


@tagged("post_install", "-at_install")
class TestLongWork(ScreensCommon):
    def start(self, user, moves):
        wizard = self.env["ropo.transfer"].with_user(user)._open_for(moves)
        wizard.action_transfer()
        return wizard

    def notes(self, user):
        channel = f'"res.partner",{user.partner_id.id}]'
        domain = [("channel", "like", channel), ("message", "like", "account_notif")]
        return self.env["bus.bus"].sudo().search(domain)

    def test_found_again_after_the_window_was_closed(self):
        worker = self.colleague(WORKER)
        self.start(worker, self.invoice())
        second = self.start(worker, self.invoice() | self.invoice())
        other = self.colleague(MANAGER)
        action = self.env["ropo.transfer"].with_user(worker).action_open_latest()
        self.assertEqual(
            (action["res_model"], action["res_id"]), (second._name, second.id)
        )
        action = self.env["ropo.transfer"].with_user(other).action_open_latest()
        self.assertEqual(action["res_model"], "ropo.assignment")
        self.assertIn("search_default_my", action["context"])

    def test_summed_up_with_a_link_to_what_failed(self):
        worker = self.colleague(WORKER)
        good, bad = self.invoice(100.0), self.invoice(50.0)
        wizard = self.start(worker, good | bad)
        self.assertFalse(wizard.outcome)
        self.faults.next("POST", "/assignment/ropo", "status:422")
        self.run_cron("transfer")
        self.assertFalse(self.notes(worker))
        self.run_cron("poll")
        failed = (good | bad).ropo_assignment_ids.filtered(
            lambda case: case.state == "error"
        )
        self.assertEqual(len(failed), 1)
        self.assertIn("1 of 2 at Ropo", wizard.outcome)
        self.assertEqual(wizard.action_view_failed()["res_id"], failed.id)
        note = self.notes(worker)
        self.assertEqual(len(note), 1)
        self.assertIn("1 of 2 at Ropo", note.message)
        self.assertIn(f'"res_ids":[{failed.id}]', note.message.replace(" ", ""))
        # Told once.
        self.run_cron("transfer", "poll", "report")
        self.assertEqual(self.notes(worker), note)

    def test_told_in_the_users_own_language(self):
        self.env["res.lang"]._activate_lang("fi_FI")
        worker = self.colleague(WORKER)
        worker.lang = "fi_FI"
        self.start(worker, self.invoice(100.0))
        self.run_cron("transfer", "poll")
        # A comma as in Finnish
        self.assertIn("100,00", self.notes(worker).message)

    def test_progress_is_the_users_own(self):
        wizard = self.start(self.colleague(WORKER), self.invoice())
        with self.assertRaises(AccessError):
            wizard.with_user(self.colleague(MANAGER)).read(["outcome"])
