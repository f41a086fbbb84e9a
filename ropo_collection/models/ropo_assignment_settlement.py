"""The case: what Ropo has sent of what debtors paid to it."""

from odoo import api, fields, models

from ..tools import ledger


class RopoAssignment(models.Model):
    # A concern with a file of its own
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    settlement_line_ids = fields.One2many("ropo.settlement.line", "assignment_id")
    settlement_count = fields.Integer(compute="_compute_settlement_count")
    settled_by_hand = fields.Monetary(
        string="Settled without a settlement",
        copy=False,
        help="Money from Ropo that was matched with the invoice by hand.",
    )
    bill_ids = fields.Many2many(
        "account.move",
        "ropo_bill_case_rel",
        "assignment_id",
        "move_id",
        string="Ropo's bills",
    )

    @api.depends("settlement_line_ids.settlement_id")
    def _compute_settlement_count(self):
        for case in self:
            case.settlement_count = len(case.settlement_line_ids.settlement_id)

    def action_view_settlements(self):
        """Open the settlements that have money for this case."""
        self.ensure_one()
        settlements = self.settlement_line_ids.settlement_id
        return settlements._get_records_action(name=self.env._("Settlements"))

    def _booked_settlements(self):
        """What booked settlements have for these cases: ``{case: {entry id: amount}}``.

        Money that had no room on the invoice any more counts as well: it has come.
        """
        booked = {case: {} for case in self}
        for case, entry, amount in (
            self.env["ropo.settlement.line"]
            .sudo()
            ._read_group(
                [("assignment_id", "in", self.ids), ("state", "=", "booked")],
                ["assignment_id", "entry_id"],
                ["amount:sum"],
            )
        ):
            booked[case.with_env(self.env)][entry.id] = amount
        return booked

    def _settled_sums(self, parts, comparison, booked):
        """What has come from Ropo, with settlements and matched by hand.

        :param parts: everything matched with the invoice
        :param booked: of :meth:`_booked_settlements`
        :return: values of the case's columns
        """
        self.ensure_one()
        matched = sum(
            part.amount
            for part in parts
            if part.move_id in booked and part.kind == ledger.SETTLEMENT
        )
        by_hand = max(comparison.settled - matched, 0.0)
        return {
            "settled_by_hand": by_hand,
            "settled_amount": by_hand + sum(booked.values()),
        }

    def _settled_now(self):
        """What has come from Ropo at this moment, whatever waits to be compared."""
        self.env.cr.execute(
            "SELECT assignment_id FROM ropo_recheck WHERE assignment_id IN %s",
            (tuple(self.ids) or (0,),),
        )
        marked = self.browse({row[0] for row in self.env.cr.fetchall()})
        booked = self._booked_settlements()
        settled = {
            case: case.settled_by_hand + sum(amounts.values())
            for case, amounts in booked.items()
        }
        for case, (parts, waiting, _again) in marked._ledger_parts().items():
            comparison = case._compare(parts, waiting)
            sums = case._settled_sums(parts, comparison, booked[case])
            settled[case] = sums["settled_amount"]
        return settled

    def _lost_amount(self):
        """What was written off as our own loss: ``{case: amount}``."""
        lost = {}
        for case, (parts, _waiting, _again) in self._ledger_parts().items():
            answered = case._answered(parts, case._told())
            lost[case] = sum(
                part.amount for part in answered if part.kind == ledger.SILENT
            )
        return lost

    @api.model
    def _cron_audit(self):
        """Also tell of money at Ropo that is late."""
        result = super()._cron_audit()
        worker = self.env["ropo.worker"]
        for company in self.env["res.company"]._ropo_active():
            worker._each(company, lambda row: row._ropo_tell_of_late_money())
        return result
