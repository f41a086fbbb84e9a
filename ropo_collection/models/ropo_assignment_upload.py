"""The invoice of a case: looked up at Maventa, and uploaded where it is missing."""

import uuid

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..maventa.errors import AccountTrouble, Rejected
from .ropo_worker import LEASE


class RopoAssignment(models.Model):
    # A case has several concerns, each with a file of its own.
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    upload_missing = fields.Boolean(
        string="Upload if missing",
        help="When Maventa does not have the invoice, it is uploaded there. That sends "
        "nothing to the customer.",
    )
    maventa_lookup = fields.Selection(related="move_id.maventa_lookup")
    upload_offered = fields.Boolean(
        compute="_compute_upload_offered",
        help="The case stopped because Maventa does not have the invoice.",
    )

    @api.depends("state", "maventa_lookup", "maventa_invoice_id")
    def _compute_upload_offered(self):
        for case in self:
            case.upload_offered = (
                case.state == "error"
                and not case.maventa_invoice_id
                and case.maventa_lookup == "missing"
                and case.company_id._ropo_root().ropo_upload_policy != "never"
            )

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------
    def action_upload(self):
        """Upload the invoices that Maventa does not have, and go on."""
        self._check_worker_rights()
        cases = self.sudo().filtered("upload_offered")
        if not cases:
            raise UserError(
                self.env._("There is nothing to upload: Maventa has these invoices.")
            )
        cases.upload_missing = True
        self.browse(cases.ids).action_retry()

    def action_choose(self):
        """Open the choice among what Maventa has under the invoice's number."""
        self.ensure_one()
        self._check_worker_rights()
        return self.move_id.action_ropo_link()

    def _take_choice(self):
        """Somebody has chosen the invoice: what stopped for that goes on.

        Other reasons to stop are found again; nothing is confirmed by the choice.
        """
        waiting = self.filtered(
            lambda case: case.state == "error" and not case.maventa_invoice_id
        )
        waiting.write(
            {
                "state": "queued",
                "error_message": False,
                "next_try_at": False,
                "attempts": 0,
                "needs_attention": False,
                "attention_reason": False,
                "effects_due": True,
                "last_change": fields.Datetime.now(),
            }
        )
        if waiting:
            self.env["ropo.worker"]._trigger_once("cron_transfer")

    # ------------------------------------------------------------------
    # Look-up and upload: parts of the scheduled action
    # ------------------------------------------------------------------
    def _lease_look_up(self):
        """Find the invoice at Maventa by its number, before anything is sent."""
        jobs = []
        cases = self._lock_in(("queued",))._at_home()
        verdicts = cases.move_id._ropo_verdicts(for_cases=cases)
        for case in cases:
            if verdicts[case.move_id].blocks:
                case._refuse(verdicts[case.move_id])
                continue
            known = case.move_id.maventa_invoice_id
            if known and case.move_id.maventa_status != "PENDING":
                case.maventa_invoice_id = known
                continue
            if case.environment == "demo" and not case.upload_missing:
                self.env["ropo.sandbox"]._learn_invoice(case.move_id)
            token = case._take_lease(next_try_at=fields.Datetime.now() + LEASE)
            number = case.move_id.name
            jobs.append(
                case._job(
                    token,
                    lambda client, number=number, known=known: (
                        client.invoice(known) if known else client.find_invoices(number)
                    ),
                )
            )
        return jobs

    def _settle_look_up(self, job):
        case = job.row._hold(job.token, ("queued",))
        if not case:
            return None
        if isinstance(job.error, AccountTrouble):
            case._take_back_to_queue()
        elif isinstance(job.error, Rejected):
            case._stop(self.env["ropo.worker"]._explain(job.error))
        elif job.error:
            case._give_back(job.error)
        elif isinstance(job.result, list):
            hit, reason = case.move_id._ropo_take_answer(job.result)
            if not hit and case.maventa_lookup == "missing" and case._may_upload():
                return case._start_upload()
            case._take_invoice(hit, reason)
        else:
            case.move_id._ropo_take_hit(job.result)
            failed = job.result.status == "FAILED"
            reason = case.move_id._ropo_failed_text() if failed else ""
            case._take_invoice(job.result, reason)
        return None

    def _take_invoice(self, hit, reason):
        """Go on with the invoice at Maventa, or stop for a reason."""
        if reason:
            self._stop(reason)
        elif hit.status == "PENDING":
            self._wait_for_delivery()
        else:
            self.write(
                {
                    "maventa_invoice_id": hit.id,
                    "token": False,
                    "next_try_at": False,
                    "error_message": False,
                }
            )

    def _may_upload(self):
        policy = self.company_id._ropo_root().ropo_upload_policy
        return self.upload_missing and policy != "never"

    def _start_upload(self):
        """Prepare the upload; its id is stored before the call, and stays the same.

        :return: the :class:`Job`, None where the file is not complete
        """
        move = self.move_id.with_company(self.company_id)
        xml, filename, problems = self.env["ropo.invoice.xml"]._build(move)
        if problems:
            self._stop(
                self.env._(
                    "Invoice %(name)s can't be uploaded to Maventa yet. %(problems)s",
                    name=move.name,
                    problems=" ".join(problems),
                )
            )
            return None
        if not move.maventa_upload_uuid:
            move._ropo_aside().maventa_upload_uuid = str(uuid.uuid4())
        token = self._take_lease(next_try_at=fields.Datetime.now() + LEASE)
        own_id = move.maventa_upload_uuid
        job = self._job(token, lambda client: _upload(client, xml, filename, own_id))
        job.settle = self._settle_upload
        return job

    def _settle_upload(self, job):
        """Compare what was uploaded; where no answer came, it is looked for again."""
        case = job.row._hold(job.token, ("queued",))
        if not case:
            return
        worker, move = self.env["ropo.worker"], case.move_id
        if isinstance(job.error, AccountTrouble):
            case._take_back_to_queue()
        elif isinstance(job.error, Rejected):
            case._stop(
                self.env._(
                    "Maventa did not take the file of invoice %(name)s. %(reason)s",
                    name=move.name,
                    reason=worker._explain(job.error),
                )
            )
        elif job.error:
            # Whether it arrived or not: it is looked up again before the next upload.
            case._give_back(job.error)
        elif different := move._ropo_differences(job.result):
            case._stop(
                self.env._(
                    "Invoice %(name)s was uploaded, but what Maventa has stored is not "
                    "the same: %(what)s differs. Nothing is handed over. Ask Maventa's "
                    "support about invoice %(id)s.",
                    name=move.name,
                    what=move._ropo_and(different),
                    id=job.result.id,
                )
            )
        else:
            move._ropo_take_hit(job.result)
            case._note(
                self.env._(
                    "Uploaded to Maventa, which stores it for Ropo. Nothing was sent "
                    "to the customer by that."
                )
            )
            failed = job.result.status == "FAILED"
            reason = self.env._(
                "Maventa could not work with the uploaded file of invoice %(name)s. "
                "Ask Maventa's support about invoice %(id)s.",
                name=move.name,
                id=job.result.id,
            )
            case._take_invoice(job.result, reason if failed else "")

    def _wait_for_delivery(self):
        """Maventa has the invoice, but is not done with it."""
        self.write(
            {
                "token": False,
                "next_try_at": self.env["ropo.worker"]._next_try(self.attempts),
                "error_message": self.env._(
                    "Maventa is still delivering the invoice; it is handed over after "
                    "that."
                ),
            }
        )
        self._wake("cron_transfer")


def _upload(client, xml, filename, own_id):
    """Store an invoice, and read what was stored (runs in a thread)."""
    stored = client.upload_invoice(xml, filename, own_id)
    try:
        return client.invoice(stored.id)
    except Rejected:
        # Not readable yet: what the upload itself answered is compared instead.
        return stored
