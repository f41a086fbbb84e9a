from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class AccountBankStatementLine(models.Model):
    _inherit = "account.bank.statement.line"

    ropo_settlement_ids = fields.One2many("ropo.settlement", "statement_line_id")
    ropo_to_settle = fields.Boolean(
        string="From Ropo, to settle",
        compute="_compute_ropo_to_settle",
        search="_search_ropo_to_settle",
        help="Looks like Ropo's money, and no settlement is booked for it.",
    )

    @api.depends("is_reconciled", "ropo_settlement_ids.state")
    def _compute_ropo_to_settle(self):
        found = set(self.company_id._ropo_bank_lines())
        for line in self:
            line.ropo_to_settle = line.id in found and not line._ropo_booked()

    @api.model
    def _search_ropo_to_settle(self, operator, value):
        if operator != "in":
            return NotImplemented
        ids = self.env.companies._ropo_bank_lines()
        booked = self.browse(ids).sudo()._ropo_booked().statement_line_id
        domain = Domain("id", "in", list(set(ids) - set(booked.ids)))
        return domain if True in value else ~domain

    def _ropo_booked(self):
        """Settlements booked for these bank lines."""
        return self.ropo_settlement_ids.filtered(lambda row: row.state == "booked")

    def action_ropo_settle(self):
        """Open the settlement of this bank line, with a proposal."""
        self.ensure_one()
        settlements = self.env["ropo.settlement"]
        settlements._check_rights()
        settlement = self.ropo_settlement_ids.filtered(
            lambda row: row.state != "undone"
        )
        if not settlement:
            if self.is_reconciled:
                raise UserError(
                    self.env._(
                        "The bank line %(name)s is matched already. Undo that first, "
                        "if it is a settlement.",
                        name=self.payment_ref or self.move_id.name,
                    )
                )
            values = settlements._prepare_from_bank_line(self)
            settlement = settlements.sudo().create(values).sudo(False)
            settlement.action_propose()
        return settlement._get_records_action()

    def action_undo_reconciliation(self):
        """The settlements booked in these lines are undone with it."""
        if not self:
            return super().action_undo_reconciliation()
        booked = self.sudo()._ropo_booked()
        for settlement in booked:
            settlement._hold()
        booked._check_last(self.line_ids)
        settlements = booked.filtered("in_bank_line")
        for settlement in booked - settlements:
            settlement._undo_own_entry()
        if not settlements:
            return super().action_undo_reconciliation()
        given_back = settlements._release()
        # Odoo refuses to delete a tax item, save where its base goes as well.
        lines = self.with_context(dynamic_unlink=True)
        result = super(AccountBankStatementLine, lines).action_undo_reconciliation()
        settlements._finish_undo(given_back)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_settled(self):
        self.move_id._ropo_check_settled()
