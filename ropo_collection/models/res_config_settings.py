from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    ropo_company_id = fields.Many2one(
        "res.company",
        default=lambda self: self.env.company.root_id,
        required=True,
        help="Keys and service belong to the root company of its branches.",
    )
    ropo_is_branch = fields.Boolean(compute="_compute_ropo_is_branch")
    ropo_environment = fields.Selection(
        related="ropo_company_id.ropo_environment", readonly=False
    )
    maventa_company_uuid = fields.Char(
        related="ropo_company_id.maventa_company_uuid", readonly=False
    )
    maventa_user_api_key = fields.Char(
        related="ropo_company_id.maventa_user_api_key", readonly=False
    )
    maventa_vendor_api_key = fields.Char(
        related="ropo_company_id.maventa_vendor_api_key", readonly=False
    )
    maventa_ax_url = fields.Char(
        related="ropo_company_id.maventa_ax_url", readonly=False
    )
    maventa_receivables_url = fields.Char(
        related="ropo_company_id.maventa_receivables_url", readonly=False
    )
    ropo_agreement_email = fields.Char(
        related="ropo_company_id.ropo_agreement_email", readonly=False
    )
    ropo_service_state = fields.Selection(related="ropo_company_id.ropo_service_state")
    ropo_service_detail = fields.Char(related="ropo_company_id.ropo_service_detail")
    ropo_activation_url = fields.Char(related="ropo_company_id.ropo_activation_url")
    ropo_collection_type = fields.Selection(
        related="ropo_company_id.ropo_collection_type", readonly=False
    )
    ropo_summary_template = fields.Char(
        related="ropo_company_id.ropo_summary_template", readonly=False
    )
    ropo_fee_product_ids = fields.Many2many(
        related="ropo_company_id.ropo_fee_product_ids", readonly=False
    )
    ropo_fee_account_ids = fields.Many2many(
        related="ropo_company_id.ropo_fee_account_ids", readonly=False
    )
    ropo_report_delay = fields.Integer(
        related="ropo_company_id.ropo_report_delay", readonly=False
    )
    ropo_extra_days = fields.Integer(
        related="ropo_company_id.ropo_extra_days", readonly=False
    )
    ropo_settlement_partner_id = fields.Many2one(
        related="ropo_company_id.ropo_settlement_partner_id", readonly=False
    )
    ropo_settlement_journal_ids = fields.Many2many(
        related="ropo_company_id.ropo_settlement_journal_ids", readonly=False
    )
    ropo_settlement_ibans = fields.Char(
        related="ropo_company_id.ropo_settlement_ibans", readonly=False
    )
    ropo_settlement_names = fields.Char(
        related="ropo_company_id.ropo_settlement_names", readonly=False
    )
    ropo_settlement_words = fields.Char(
        related="ropo_company_id.ropo_settlement_words", readonly=False
    )
    ropo_clearing_account_id = fields.Many2one(
        related="ropo_company_id.ropo_clearing_account_id", readonly=False
    )
    ropo_interest_account_id = fields.Many2one(
        related="ropo_company_id.ropo_interest_account_id", readonly=False
    )
    ropo_cost_account_id = fields.Many2one(
        related="ropo_company_id.ropo_cost_account_id", readonly=False
    )
    ropo_recovered_account_id = fields.Many2one(
        related="ropo_company_id.ropo_recovered_account_id", readonly=False
    )
    ropo_settlement_days = fields.Integer(
        related="ropo_company_id.ropo_settlement_days", readonly=False
    )
    ropo_loss_account_ids = fields.Many2many(
        related="ropo_company_id.ropo_loss_account_ids", readonly=False
    )
    ropo_write_off_tolerance = fields.Float(
        related="ropo_company_id.ropo_write_off_tolerance", readonly=False
    )
    ropo_responsible_id = fields.Many2one(
        related="ropo_company_id.ropo_responsible_id", readonly=False
    )
    ropo_substitute_id = fields.Many2one(
        related="ropo_company_id.ropo_substitute_id", readonly=False
    )
    ropo_upload_policy = fields.Selection(
        related="ropo_company_id.ropo_upload_policy", readonly=False
    )
    ropo_transfer_policy = fields.Selection(
        related="ropo_company_id.ropo_transfer_policy", readonly=False
    )
    ropo_veto_days = fields.Integer(
        related="ropo_company_id.ropo_veto_days", readonly=False
    )
    ropo_policy_start = fields.Date(
        related="ropo_company_id.ropo_policy_start", readonly=False
    )
    ropo_minimum_amount = fields.Float(
        related="ropo_company_id.ropo_minimum_amount", readonly=False
    )
    ropo_contact = fields.Char(related="ropo_company_id.ropo_contact", readonly=False)
    ropo_erase_days = fields.Integer(
        related="ropo_company_id.ropo_erase_days", readonly=False
    )
    ropo_portal_payment = fields.Boolean(
        related="ropo_company_id.ropo_portal_payment", readonly=False
    )
    ropo_last_poll = fields.Datetime(related="ropo_company_id.ropo_last_poll")
    ropo_adopt_read = fields.Datetime(related="ropo_company_id.ropo_adopt_read")
    ropo_trouble = fields.Char(related="ropo_company_id.ropo_trouble")
    ropo_is_moved = fields.Boolean(related="ropo_company_id.ropo_is_moved")
    ropo_moved_text = fields.Char(related="ropo_company_id.ropo_moved_text")

    ropo_problems = fields.Text(compute="_compute_ropo_health", string="What is wrong")
    ropo_waiting = fields.Char(compute="_compute_ropo_health", string="Waiting")

    @api.depends("ropo_company_id")
    def _compute_ropo_health(self):
        for settings in self:
            company = settings.ropo_company_id
            if company.ropo_environment == "off":
                # Nothing to look for; every page of the settings asks for this.
                settings.ropo_problems = settings.ropo_waiting = False
                continue
            health = company._ropo_health()
            settings.ropo_problems = "\n".join(health["problems"])
            read = health["last_poll"]
            settings.ropo_waiting = self.env._(
                "Ropo's list read: %(read)s. Cases waiting to be sent: %(queued)s. "
                "Reports waiting: %(reports)s. Need a person: %(people)s.",
                read=company._ropo_local(read) if read else "-",
                queued=health["cases"].get("queued", 0),
                reports=health["reports"].get("queued", 0),
                people=health["need_a_person"],
            )

    def action_ropo_diagnostics(self):
        """See :meth:`res.company.action_ropo_diagnostics`."""
        return self.ropo_company_id.action_ropo_diagnostics()

    def _compute_ropo_is_branch(self):
        for settings in self:
            settings.ropo_is_branch = settings.company_id != settings.ropo_company_id

    def action_ropo_test_connection(self):
        """Save, then see :meth:`res.company.action_ropo_test_connection`."""
        self.execute()
        return self.ropo_company_id.action_ropo_test_connection()

    def action_ropo_activate(self):
        """Save, then see :meth:`res.company.action_ropo_activate`."""
        self.execute()
        return self.ropo_company_id.action_ropo_activate()

    def action_ropo_refresh_service(self):
        """Save, then see :meth:`res.company.action_ropo_refresh_service`."""
        self.execute()
        return self.ropo_company_id.action_ropo_refresh_service()

    def action_ropo_next_step(self):
        """See :meth:`res.company.action_ropo_next_step`."""
        return self.ropo_company_id.action_ropo_next_step()

    def action_ropo_confirm_home(self):
        """See :meth:`res.company.action_ropo_confirm_home`."""
        return self.ropo_company_id.action_ropo_confirm_home()

    def action_ropo_is_copy(self):
        """See :meth:`res.company.action_ropo_is_copy`."""
        return self.ropo_company_id.action_ropo_is_copy()

    def action_ropo_close_service(self):
        """See :meth:`res.company.action_ropo_close_service`."""
        return self.ropo_company_id.action_ropo_close_service()
