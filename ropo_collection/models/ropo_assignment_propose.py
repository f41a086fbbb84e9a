"""The case: proposed by the company's policy, for a person to approve or stop.

Once a day, and in slices that can be interrupted: what is proposed is checked again,
what is due by the policy *Automatic* is queued, and what has become ready is proposed.
Warnings stop all of it.
"""

from datetime import datetime, time

from dateutil import rrule

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

from .res_company_state import DONE

#: Invoices or proposals looked at between two commits.
SLICE = 1000
#: Cases made or moved on between two commits: each costs some milliseconds.
CHUNK = 100


class RopoAssignment(models.Model):
    # A concern with a file of its own
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    send_on = fields.Date(
        string="Sent by itself on",
        copy=False,
        help="Policy Automatic: on this day the proposed case is sent, unless somebody "
        "stops it before or something has come up. Empty: it waits for approval.",
    )
    reviewed_on = fields.Date(
        copy=False, help="When the proposed case was last checked again."
    )
    declined_due = fields.Date(
        copy=False,
        help="The invoice's due date when a person cancelled this case. As long as due "
        "date and open amount are the same, the invoice is not proposed again.",
    )
    invoice_date_due = fields.Date(
        related="move_id.invoice_date_due", depends=["move_id"]
    )
    days_overdue = fields.Integer(
        related="move_id.ropo_days_overdue", depends=["move_id"]
    )

    @api.model
    def _cron_propose(self):
        """Check proposals again, send what is due, propose what has become ready.

        A round goes through all companies. When its time is over it goes on where it
        stopped: `ropo_propose_after` on the company says how far it is.
        """
        worker = self.env["ropo.worker"]
        companies = self.env["res.company"]._ropo_active()
        if all(company.ropo_propose_after == DONE for company in companies):
            worker._each(companies, type(companies)._ropo_begin_proposing)
        for company in companies:
            if company.ropo_propose_after == DONE:
                continue
            if not (self._review_proposals(company) and self._propose_ready(company)):
                return
            worker._each(company, type(company)._ropo_end_proposing)
        worker._each(companies, type(companies)._ropo_begin_proposing)
        worker._end_transaction(remaining=0)

    # -- what is proposed already -------------------------------------------
    @api.model
    def _review_proposals(self, company):
        """Check all proposals of this company again.

        :return: whether there was time for all of them
        """
        worker, today = self.env["ropo.worker"], fields.Date.today()
        domain = (
            Domain("company_id", "child_of", company.id)
            & Domain("state", "=", "proposed")
            & (Domain("reviewed_on", "=", False) | Domain("reviewed_on", "!=", today))
        )
        after = 0
        while cases := self.search(
            domain & Domain("id", ">", after), order="id", limit=SLICE
        ):
            after = cases[-1].id
            for start in range(0, len(cases), CHUNK):
                chunk = cases[start : start + CHUNK]
                if worker._end_transaction(len(chunk), remaining=len(cases)) <= 0:
                    return False
                worker._each(chunk, type(self)._review_slice)
            self.env.invalidate_all()
        return True

    def _review_slice(self):
        """Cancel what can't be handed over; queue what is due and in order."""
        cases = self._lock_in(("proposed",))
        verdicts = cases.move_id._ropo_verdicts(for_cases=cases)
        trusted = cases.move_id._ropo_known_debtors()
        for case in cases:
            verdict = verdicts[case.move_id]
            case.reviewed_on = fields.Date.today()
            if verdict.blocks:
                case._give_up_proposal(verdict)
            elif verdict.warnings:
                texts = " ".join(text for _code, text in verdict.warnings)
                case.write({"error_message": texts, "send_on": False})
            elif not case._may_send_itself(trusted):
                case.write({"error_message": False, "send_on": False})
            elif not case.send_on:
                case._set_send_day()
            elif case.send_on <= case.company_id._ropo_today():
                case._send_itself()

    def _give_up_proposal(self, verdict):
        """It was ready and is not any more; proposed anew when it is again."""
        reason = " ".join(text for _code, text in verdict.blocks)
        if {"off", "service"} & {code for code, _text in verdict.blocks}:
            # Not this invoice's fault.
            self.write({"error_message": reason, "send_on": False})
            return
        self.write(
            {
                "state": "cancelled",
                "send_on": False,
                "error_message": reason,
                "last_change": fields.Datetime.now(),
            }
        )
        self._note(self.env._("Not proposed any more: %(reason)s", reason=reason))

    def _may_send_itself(self, trusted):
        """Whether the policy lets this case go without anybody's approval.

        A consumer's first case goes by a person's hand only.

        :param trusted: what :meth:`account.move._ropo_known_debtors` says
        """
        root = self.company_id.root_id
        return root.ropo_transfer_policy == "automatic" and (
            self.receivables_type.startswith("b2b")
            or (root.id, self.partner_id.id) in trusted
        )

    def _set_send_day(self):
        """From tomorrow on, people have the company's business days to stop it."""
        today = datetime.combine(self.company_id._ropo_today(), time())
        days = rrule.rrule(
            rrule.DAILY,
            dtstart=today,
            byweekday=(rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR),
        )
        # `xafter` leaves today out.
        *_others, last = days.xafter(
            today, count=max(self.company_id.root_id.ropo_veto_days, 1) + 1
        )
        self.write({"error_message": False, "send_on": last.date()})

    def _send_itself(self):
        """Nobody has stopped it, and nothing has come up. It is checked once more
        when it is sent, where no warning counts as confirmed.
        """
        # Days have passed since they were proposed; the customer may have changed.
        self.payer_ids._read_again()
        self.write(
            {
                "state": "queued",
                "error_message": False,
                "requested_at": fields.Datetime.now(),
                "last_change": fields.Datetime.now(),
            }
        )
        self._note(
            self.env._(
                "Sent by the policy Automatic: proposed on %(day)s, to be sent on "
                "%(send)s, and not stopped by anybody.",
                day=format_date(self.env, self.create_date),
                send=format_date(self.env, self.send_on),
            )
        )
        self.env["ropo.worker"]._trigger_once("cron_transfer")

    # -- what is not proposed yet ---------------------------------------------
    @api.model
    def _propose_ready(self, company):
        """Propose what has become ready, by the policy of this company.

        :return: whether there was time for all of it
        """
        if company.ropo_transfer_policy == "manual":
            return True
        worker = self.env["ropo.worker"]
        branches = self.env["res.company"].search([("id", "child_of", company.id)])
        moves = self.env["account.move"].with_context(allowed_company_ids=branches.ids)
        domain = moves._ropo_policy_domain(company)
        after = company.ropo_propose_after
        while found := moves.search(
            domain & Domain("id", ">", after), order="id", limit=SLICE
        ):
            clear = found.browse(worker._each(found, self._propose_clear))
            for start in range(0, len(clear), CHUNK):
                if worker._end_transaction(remaining=len(found)) <= 0:
                    return False
                chunk = clear[start : start + CHUNK]
                worker._each(chunk, self._propose)
                self._keep_place(company, chunk[-1].id)
            after = found[-1].id
            self._keep_place(company, after)
            if worker._end_transaction(len(found), remaining=1) <= 0:
                return False
            self.env.invalidate_all()
        return True

    @api.model
    def _keep_place(self, company, after):
        """Where to go on, when the time is over."""
        self.env["ropo.worker"]._each(
            company, lambda row: row.write({"ropo_propose_after": after})
        )

    @api.model
    def _propose_clear(self, moves):
        """The ids of those in whose way nothing stands, not even a warning."""
        verdicts = moves._ropo_verdicts()
        return [
            move.id
            for move in moves
            if not verdicts[move].blocks and not verdicts[move].warnings
        ]

    @api.model
    def _propose(self, moves):
        """Cases that wait for approval; what needs a look is left for a person."""
        trusted = moves._ropo_known_debtors()
        for move in moves.browse(self._propose_clear(moves)):
            case = self._create_for(
                move,
                state="proposed",
                collection_type=move.company_id._ropo_default_collection_type(),
                receivables_type=move._ropo_type(),
                summary=move._ropo_summary(),
                reviewed_on=fields.Date.today(),
            )
            if case._may_send_itself(trusted):
                case._set_send_day()
