"""Invoices that others collect: at Ropo from elsewhere, or with another collector."""

from odoo import fields, models


class AccountMove(models.Model):
    # Who else collects is a concern of its own.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    ropo_other_collector = fields.Boolean(
        string="With another collector",
        copy=False,
        help="Another agency collects this invoice: it is not handed over to Ropo.",
        prefetch="ropo",
    )

    _ropo_elsewhere = models.Index("(id) WHERE ropo_other_collector IS TRUE")

    def _ropo_verdicts(self, *args, **kwargs):
        """Besides all other checks: nobody else has the invoice."""
        verdicts = super()._ropo_verdicts(*args, **kwargs)
        elsewhere = {
            row.move_id: row.external_id
            for row in self.env["ropo.adoption"]
            .sudo()
            .search_fetch(
                [("move_id", "in", self.ids), ("state", "!=", "adopted")],
                ["move_id", "external_id"],
            )
        }
        for move, verdict in verdicts.items():
            if move.ropo_other_collector:
                verdict.block(
                    "other_collector",
                    self.env._(
                        "The invoice is with another collector already. If it came "
                        "back, press Back from the other collector."
                    ),
                )
            if move in elsewhere:
                verdict.block(
                    "at_ropo",
                    self.env._(
                        "Ropo has this invoice already, as case %(case)s. Take it over "
                        "with Cases already at Ropo.",
                        case=elsewhere[move],
                    ),
                )
        return verdicts

    def action_ropo_other_collector(self):
        """Ask who collects these invoices, or why they are back."""
        self._ropo_check_rights()
        wizard = self.env["ropo.other.collector"].create(
            {
                "move_ids": self.filtered(
                    lambda move: move.move_type == "out_invoice"
                ).ids,
                "comes_back": bool(self) and all(self.mapped("ropo_other_collector")),
            }
        )
        return wizard._get_records_action(
            name=self.env._("Already with another collector"), target="new"
        )
