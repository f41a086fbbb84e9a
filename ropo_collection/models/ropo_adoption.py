import logging
import secrets
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ..maventa.errors import AccountTrouble, MaventaError, Rejected
from .ropo_assignment import HANDED_OVER, STAGES
from .ropo_assignment_follow import _case_with_events
from .ropo_worker import LEASE, Job

_logger = logging.getLogger(__name__)

#: A page that could not be read is tried again after this long.
READ_AGAIN = timedelta(minutes=5)


class RopoAdoption(models.Model):
    """A case in Ropo's list that no case here knows, until it is taken over.

    Found by reading the whole list, page by page, matched with an invoice, shown to a
    person, and taken over when that person says so. Only reading at Ropo: nothing is
    handed over, and nothing is told by any of it.
    """

    _name = "ropo.adoption"
    _description = "Case already at Ropo"
    _order = "state, external_id"
    _rec_name = "external_id"

    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        help="The company whose account at Maventa has the case.",
    )
    external_id = fields.Char(string="Case at Ropo", required=True)
    invoice_ids = fields.Json(
        string="Ids at Maventa", help="The invoices at Maventa that the case names."
    )
    number = fields.Char(string="Number at Maventa")
    recipient = fields.Char(string="Debtor at Maventa")
    move_id = fields.Many2one(
        "account.move",
        string="Invoice",
        index="btree_not_null",
        ondelete="cascade",
        domain="[('move_type', '=', 'out_invoice'), ('state', '=', 'posted')]",
        help="The invoice the case is about. Choose it where none was found.",
    )
    partner_id = fields.Many2one(related="move_id.commercial_partner_id")
    currency_id = fields.Many2one(related="company_id.currency_id")
    capital_amount = fields.Monetary(string="Claim at Ropo")
    open_amount = fields.Monetary(string="Open at Ropo")
    residual = fields.Monetary(
        related="move_id.amount_residual",
        depends=["move_id"],
        string="Open in the ledger",
    )
    collection_status = fields.Selection(STAGES, string="Stage at Ropo")
    state = fields.Selection(
        [
            ("looking", "Looking for the invoice"),
            ("matched", "Invoice found"),
            ("unmatched", "No invoice found"),
            ("confirmed", "Being taken over"),
            ("adopted", "Taken over"),
        ],
        required=True,
        default="looking",
        index=True,
    )
    message = fields.Text(string="Why")
    assignment_id = fields.Many2one("ropo.assignment", string="Case here")
    confirmed_by_id = fields.Many2one("res.users", string="Taken over by")
    seen_round = fields.Integer(help="The reading of Ropo's list that last showed it.")
    # The lease
    token = fields.Char(groups="base.group_system")
    attempt_at = fields.Datetime()
    attempts = fields.Integer()
    next_try_at = fields.Datetime()

    _case_unique = models.UniqueIndex(
        "(company_id, external_id)", "This case of Ropo is listed already."
    )

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------
    @api.model
    def _check_rights(self):
        user = self.env.user
        if not user.has_group("account.group_account_manager") and not user.has_group(
            "base.group_system"
        ):
            raise AccessError(
                self.env._(
                    "Only an administrator, also of invoicing, can take over cases "
                    "that are at Ropo already."
                )
            )

    @api.model
    def action_read_list(self):
        """Have the whole list of Ropo read, in the background."""
        self._check_rights()
        companies = self.env.companies.filtered(lambda company: company._ropo_is_on())
        roots = companies.sudo().root_id
        if not roots:
            raise UserError(self.env._("Ropo is switched off for this company."))
        for root in roots:
            root.write(
                {"ropo_adopt_page": 1, "ropo_adopt_round": root.ropo_adopt_round + 1}
            )
        self.env["ropo.worker"]._trigger_once("cron_poll")
        return roots[0]._ropo_notify(
            self.env._("Cases already at Ropo"),
            self.env._(
                "Ropo's list is being read. Come back in a moment: open cases that "
                "Odoo does not know are shown here, with the invoice they are about."
            ),
        )

    def action_adopt(self):
        """Take these cases over; each is read once more before that."""
        self._check_rights()
        self.check_access("write")
        rows = self.sudo().filtered(
            lambda row: row.move_id and row.state in ("matched", "unmatched")
        )
        if not rows:
            raise UserError(
                self.env._("Select cases that have an invoice and are not taken over.")
            )
        rows.write(
            {
                "state": "confirmed",
                "confirmed_by_id": self.env.uid,
                "next_try_at": False,
                "message": False,
            }
        )
        self.env["ropo.worker"]._trigger_once("cron_poll")

    def action_view_assignment(self):
        """Open the case here."""
        return self.assignment_id._get_records_action()

    def write(self, vals):
        """People choose the invoice; all the rest is written by the work itself."""
        if not self.env.su and vals.keys() - {"move_id"}:
            raise AccessError(self.env._("Only the invoice can be chosen here."))
        result = super().write(vals)
        if not self.env.su:
            for row in self.sudo():
                row.message = row._obstacle()
        return result

    # ------------------------------------------------------------------
    # Reading Ropo's list
    # ------------------------------------------------------------------
    @api.model
    def _work(self):
        """Part of the scheduled action that follows cases."""
        worker, rows = self.env["ropo.worker"], type(self)
        reading = self.env["res.company"]._ropo_active().filtered("ropo_adopt_page")
        for company in reading:
            try:
                self._read_list(company)
            except psycopg2.OperationalError:
                # Somebody is saving the settings, or reads the list as well.
                self.env.cr.rollback()
                worker._trigger_once("cron_poll", at=fields.Datetime.now() + READ_AGAIN)
                worker._end_transaction()
        for find, lease, settle in (
            (self._looking_due, rows._lease_look, self._settle_look),
            (self._confirmed_due, rows._lease_adopt, self._settle_adopt),
        ):
            if not worker._drain(find, lease, settle):
                worker._trigger_once("cron_poll")
                break

    @api.model
    def _read_list(self, company):
        worker = self.env["ropo.worker"]
        try:
            with company._ropo_client() as client:
                for page in client.iter_assignment_pages(company.ropo_adopt_page):
                    self._take_page(company, page.items)
                    company.ropo_adopt_page = page.next_page or 1
                    if worker._end_transaction(1, remaining=1) <= 0 and page.next_page:
                        worker._trigger_once("cron_poll")
                        return
        except MaventaError as error:
            self.env.cr.rollback()
            _logger.info("Ropo's list of company %s: %s", company.id, error.reason)
            if isinstance(error, AccountTrouble):
                company._ropo_pause(error)
            worker._trigger_once("cron_poll", at=fields.Datetime.now() + READ_AGAIN)
            worker._end_transaction()
            return
        # What is not in the list any more is closed, or was taken over meanwhile.
        self.search(
            [
                ("company_id", "=", company.id),
                ("state", "in", ("looking", "matched", "unmatched")),
                ("seen_round", "!=", company.ropo_adopt_round),
            ]
        ).unlink()
        company.write({"ropo_adopt_page": 0, "ropo_adopt_read": fields.Datetime.now()})
        worker._end_transaction(1, remaining=0)

    @api.model
    def _take_page(self, company, items):
        """List those of a page that are open and that no case here knows."""
        there = {remote.id: remote for remote in items if remote.status != "closed"}
        by_invoice = {
            invoice_id: remote.id
            for remote in there.values()
            for invoice_id in remote.invoice_ids
        }
        ours = Domain("company_id", "child_of", company.id)
        known = self.env["ropo.assignment"].search_fetch(
            ours
            & (
                Domain("external_id", "in", list(there))
                | Domain("maventa_invoice_id", "in", list(by_invoice))
                & Domain("state", "in", HANDED_OVER)
            ),
            ["external_id", "maventa_invoice_id"],
        )
        for case in known:
            there.pop(case.external_id, None)
            there.pop(by_invoice.get(case.maventa_invoice_id), None)
        listed = self.search(
            [("company_id", "=", company.id), ("external_id", "in", list(there))]
        )
        linked = self.env["account.move"].search(
            ours
            & Domain("maventa_invoice_id", "in", list(by_invoice))
            & Domain("move_type", "=", "out_invoice")
        )
        moves = {by_invoice[move.maventa_invoice_id]: move for move in linked}
        old = {row.external_id: row for row in listed}
        new = []
        for remote in there.values():
            vals = {
                "capital_amount": float(remote.capital or 0),
                "open_amount": float(remote.open_amount or 0),
                "collection_status": remote.stage or False,
                "seen_round": company.ropo_adopt_round,
            }
            if remote.id in old:
                old[remote.id].write(vals)
                continue
            move = moves.get(remote.id)
            new.append(
                {
                    **vals,
                    "company_id": company.id,
                    "external_id": remote.id,
                    "invoice_ids": list(remote.invoice_ids),
                    "move_id": move.id if move else False,
                    "number": move.name if move else False,
                    "state": "matched" if move else "looking",
                }
            )
        for row in self.create(new):
            row.message = row._obstacle()

    # ------------------------------------------------------------------
    # Matching with invoices
    # ------------------------------------------------------------------
    @api.model
    def _due(self, state, limit):
        now = fields.Datetime.now()
        active = self.env["res.company"]._ropo_active()
        return self.search(
            Domain("state", "=", state)
            & Domain("company_id", "in", active.ids)
            & (Domain("next_try_at", "=", False) | Domain("next_try_at", "<=", now)),
            order="attempt_at NULLS FIRST, id",
            limit=limit,
        )

    @api.model
    def _looking_due(self, limit):
        return self._due("looking", limit)

    @api.model
    def _confirmed_due(self, limit):
        return self._due("confirmed", limit)

    def _lease_rows(self, state, call_of):
        rows = self.try_lock_for_update(allow_referencing=True)
        rows.invalidate_recordset()
        jobs = []
        for row in rows.filtered(lambda row: row.state == state):
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
                    company=row.company_id.sudo(),
                    call=call_of(row),
                    token=row.token,
                )
            )
        return jobs

    def _hold(self, job):
        """The row, if this answer still belongs to it; what went wrong is put off."""
        row = job.row.exists()
        if not row or row.token != job.token:
            return None
        error = job.error
        if error and not isinstance(error, Rejected):
            worker = self.env["ropo.worker"]
            paused = isinstance(error, AccountTrouble)
            row.write(
                {
                    "token": False,
                    "message": worker._explain(error),
                    "next_try_at": not paused and worker._next_try(row.attempts, error),
                }
            )
            worker._trigger_once("cron_poll", at=row.next_try_at or None)
            return None
        row.write({"token": False, "next_try_at": False, "attempts": 0})
        return row

    def _lease_look(self):
        """Ask Maventa which invoice the case is about."""
        return self._lease_rows(
            "looking",
            lambda row: lambda client, ids=row.invoice_ids: _known_invoices(
                client, ids
            ),
        )

    @api.model
    def _settle_look(self, job):
        row = self._hold(job)
        if not row:
            return
        move, vals = row.env["account.move"], {"state": "unmatched"}
        hits = job.result or []
        for hit in hits:
            vals.update(number=hit.number, recipient=hit.recipient_name)
            same_number = move.search(
                [
                    ("company_id", "child_of", row.company_id.id),
                    ("move_type", "=", "out_invoice"),
                    ("state", "=", "posted"),
                    ("name", "=", hit.number),
                ]
            )
            fitting = same_number.filtered(lambda one, hit=hit: one._ropo_is_hit(hit))
            if len(fitting) == 1:
                vals.update(state="matched", move_id=fitting.id, message=False)
                break
            if len(same_number) > 1:
                vals["message"] = self.env._(
                    "Several invoices in Odoo have number %(name)s. Choose the one it "
                    "is.",
                    name=hit.number,
                )
            elif same_number:
                vals["message"] = self.env._(
                    "Invoice %(name)s has this number, but %(what)s differs. Choose "
                    "the invoice if you know which it is.",
                    name=hit.number,
                    what=move._ropo_and(same_number._ropo_differences(hit)),
                )
            else:
                vals["message"] = self.env._(
                    "There is no posted invoice %(name)s in Odoo.", name=hit.number
                )
        if not hits:
            vals["message"] = self.env._(
                "Maventa does not tell which invoice the case is about. Choose it if "
                "you know."
            )
        row.write(vals)
        row.message = row._obstacle() or row.message

    def _obstacle(self):
        """Why this case can't be taken over as it is, or nothing."""
        self.ensure_one()
        move = self.move_id
        if not move:
            return ""
        live = move._ropo_live()
        if live:
            return self.env._(
                "The invoice has a case here already (%(state)s). Cancel that first: "
                "the invoice is at Ropo.",
                state=live[0]._state_label(),
            )
        if move.state != "posted" or move.company_id.root_id != self.company_id:
            return self.env._("The invoice is not posted, or of another company.")
        if move.currency_id != self.currency_id:
            return self.env._(
                "The invoice is in %(currency)s, but your Ropo account is in "
                "%(account)s.",
                currency=move.currency_id.name,
                account=self.currency_id.name,
            )
        if move.currency_id.compare_amounts(self.capital_amount, move.amount_total) > 0:
            return self.env._(
                "Ropo's claim of %(there)s is larger than the invoice, which is "
                "%(here)s in all. Ask Ropo what it consists of.",
                there=move.currency_id.format(self.capital_amount),
                here=move.currency_id.format(move.amount_total),
            )
        twin = self.search(
            [
                ("move_id", "=", move.id),
                ("id", "!=", self.id),
                ("state", "!=", "adopted"),
            ],
            limit=1,
        )
        if twin:
            return self.env._(
                "Ropo has two open cases of this invoice: %(one)s and %(other)s. Ask "
                "Ropo to close one.",
                one=self.external_id,
                other=twin.external_id,
            )
        return ""

    # ------------------------------------------------------------------
    # Taking over
    # ------------------------------------------------------------------
    def _lease_adopt(self):
        """Read the case once more: what is taken over is as of now."""
        return self._lease_rows(
            "confirmed",
            lambda row: lambda client, i=row.external_id: _case_with_events(client, i),
        )

    @api.model
    def _settle_adopt(self, job):
        row = self._hold(job)
        if not row:
            return
        remote = job.result
        if job.error:
            reason = self.env["ropo.worker"]._explain(job.error)
        elif remote.status == "closed":
            reason = self.env._("Ropo has closed this case meanwhile.")
        else:
            row.write(
                {
                    "capital_amount": float(remote.capital or 0),
                    "open_amount": float(remote.open_amount or 0),
                }
            )
            reason = row._obstacle()
        if reason:
            row.write({"state": "matched", "message": reason})
            return
        move = row.move_id
        if row.invoice_ids and not move.maventa_invoice_id:
            move.sudo().write(
                {
                    "maventa_invoice_id": row.invoice_ids[0],
                    "maventa_lookup": "found",
                    "maventa_candidates": False,
                }
            )
        cases = self.env["ropo.assignment"].with_user(row.confirmed_by_id).sudo()
        case = cases._adopt(move.with_env(cases.env), remote)
        row.write({"state": "adopted", "assignment_id": case.id, "message": False})

    def _postpone_unexpected(self, reason):
        """After a fault nobody foresaw: out of the way of the others."""
        for row in self:
            row.write(
                {
                    "next_try_at": fields.Datetime.now() + timedelta(hours=4),
                    "message": reason,
                }
            )


def _known_invoices(client, invoice_ids):
    """Those of a case's invoices that Maventa shows us (runs in a thread)."""
    found = []
    for invoice_id in invoice_ids or ():
        try:
            found.append(client.invoice(invoice_id))
        except Rejected:
            continue
    return found


class RopoAssignment(models.Model):
    # The scheduled action of another file, with one more thing to do.
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _cron_poll(self):
        result = super()._cron_poll()
        self.env["ropo.adoption"]._work()
        self._run_due_effects()
        return result
