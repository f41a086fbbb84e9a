"""Entries of settlements, and Ropo's own bills."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class AccountMove(models.Model):
    # A concern with a file of its own
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    ropo_settlement_ids = fields.One2many(
        "ropo.settlement", "entry_id", string="Ropo settlements"
    )
    ropo_bill_case_ids = fields.Many2many(
        "ropo.assignment",
        "ropo_bill_case_rel",
        "move_id",
        "assignment_id",
        string="For cases at Ropo",
        copy=False,
        help="Of a bill of Ropo's: the cases it is for. Its amount without tax counts "
        "as their cost, in equal shares.",
    )

    def _ropo_check_settled(self):
        """Refuse what would take a booked settlement apart behind its back.

        Be it its entry, its bank line or what it divides up.
        """
        if not self.ids or self.env.context.get("ropo_undo"):
            return
        concerned = Domain.OR(
            Domain(name, "in", self.ids)
            for name in (
                "entry_id",
                "statement_line_id.move_id",
                "source_item_ids.move_id",
            )
        )
        settlement = (
            self.env["ropo.settlement"]
            .sudo()
            .search(concerned & Domain("state", "=", "booked"), limit=1)
        )
        if settlement:
            raise UserError(
                self.env._(
                    "%(entry)s is a settlement of Ropo's. Undo the settlement instead: "
                    "Customers › Ropo collection › Settlements.",
                    entry=settlement.entry_id.name,
                )
            )

    def button_draft(self):
        self._ropo_check_settled()
        return super().button_draft()

    def button_cancel(self):
        self._ropo_check_settled()
        return super().button_cancel()

    def _reverse_moves(self, default_values_list=None, cancel=False):
        self._ropo_check_settled()
        return super()._reverse_moves(default_values_list, cancel)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_settled(self):
        self._ropo_check_settled()
