"""A transfer goes on when its window is closed: found again, and summed up."""

from odoo import api, fields, models


class RopoTransfer(models.TransientModel):
    # A concern with a file of its own
    _inherit = "ropo.transfer"  # pylint: disable=consider-merging-classes-inherited

    # Ropo may take a day or two to open a case.
    _transient_max_hours = 72.0

    told = fields.Boolean(
        readonly=True, help="Whoever transferred has been told how it ended."
    )
    outcome = fields.Char(compute="_compute_outcome")

    @api.depends("assignment_ids.state", "assignment_ids.capital_amount")
    @api.depends_context("lang")
    def _compute_outcome(self):
        """How the transfer ended, in a sentence."""
        for wizard in self:
            cases, failed = wizard.assignment_ids, wizard._failed()
            if not cases or wizard._waiting():
                wizard.outcome = False
                continue
            done = cases - failed
            total = sum(done.mapped("capital_amount"))
            facts = {
                "done": len(done),
                "total": len(cases),
                "amount": cases.currency_id[:1].format(total),
            }
            if failed:
                wizard.outcome = self.env._(
                    "%(done)s of %(total)s at Ropo (%(amount)s). Need a person: "
                    "%(failed)s.",
                    failed=len(failed),
                    **facts,
                )
            else:
                wizard.outcome = self.env._(
                    "%(done)s of %(total)s at Ropo (%(amount)s).", **facts
                )

    def _failed(self):
        return self.assignment_ids.filtered(
            lambda case: case.state in ("error", "cancelled")
        )

    def _waiting(self):
        return self.assignment_ids.filtered(
            lambda case: case.state not in ("sent", "closed", "error", "cancelled")
        )

    def action_view_failed(self):
        """What of this transfer needs a person, as a list."""
        self.check_access("read")
        return self._failed()._get_records_action(name=self.env._("Need a person"))

    @api.model
    def action_open_latest(self):
        """The progress of the user's latest transfer; later, its cases."""
        latest = self.search(
            [("create_uid", "=", self.env.uid), ("state", "=", "progress")],
            order="id desc",
            limit=1,
        )
        if latest:
            return latest._open()
        # Odoo clears windows away after some days; the cases stay.
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ropo_collection.ropo_assignment_action"
        )
        return {**action, "context": {"search_default_my": 1}}

    def _tell_outcome(self):
        """Tell whoever transferred, wherever in Odoo they are by now."""
        self.ensure_one()
        self.told = True
        user = self.create_uid
        wizard = self.with_context(lang=user.lang)
        failed = wizard._failed()
        user._bus_send(
            "account_notification",
            {
                "type": "warning" if failed else "success",
                "sticky": bool(failed),
                "title": wizard.env._("Transfer to Ropo"),
                "message": wizard.outcome,
                "action_button": {
                    "name": wizard.env._("Open the cases"),
                    "action_name": wizard.env._("Ropo cases"),
                    "model": "ropo.assignment",
                    "res_ids": (failed or wizard.assignment_ids).ids,
                },
            },
        )


class RopoAssignment(models.Model):
    # The end of the scheduled actions' work, with one more thing to tell
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _run_due_effects(self):
        result = super()._run_due_effects()
        running = self.env["ropo.transfer"].sudo()
        running = running.search([("state", "=", "progress"), ("told", "=", False)])
        for wizard in running.filtered("outcome"):
            self.env["ropo.worker"]._each(wizard, type(wizard)._tell_outcome)
        return result
