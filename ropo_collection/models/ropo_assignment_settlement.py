"""The case: what Ropo has sent of what debtors paid to it."""

from collections import defaultdict

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
        matched = defaultdict(float)
        for part in parts:
            if part.kind == ledger.SETTLEMENT:
                matched[part.move_id] += part.amount
        # More of an entry than it has for this case was matched with it by hand.
        own = sum(min(matched[entry], max(sum_, 0)) for entry, sum_ in booked.items())
        by_hand = max(comparison.settled - own, 0.0)
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

    def _settled_astray(self):
        """What settlements brought, and is not on the invoice although that is open."""
        open_here = self.move_id.amount_residual
        if not self.settled_amount or open_here <= 0:
            return 0.0
        lines = self.sudo().settlement_line_ids.filtered(
            lambda line: line.state == "booked" and line.kind == "capital"
        )
        matches = lines.item_id.matched_debit_ids.filtered(
            lambda match: match.debit_move_id.move_id == self.move_id
        )
        astray = sum(lines.mapped("amount")) - sum(
            matches.mapped("debit_amount_currency")
        )
        return self.currency_id.round(max(min(astray, open_here), 0.0))

    def _attention_reasons(self):
        reasons = super()._attention_reasons()
        astray = self._settled_astray()
        if astray:
            reasons.append(
                self.env._(
                    "Ropo sent %(settled)s for this case, but %(amount)s of it is not "
                    "matched with the invoice, which is open. Match it again, or undo "
                    "the settlement.",
                    settled=self.currency_id.format(self.settled_amount),
                    amount=self.currency_id.format(astray),
                )
            )
        return reasons

    def _lost_amount(self):
        """What was written off as our own loss and has not come: ``{case: amount}``."""
        lost = {}
        recovered = dict(
            self.env["ropo.settlement.line"]
            .sudo()
            ._read_group(
                [
                    ("assignment_id", "in", self.ids),
                    ("kind", "=", "recovered"),
                    ("state", "=", "booked"),
                ],
                ["assignment_id"],
                ["amount:sum"],
            )
        )
        for case, (parts, _waiting, _again) in self._ledger_parts().items():
            answered = case._answered(parts, case._told())
            lost[case] = max(
                sum(part.amount for part in answered if part.kind == ledger.SILENT)
                - recovered.get(case, 0.0),
                0.0,
            )
        return lost

    def _audit_settled(self):
        """Ask about money of Ropo's that it has not told of."""
        for case in self.try_lock_for_update(allow_referencing=True):
            case.invalidate_recordset()
            case._write_changes(
                {"settled_unknown": max(case.settled_amount - case.paid_to_ropo, 0)}
            )
            case._review()

    @api.model
    def _cron_audit(self):
        """Also tell of money at Ropo that is late, and of too much for closed cases."""
        result = super()._cron_audit()
        worker = self.env["ropo.worker"]
        self.env.cr.execute(
            """
            SELECT id FROM ropo_assignment
             WHERE state = 'closed' AND settled_amount
                   > COALESCE(paid_to_ropo, 0) + COALESCE(settled_unknown, 0) + 0.004
            """
        )
        closed = self.browse(row[0] for row in self.env.cr.fetchall())
        worker._end_transaction()
        for case in closed:
            worker._each(case, type(self)._audit_settled)
        self._run_due_effects()
        for company in self.env["res.company"]._ropo_active():
            worker._each(company, lambda row: row._ropo_tell_of_late_money())
        return result
