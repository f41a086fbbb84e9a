"""The case: what figures as of an earlier day need, and the case itself does not."""

from collections import defaultdict

from odoo import api, fields, models


class RopoAssignment(models.Model):
    # A concern with a file of its own
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    raised_amount = fields.Monetary(
        string="Claim raised by",
        copy=False,
        readonly=True,
        help="What Ropo has added to the claim afterwards.",
    )
    raised_on = fields.Date(copy=False, readonly=True)
    confirmed_by_id = fields.Many2one(
        "res.users", string="Warnings confirmed by", copy=False, readonly=True
    )
    confirmed_at = fields.Datetime(
        string="Warnings confirmed on",
        copy=False,
        readonly=True,
        index="btree_not_null",
    )

    @api.model_create_multi
    def create(self, vals_list):
        cases = super().create([self._signed(vals) for vals in vals_list])
        cases.filtered("baseline")._keep_baseline()
        return cases

    def write(self, vals):
        before = {case: (case.collection_status, case.state) for case in self}
        based = self.filtered("baseline") if "baseline" in vals else self.browse()
        result = super().write(self._signed(vals))
        if "baseline" in vals:
            (based | self.filtered("baseline"))._keep_baseline()
        if {"collection_status", "state"} & vals.keys():
            self._keep_stage(before)
        return result

    def _signed(self, vals):
        """Who confirms warnings, and when."""
        if not vals.get("warnings_confirmed"):
            return vals
        now = fields.Datetime.now()
        return {"confirmed_by_id": self.env.uid, "confirmed_at": now, **vals}

    def _keep_stage(self, before):
        """Write down stages reached, cases closed and opened again."""
        self.env["ropo.stage.change"].sudo().create(
            [
                {
                    "assignment_id": case.id,
                    "stage": case.collection_status,
                    "closed": case.state == "closed",
                }
                for case, (stage, state) in before.items()
                if case.collection_status != stage
                or (case.state == "closed") != (state == "closed")
            ]
        )

    def _shares(self):
        """What is kept of the matches of these cases: ``{case: shares}``."""
        shares = self.env["ropo.share"].sudo()
        shares = shares.search([("assignment_id", "in", self.ids)])
        by_case = shares.grouped("assignment_id")
        return {case: by_case.get(case, shares.browse()) for case in self}

    def _keep_baseline(self):
        """What the claim left out is known before the first comparison."""
        shares = self.env["ropo.share"].sudo()
        shares.union(*self._shares().values()).unlink()
        for case in self:
            amounts = defaultdict(float)
            baseline = case.baseline or []
            # An entry may have been deleted since.
            moves = self.env["account.move"].browse({row[0] for row in baseline})
            there = set(moves.exists().ids)
            for move_id, _kind, amount in baseline:
                if move_id in there:
                    amounts[move_id, "before"] += amount
            case._write_shares(shares, amounts)

    def _keep_shares(self, known, parts, counted):
        """Keep what each match counts as, for figures made by SQL.

        :param known: what is kept so far
        :param parts: all that is matched, as :mod:`..tools.ledger` takes it
        :param counted: what of that has reduced the claim
        """
        self.ensure_one()
        amounts = defaultdict(float)
        for part in parts:
            amounts[part.move_id, "before"] += part.amount
        for part in counted:
            amounts[part.move_id, "before"] -= part.amount
            amounts[part.move_id, part.kind] += part.amount
        self._write_shares(known, amounts)

    def _write_shares(self, known, amounts):
        """Write only what is different."""
        left = {
            key: self.currency_id.round(amount)
            for key, amount in amounts.items()
            if self.currency_id.compare_amounts(amount, 0) > 0
        }
        gone = known.browse()
        for share in known:
            key = share.counterpart_move_id.id, share.kind
            amount = left.pop(key, None)
            if amount is None:
                gone |= share
            elif self.currency_id.compare_amounts(share.amount, amount):
                share.amount = amount
        gone.unlink()
        known.create(
            [
                {
                    "assignment_id": self.id,
                    "counterpart_move_id": move_id,
                    "kind": kind,
                    "amount": amount,
                }
                for (move_id, kind), amount in left.items()
            ]
        )


class RopoAssignmentEvent(models.Model):
    # A concern with a file of its own
    _inherit = "ropo.assignment.event"  # pylint: disable=consider-merging-classes-inherited

    corrected_on = fields.Date(
        copy=False, readonly=True, help="When Ropo last corrected it."
    )
    answer_reason = fields.Text(string="Reason given", copy=False, readonly=True)

    _money = models.Index("(assignment_id) WHERE kind IN ('paid', 'credit_note')")

    def _correct(self, amount):
        """Take off what Ropo has corrected of this."""
        self.write(
            {
                "corrected_amount": self.corrected_amount + amount,
                "corrected_on": self.company_id._ropo_today(),
            }
        )
