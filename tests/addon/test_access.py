"""Who may do and see what."""

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import KEYS, RopoCommon

PERSONAL_ID = "131052-308T"


def buttons(records):
    """All the buttons that this addon gives a model, those to come included."""
    return sorted(
        name
        for cls in type(records).__mro__
        if cls.__module__.startswith("odoo.addons.ropo_collection.")
        for name in vars(cls)
        if name.startswith("action_")
    )


@tagged("post_install", "-at_install")
class TestAccess(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls.new_user("clerk", "account.group_account_invoice")
        cls.colleague = cls.new_user("colleague", "account.group_account_invoice")
        cls.reader = cls.new_user("reader", "account.group_account_readonly")
        cls.employee = cls.new_user("employee", "base.group_user")
        cls.manager = cls.new_user("manager", "account.group_account_manager")
        cls.other_company = cls.env["res.company"].create({"name": "Sample Other Oy"})
        cls.outsider = cls.new_user(
            "outsider", "account.group_account_invoice", cls.other_company
        )

    @classmethod
    def new_user(cls, login, groups, company=None):
        company = company or cls.company
        return new_test_user(
            cls.env,
            f"ropo_{login}",
            groups=f"base.group_user,base.group_allow_export,{groups}",
            company_id=company.id,
            company_ids=[fields.Command.set(company.ids)],
        )

    def setUp(self):
        super().setUp()
        self.server.requests.clear()

    def question(self, case):
        """An entry that a person has to decide on."""
        return (
            self.env["ropo.assignment.event"]
            .sudo()
            .create(
                {
                    "assignment_id": case.id,
                    "company_id": case.company_id.id,
                    "currency_id": case.currency_id.id,
                    "direction": "out",
                    "kind": "other",
                    "state": "decision",
                    "decision": "misc",
                    "amount": 10.0,
                }
            )
        )

    def assertNoAccess(self, records, *methods):
        for method in methods:
            with self.subTest(method, user=records.env.user.login):
                with self.assertRaises(AccessError):
                    getattr(records, method)()
        self.assertFalse(self.server.requests)

    # -- those who may invoice ---------------------------------------------------
    def test_invoicing_user_does_the_daily_work(self):
        move = self.invoice().with_user(self.clerk)
        action = move.action_ropo_link()
        window = self.env["ropo.link"].with_user(self.clerk).browse(action["res_id"])
        window.line_ids.action_link()
        self.assertTrue(move.maventa_invoice_id)
        case = self.transfer(move)
        self.assertEqual(case.requested_by_id, self.clerk)
        self.assertTrue(case.payer_ids.name)
        case.action_cancel()
        self.assertEqual(case.state, "cancelled")
        case = self.transfer(move)
        case.action_retry()
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent")
        case.action_refresh()
        shown = move.action_ropo_view_assignment()
        self.assertEqual(shown["res_model"], "ropo.assignment")
        self.assertEqual(case.action_view_move()["res_id"], move.id)
        self.pay(move, 20.0)
        self.run_cron("report")
        self.assertEqual(case.reported_paid, 20.0)

    def test_invoicing_user_approves_what_is_proposed(self):
        case = self.transfer(self.invoice())
        case.sudo().state = "proposed"
        case.with_user(self.clerk).action_send()
        self.assertEqual(case.state, "queued")
        self.assertEqual(case.requested_by_id, self.clerk)

    def test_invoicing_user_answers_and_retries(self):
        case = self.at_ropo()
        event = self.question(case)
        event.with_user(self.clerk).action_answer_keep()
        self.assertEqual(event.answered_by_id, self.clerk)
        event.state = "error"
        event.with_user(self.clerk).action_retry()
        self.assertEqual(event.state, "queued")

    def test_nobody_writes_cases_but_by_buttons(self):
        case = self.transfer(self.invoice())
        event = self.question(case)
        for user in (self.clerk, self.manager, self.env.user):
            for record in (case, event, case.payer_ids):
                record = record.with_user(user)
                self.assertFalse(record.has_access("write"))
                self.assertFalse(record.has_access("create"))
                self.assertFalse(record.has_access("unlink"))

    def test_nobody_takes_the_case_off_its_invoice(self):
        """Its matches would not be noticed any more."""
        move = self.transfer(self.invoice()).move_id
        for user in (self.manager, self.env.ref("base.user_admin")):
            with self.assertRaisesRegex(AccessError, "can't be changed by hand"):
                move.with_user(user).ropo_assignment_id = False
        move.with_user(self.manager).ropo_excluded = True
        self.assertTrue(move.ropo_assignment_id)

    # -- those who may not ----------------------------------------------------------
    def test_employee_without_accounting_rights(self):
        move = self.invoice()
        case = self.transfer(move)
        event = self.question(case)
        wizard = self.env["ropo.transfer"].create({})
        for user in (self.employee, self.reader):
            for records in (case, event, move, wizard):
                self.assertTrue(buttons(records))
                for name in buttons(records):
                    if user == self.employee or "_view_" not in name:
                        self.assertNoAccess(records.with_user(user), name)
        self.assertEqual(case.state, "queued")
        self.assertTrue(case.with_user(self.reader).has_access("read"))
        for record in (case, event, case.payer_ids):
            self.assertFalse(record.with_user(self.employee).has_access("read"))

    def test_settings_are_the_administrators(self):
        for user in (self.employee, self.clerk, self.manager):
            company = self.company.with_user(user)
            for name in buttons(company):
                with self.subTest(name, user=user.login):
                    with self.assertRaises(UserError):
                        getattr(company, name)()
        self.assertFalse(self.server.requests)

    def test_giving_money_up_is_the_managers(self):
        case = self.at_ropo()
        event = self.question(case)
        with self.assertRaises(AccessError):
            event.with_user(self.clerk).action_answer_credit_note()
        with self.assertRaises(AccessError):
            case.with_user(self.clerk).action_withdraw()
        self.assertEqual(event.state, "decision")
        action = event.with_user(self.manager).action_answer_credit_note()
        window = self.env["ropo.reason"].browse(action["res_id"])
        with self.assertRaises(AccessError):
            window.with_user(self.clerk).action_confirm()
        window = window.with_user(self.manager)
        with self.assertRaisesRegex(UserError, "reason"):
            window.action_confirm()
        window.reason = "The customer was right"
        window.action_confirm()
        self.assertEqual(event.answer, "credit_note")
        self.assertIn("The customer was right", case.message_ids[0].body)
        action = case.with_user(self.manager).action_withdraw()
        window = self.env["ropo.reason"].browse(action["res_id"])
        with self.assertRaises(AccessError):
            window.with_user(self.clerk).action_confirm()

    def test_withdraw_only_what_is_at_ropo(self):
        case = self.transfer(self.invoice())
        with self.assertRaisesRegex(UserError, "cancel it instead"):
            case.with_user(self.manager).action_withdraw()

    # -- other companies --------------------------------------------------------------
    def test_other_companys_cases_can_not_be_seen(self):
        move = self.invoice()
        case = self.transfer(move)
        event = self.question(case)
        for record in (case, event, case.payer_ids):
            theirs = record.with_user(self.outsider)
            self.assertFalse(theirs.search([("id", "in", record.ids)]))
            with self.assertRaises(AccessError):
                theirs.read(["display_name"])
        for records in (case, event, move):
            self.assertNoAccess(records.with_user(self.outsider), *buttons(records))
        self.env.invalidate_all()
        line = {"move_id": move.id, "receivables_type": "b2b", "summary": "Sample"}
        windows = self.env["ropo.transfer"].with_user(self.outsider)
        with self.assertRaises(AccessError):
            windows.create({"line_ids": [fields.Command.create(line)]})
        with self.assertRaises(AccessError):
            self.env["ropo.link"].with_user(self.outsider).create({"move_id": move.id})

    def test_clerk_of_a_branch_alone(self):
        """The keys are the root company's, which she can not even see."""
        branch = self.env["res.company"].create(
            {"name": "Sample Branch", "parent_id": self.company.id}
        )
        self.env.cr.precommit.run()  # the accounts of the branch
        self.env.user.company_ids |= branch
        clerk = self.new_user("branch_clerk", "account.group_account_invoice", branch)
        before, self.env = (
            self.env,
            self.env(context={"allowed_company_ids": [branch.id, self.company.id]}),
        )
        move = self.invoice(at_maventa=False)
        self.env = before
        self.assertEqual(move.company_id, branch)
        self.at_maventa(move)
        move = move.with_user(clerk).with_context(allowed_company_ids=branch.ids)
        self.env.invalidate_all()
        self.assertFalse(self.company.with_user(clerk).has_access("read"))
        today = fields.Date.today()
        found = move.search([("ropo_eligible_from", "<=", today)])
        self.assertIn(move, found)
        self.assertLess(move.ropo_eligible_from, today)
        self.env.invalidate_all()
        move.action_ropo_link()
        self.env.invalidate_all()
        case = self.transfer(move)
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent", case.error_message)

    def test_closing_the_service_cancels_the_branches_cases_too(self):
        """Whichever companies the administrator has ticked in the menu."""
        branch = self.env["res.company"].create(
            {"name": "Sample Branch", "parent_id": self.company.id}
        )
        case = self.transfer(self.invoice())
        case.sudo().company_id = branch
        company = self.company.with_context(allowed_company_ids=self.company.ids)
        action = company.action_ropo_close_service()
        window = company.env["ropo.close"].browse(action["res_id"])
        window.reason = "Sample"
        window.action_confirm()
        self.assertEqual(case.sudo().state, "cancelled")

    # -- what is not for everybody's eyes ------------------------------------------
    def assertHidden(self, record, *names):
        """Neither read nor exported, and not to be guessed by searching."""
        for name in names:
            with self.subTest(name, user=record.env.user.login):
                self.assertNotIn(name, record.fields_get())
                for peep in (
                    lambda name=name: record.read([name]),
                    lambda name=name: record.search_read([], [name]),
                    lambda name=name: record.search([(name, "=like", "s%")]),
                    lambda name=name: record.export_data([name]),
                    lambda name=name: record.formatted_read_group([], [name]),
                    lambda name=name: record.search([], order=name),
                ):
                    with self.assertRaises(AccessError):
                        peep()

    def test_keys_are_the_administrators(self):
        for user in (self.manager, self.clerk):
            self.assertHidden(
                self.company.with_user(user),
                *KEYS,
                "maventa_ax_url",
                "maventa_receivables_url",
            )
        case = self.transfer(self.invoice()).with_user(self.manager)
        self.assertHidden(case, "maventa_company_uuid", "token")
        self.assertEqual(
            self.company.read(["maventa_user_api_key"])[0]["maventa_user_api_key"],
            KEYS["maventa_user_api_key"],
        )

    def test_personal_ids_need_their_own_group(self):
        self.consumer.sudo().ropo_personal_id = PERSONAL_ID
        move = self.invoice(partner=self.consumer)
        case = self.env["ropo.assignment"]._create_for(
            move,
            collection_type="collection",
            receivables_type="b2c_rental",
            summary="Sample",
        )
        for user in (self.clerk, self.manager):
            payer = case.payer_ids.with_user(user)
            self.assertHidden(payer, "ssn")
            self.assertHidden(self.consumer.with_user(user), "ropo_personal_id")
            self.assertEqual(payer.ssn_masked, "…8T")
        self.clerk.group_ids += self.env.ref("ropo_collection.group_personal_id")
        self.assertEqual(case.payer_ids.with_user(self.clerk).ssn, PERSONAL_ID)
        self.assertEqual(
            self.consumer.with_user(self.clerk).ropo_personal_id, PERSONAL_ID
        )

    def test_personal_id_only_where_the_claim_demands_it(self):
        self.consumer.sudo().ropo_personal_id = PERSONAL_ID
        case = self.transfer(self.invoice(partner=self.consumer))
        self.assertFalse(case.sudo().payer_ids.ssn)
        self.run_cron("transfer")
        self.assertNotIn(PERSONAL_ID, str(self.sandbox.case(case.maventa_invoice_id)))

    def test_window_of_another_user(self):
        move = self.invoice()
        wizard = self.env["ropo.transfer"].with_user(self.clerk)
        wizard = wizard.browse(
            move.with_user(self.clerk).action_ropo_transfer()["res_id"]
        )
        link = self.env["ropo.link"].browse(
            move.with_user(self.clerk).action_ropo_link()["res_id"]
        )
        for record in (wizard, wizard.line_ids, link, link.sudo().line_ids):
            with self.assertRaises(AccessError):
                record.with_user(self.colleague).read(["display_name"])
        with self.assertRaises(AccessError):
            wizard.with_user(self.colleague).action_transfer()

    def test_demo_sandbox_is_the_administrators(self):
        for user in (self.clerk, self.manager):
            self.assertFalse(
                self.env["ropo.sandbox"].with_user(user).has_access("read")
            )
