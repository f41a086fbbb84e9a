"""Names that users build filters, automations and imports on: they stay."""

from odoo.tests import TransactionCase, tagged

FIELDS = {
    "res.company": """
        ropo_environment maventa_company_uuid maventa_user_api_key
        maventa_vendor_api_key ropo_agreement_email ropo_service_state
        ropo_collection_type maventa_ax_url maventa_receivables_url ropo_report_delay
        ropo_settlement_partner_id ropo_settlement_journal_ids ropo_settlement_ibans
        ropo_loss_account_ids ropo_responsible_id ropo_transfer_policy ropo_last_poll
    """,
    "res.partner": "ropo_receivables_type ropo_personal_id ropo_excluded",
    "account.move": """
        maventa_invoice_id maventa_status ropo_assignment_id ropo_assignment_ids
        ropo_state ropo_collection_status ropo_eligible_from ropo_excluded
    """,
    "ropo.transfer": "line_ids",
    "ropo.assignment": """
        move_id company_id partner_id currency_id environment maventa_invoice_id
        external_id collection_type receivables_type summary payer_ids capital_amount
        reminder_amount interest_amount state collection_status collection_status_raw
        reported_paid reported_credited paid_to_ropo open_amount to_report event_ids
        error_message last_change
    """,
    "ropo.assignment.payer": "assignment_id name main",
    "ropo.assignment.event": """
        assignment_id company_id currency_id direction kind amount booked_at state
        external_id counterpart_move_id error_message
    """,
}
METHODS = {
    "res.company": """
        action_ropo_test_connection action_ropo_activate action_ropo_refresh_service
        action_ropo_close_service
    """,
    "account.move": """
        action_ropo_transfer action_ropo_link action_ropo_view_assignment
    """,
    "ropo.transfer": "action_transfer",
    "ropo.assignment": "action_send action_refresh action_retry action_cancel",
}
SELECTIONS = {
    ("res.company", "ropo_environment"): "off demo test production",
    ("res.company", "ropo_service_state"): (
        "inactive pending active rejected closed unknown"
    ),
    ("res.company", "ropo_transfer_policy"): "manual propose automatic",
    ("ropo.assignment", "state"): (
        "proposed queued sending unknown pending sent error cancelled closed"
    ),
    ("ropo.assignment", "collection_status"): (
        "reminder_sent debt_collection legal_collection payment_plan other"
    ),
    ("ropo.assignment.event", "direction"): "in out",
    ("ropo.assignment.event", "kind"): (
        "paid credit_note comment reminder letter status close other"
    ),
    ("ropo.assignment.event", "state"): (
        "received queued sending unknown sent error decision dropped"
    ),
}
CRONS = "cron_transfer cron_poll cron_report cron_propose cron_audit"


@tagged("post_install", "-at_install")
class TestNames(TransactionCase):
    def test_fields_and_methods(self):
        for model, names in FIELDS.items():
            for name in names.split():
                self.assertIn(name, self.env[model]._fields, model)
        for model, names in METHODS.items():
            for name in names.split():
                self.assertTrue(callable(getattr(self.env[model], name, None)), name)

    def test_values(self):
        for (model, name), values in SELECTIONS.items():
            known = [value for value, _label in self.env[model]._fields[name].selection]
            self.assertEqual(sorted(known), sorted(values.split()), name)

    def test_settings_mirror_the_company(self):
        settings = self.env["res.config.settings"]._fields
        for name in FIELDS["res.company"].split():
            self.assertIn(name, settings)

    def test_scheduled_actions(self):
        for name in CRONS.split():
            self.assertTrue(self.env.ref(f"ropo_collection.{name}").active)

    def test_stored_where_users_group_and_filter(self):
        for name in ("ropo_state", "ropo_collection_status", "ropo_eligible_from"):
            field = self.env["account.move"]._fields[name]
            self.assertFalse(field.store)
            self.env["account.move"].search([(name, "=", False)], limit=1)
