import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..maventa.errors import AccountTrouble, Rejected
from .ropo_worker import LEASE, Job


class RopoLookup(models.Model):
    """An invoice that waits to be looked up at Maventa.

    Reading only: nothing at Maventa and no case is changed by it. The answer is written
    to the invoice, and the row goes.
    """

    _name = "ropo.lookup"
    _description = "Invoice to look up at Maventa"

    move_id = fields.Many2one(
        "account.move", string="Invoice", required=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="move_id.company_id",
        depends=["move_id"],
        store=True,
        index=True,
        precompute=True,
    )
    token = fields.Char(groups="base.group_system")
    attempt_at = fields.Datetime()
    attempts = fields.Integer()
    next_try_at = fields.Datetime()
    error_message = fields.Text(string="Reason")

    _move_unique = models.UniqueIndex(
        "(move_id)", "This invoice is being looked up already."
    )

    @api.model
    def _enqueue(self, moves):
        """Look these invoices up as soon as possible."""
        waiting = self.sudo().search([("move_id", "in", moves.ids)])
        waiting.next_try_at = False
        self.sudo().create([{"move_id": move.id} for move in moves - waiting.move_id])
        moves._ropo_aside().maventa_lookup = "queued"
        self.env["ropo.worker"]._trigger_once("cron_transfer")

    @api.model
    def _due(self, limit):
        now = fields.Datetime.now()
        active = self.env["res.company"]._ropo_active()
        return self.search(
            Domain("company_id", "child_of", active.ids)
            & (Domain("next_try_at", "=", False) | Domain("next_try_at", "<=", now)),
            order="attempt_at NULLS FIRST, id",
            limit=limit,
        )

    def _lease(self):
        jobs = []
        rows = self.try_lock_for_update(allow_referencing=True)
        rows.invalidate_recordset()
        for row in rows:
            move = row.move_id
            if move.state != "posted":
                row.unlink()
                continue
            if move.ropo_environment == "demo":
                self.env["ropo.sandbox"]._learn_invoice(move)
            row.write(
                {
                    "token": secrets.token_hex(8),
                    "attempt_at": fields.Datetime.now(),
                    "attempts": row.attempts + 1,
                    "next_try_at": fields.Datetime.now() + LEASE,
                }
            )
            jobs.append(
                Job(
                    row=row,
                    company=row.company_id.sudo().root_id,
                    call=lambda client, known=move.maventa_invoice_id, n=move.name: (
                        client.invoice(known) if known else client.find_invoices(n)
                    ),
                    token=row.token,
                )
            )
        return jobs

    @api.model
    def _settle(self, job):
        row = job.row.exists()
        if not row or row.token != job.token:
            return
        worker, error = self.env["ropo.worker"], job.error
        if error and not isinstance(error, Rejected):
            paused = isinstance(error, AccountTrouble)
            row.write(
                {
                    "token": False,
                    "error_message": worker._explain(error),
                    "next_try_at": not paused and worker._next_try(row.attempts, error),
                }
            )
            worker._trigger_once("cron_transfer", at=row.next_try_at or None)
            return
        row.move_id._ropo_settle_lookup(job.result, error)
        row.unlink()

    def _postpone_unexpected(self, reason):
        """After a fault nobody foresaw: out of the way of the others."""
        for row in self:
            row.write(
                {
                    "next_try_at": fields.Datetime.now() + timedelta(hours=4),
                    "error_message": reason,
                }
            )
