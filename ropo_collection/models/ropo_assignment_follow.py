"""Following cases at Ropo: transfer status, the list of cases, their events."""

import logging
from dataclasses import replace
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..maventa.errors import AccountTrouble, MaventaError
from ..maventa.wire import WireError
from .ropo_assignment_event import UNRESOLVED
from .ropo_worker import LEASE, Job

_logger = logging.getLogger(__name__)

#: The whole list is read again when the last reading began this long ago.
LIST_EVERY = timedelta(minutes=55)
#: What Ropo calls a case that it works on.
LIVING = ("open", "partially_closed")
#: Ropo may open a case again this long after it was closed.
WATCHED_AFTER = timedelta(days=90)
#: A transfer that Maventa does not process in this time needs a person.
PENDING_LONG = timedelta(days=2)
#: A transfer that can't be told to have arrived or not in this time, too.
UNKNOWN_LONG = timedelta(hours=4)


class RopoAssignment(models.Model):
    # A case has three concerns, each with a file of its own.
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _cron_poll(self):
        """Follow transfers in process, cases asked for, and the list of all cases."""
        worker, cases = self.env["ropo.worker"], type(self)
        for find, lease, settle in (
            (self._pending_due, cases._lease_pending, self._settle_pending),
            (self._refresh_asked, cases._lease_refresh, self._settle_refresh),
        ):
            if not worker._drain(find, lease, settle):
                # The list has its turn in a run of its own.
                worker._trigger_once("cron_poll")
                break
        else:
            self._poll_lists()
        self._run_due_effects()

    # -- transfers in process -------------------------------------------
    @api.model
    def _pending_due(self, limit):
        return self._find_due(self._due_domain(("pending",)), limit)

    def _lease_pending(self):
        jobs = []
        for case in self._lock_in(("pending",))._at_home():
            token = case._take_lease(next_try_at=fields.Datetime.now() + LEASE)
            invoice_id = case.maventa_invoice_id
            jobs.append(
                case._job(
                    token, lambda client, i=invoice_id: _transfer_and_case(client, i)
                )
            )
        return jobs

    def _settle_pending(self, job):
        case = job.row._hold(job.token, ("pending",))
        if not case:
            return
        if job.error:
            case._give_back(job.error)
            case._review()
            return
        status, remote = job.result
        if status and status.status == "error":
            case._stop(case._explain_reason(status.error_reason))
        elif remote:
            case._arrive(remote)
        else:
            case._wait_for_ropo(status)

    def _arrive(self, remote):
        """Ropo has the case: from now on it is followed by Ropo's own number."""
        self.write(
            {
                "state": "sent",
                "external_id": remote.id,
                "token": False,
                "next_try_at": False,
                "error_message": False,
                "attempts": 0,
                "last_change": fields.Datetime.now(),
            }
        )
        self._settle_claim(float(remote.capital or 0))
        self._note(self.env._("Ropo has opened case %(case)s.", case=remote.id))
        self._take_assignment(remote)
        self._mark_recheck()

    def _wait_for_ropo(self, status):
        """Still in process: look again, ever more seldom, and say so after days."""
        vals = {
            "token": False,
            "next_try_at": self.env["ropo.worker"]._next_try(self.attempts),
            "error_message": self._without_ids((status and status.error_reason) or "")
            or False,
        }
        self.write(vals)
        self._review()
        self._wake("cron_poll")

    def _waiting_reasons(self):
        """What has taken so long that a person has to ask Maventa."""
        since, patience = {
            "pending": (self.accepted_at, PENDING_LONG),
            "unknown": (self.attempt_at, UNKNOWN_LONG),
        }.get(self.state, (None, None))
        if not since or since + patience > fields.Datetime.now():
            return []
        if self.state == "unknown":
            text = self.env._(
                "It can't be told whether Maventa received this transfer, and nothing "
                "is sent again before that is clear. Ask Maventa's support about "
                "invoice %(id)s.",
                id=self.maventa_invoice_id,
            )
        else:
            text = self.env._(
                "Maventa has had this transfer for more than two days. Ask Maventa's "
                "support about invoice %(id)s.",
                id=self.maventa_invoice_id,
            )
        return [text]

    # -- cases somebody asked about -------------------------------------
    @api.model
    def _refresh_asked(self, limit):
        domain = self._due_domain(("sent", "closed")) & Domain("refresh_due", "=", True)
        return self._find_due(domain, limit)

    def _lease_refresh(self):
        jobs = []
        for case in self._lock_in(("sent", "closed"))._at_home():
            token = case._take_lease(refresh_due=False)
            case_id = case.external_id
            jobs.append(
                case._job(token, lambda client, i=case_id: _case_with_events(client, i))
            )
        return jobs

    def _settle_refresh(self, job):
        case = job.row._hold(job.token, ("sent", "closed"))
        if not case:
            return
        if job.error:
            # The next reading of the whole list brings it anyway.
            case.write(
                {
                    "token": False,
                    "error_message": self.env["ropo.worker"]._explain(job.error),
                }
            )
            return
        case.write({"token": False, "error_message": False})
        case._take_assignment(job.result)

    # -- the list of all cases ------------------------------------------
    @api.model
    def _poll_lists(self):
        worker = self.env["ropo.worker"]
        for company in self.env["res.company"]._ropo_active():
            if worker._seconds_left() <= 0:
                worker._trigger_once("cron_poll")
                return
            self._poll_list(company)

    @api.model
    def _poll_list(self, company):
        """Read Ropo's list page by page, going on where the last run stopped.

        A case that has not changed since is not written. How far the run came is
        written once, at its end: one that is killed is done again from its beginning.
        """
        worker = self.env["ropo.worker"]
        began, asked = fields.Datetime.now(), company.ropo_poll_started
        start = following = max(company.ropo_poll_page, 1)
        if start == 1:
            followed = Domain("company_id", "child_of", company.id) & (
                Domain("state", "in", ("pending", "sent", "unknown"))
                | Domain("state", "=", "closed")
                & Domain("closed_at", ">", began - WATCHED_AFTER)
            )
            fresh = asked and asked + LIST_EVERY > began
            if fresh or not self.search_count(followed, limit=1):
                return
        # With archived branches: their cases live on.
        branches = company.with_context(active_test=False).search(
            [("id", "child_of", company.id)]
        )
        goes_on, trouble = True, None
        try:
            with company._ropo_client() as client:
                # No transaction is open while Ropo is waited for.
                worker._end_transaction()
                pages = client.iter_listed_pages(start)
                for page, more in worker._read_ahead(client, pages):
                    self._take_page(company, branches, page.items)
                    following, goes_on = page.next_page, more
        except MaventaError as error:
            self.env.cr.rollback()
            _logger.info("Ropo's list of company %s: %s", company.id, error.reason)
            trouble = error

        def keep_place(job):
            root = job.row
            whole = not trouble and (goes_on or not following)
            vals = {"ropo_poll_page": 1 if whole else following}
            if start == 1 and root.ropo_poll_started == asked:
                # Else somebody has asked for another reading meanwhile.
                vals["ropo_poll_started"] = began
            if whole:
                root._ropo_resume()
                vals["ropo_last_poll"] = fields.Datetime.now()
            elif isinstance(trouble, AccountTrouble):
                root._ropo_pause(trouble)
            elif not trouble:
                worker._trigger_once("cron_poll")
            elif following > 1:
                # Half a list is not left for an hour.
                worker._trigger_once("cron_poll", at=worker._next_try(2, trouble))
            root.write(vals)

        worker._settle(Job(row=company, company=company), keep_place)

    @api.model
    def _take_page(self, company, branches, items):
        """Apply those of a page that are ours and have changed.

        One query for all: PostgreSQL compares, and only what differs comes back.
        """
        by_id = {listed.id: listed for listed in items}
        changed = self.env.execute_query(
            SQL(
                """
                SELECT a.id, a.external_id
                  FROM unnest(%s, %s) AS listed (id, mark)
                  JOIN ropo_assignment a ON a.external_id = listed.id
                 WHERE a.remote_digest IS DISTINCT FROM listed.mark
                   AND a.state IN ('sent', 'closed')
                   AND a.company_id IN %s
              ORDER BY a.id
                """,
                list(by_id),
                [listed.mark for listed in by_id.values()],
                tuple(branches.ids),
            )
        )
        # Nothing was written, and the next statement is to see what it locks.
        self.env.cr.rollback()
        for case_id, external_id in changed:
            try:
                remote = by_id[external_id].assignment()
            except WireError as error:
                _logger.warning(
                    "case %s can't be read in Ropo's list: %s", case_id, error
                )
                continue
            # Waits for whoever has the case for a moment: one passed over would be
            # compared with an old figure of Ropo's until the next reading.
            self.env["ropo.worker"]._settle(
                Job(row=self.browse(case_id), company=company),
                lambda job, remote=remote: job.row._lock_case()._take_assignment(
                    remote
                ),
            )

    # -- what Ropo tells about a case -----------------------------------
    def _take_assignment(self, remote):
        """Take over what Ropo shows of this case. Repeatable; needs the lock."""
        for case in self:
            if remote.mark and case.remote_digest == remote.mark:
                continue
            vals = {
                "remote_status": remote.status
                if remote.status in (*LIVING, "closed")
                else remote.status_raw,
                "remote_capital": float(remote.capital or 0),
                "remote_open": float(remote.open_amount or 0),
                "remote_shows_open": remote.open_amount is not None,
                "collection_status_raw": remote.stage_raw or False,
                "collection_status": remote.stage or False,
                "remote_digest": remote.mark or False,
                "last_change": fields.Datetime.now(),
            }
            if case.collection_status_raw != vals["collection_status_raw"]:
                case._note(
                    self.env._(
                        "Stage at Ropo: %(stage)s.",
                        stage=case._stage_label(remote.stage, remote.stage_raw),
                    )
                )
            case.write(vals)
            if remote.events is not None:
                case._take_events(remote.events)
                case._miss_events(remote.events)
            if remote.status == "closed" and case.state == "sent":
                case._close()
            elif remote.status in LIVING and case.state == "closed":
                case._reopen()
            case._judge_balance()
            case._recheck()

    def _stage_label(self, stage, raw):
        labels = dict(
            self._fields["collection_status"]._description_selection(self.env)
        )
        if stage and stage != "other":
            return labels[stage]
        return raw or "-"

    def _close(self):
        """Ropo has closed the case. Nothing is written off by that."""
        self.write(
            {
                "state": "closed",
                "closed_at": fields.Datetime.now(),
                "effects_due": True,
                "last_change": fields.Datetime.now(),
            }
        )
        self._note(self.env._("Ropo has closed the case."))

    def _reopen(self):
        """Ropo collects again, after a correction perhaps: it has to hear of money."""
        self.write(
            {
                "state": "sent",
                "closed_at": False,
                "effects_due": True,
                "last_change": fields.Datetime.now(),
            }
        )
        self._note(self.env._("Ropo has opened the case again."))

    def _take_events(self, remote_events):
        """Add what is new in Ropo's list of events. Needs the lock."""
        self.ensure_one()
        known = self.event_ids._known_ids()
        listed = {remote.id for remote in remote_events}
        unresolved = self.event_ids.filtered(lambda event: event.state in UNRESOLVED)
        nameless = self.event_ids.filtered(
            lambda event: event.state == "sent"
            and event.external_id not in listed
            and not event._is_taken_back()
        )
        new = []
        for remote in remote_events:
            if not remote.id or remote.id in known:
                continue
            known.add(remote.id)
            ours = nameless.filtered(lambda event, r=remote: event._is_like(r))[:1]
            if ours:
                # Listed under another number than the one it was answered with.
                ours.seen_ids = [*(ours.seen_ids or []), ours.external_id or ""]
                ours.external_id = remote.id
                nameless -= ours
                continue
            if any(
                remote.kind in ("paid", "credit_note") or event._may_be(remote)
                for event in unresolved
            ):
                # It may be our own report whose answer is missing: not yet.
                known.discard(remote.id)
                self.remote_digest = False
                continue
            new.append(remote)
        if new:
            # All at once: a case may come with thousands.
            self.env["ropo.assignment.event"].create(
                [self._heard_values(remote) for remote in new]
            )
            self._note(*filter(None, map(self._heard_note, new)))
            self._refresh_sums()

    def _miss_events(self, remote_events):
        """Mark reports that Ropo answered a day ago and does not list.

        Until then the list is looked at again, though it may not have changed.
        """
        listed = {remote.id for remote in remote_events}
        day_ago = fields.Datetime.now() - timedelta(days=1)
        for event in self.event_ids:
            if (event.direction, event.state) != ("out", "sent"):
                continue
            lacking = (
                event.external_id
                and event.external_id not in listed
                and not event._is_taken_back()
            )
            missing = bool(lacking and event.attempt_at and event.attempt_at < day_ago)
            if lacking and not missing:
                self.remote_digest = False
            if event.missing_there != missing:
                event.missing_there = missing

    def _heard_values(self, remote):
        return {
            "assignment_id": self.id,
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "direction": "in",
            "state": "received",
            "kind": remote.kind,
            "raw_type": remote.raw_type,
            "external_id": remote.id,
            "amount": float(remote.amount or 0),
            "booked_at": remote.date,
            "text": remote.text,
        }

    def _heard_note(self, remote):
        """The line of an event for the chatter, if it has one."""
        if remote.kind == "paid":
            return self.env._(
                "The debtor paid %(amount)s to Ropo.",
                amount=self.currency_id.format(float(remote.amount or 0)),
            )
        if remote.kind == "comment":
            return self.env._("Ropo writes: %(text)s", text=remote.text or "-")
        return None


def _transfer_and_case(client, invoice_id):
    """What became of a transfer, and the case once there is one (runs in a thread)."""
    status = client.transfer_status(invoice_id)
    if status is None or status.status != "sent":
        return status, None
    if status.assignment_id:
        return status, _case_with_events(client, status.assignment_id)
    return status, client.find_assignment(invoice_id)


def _case_with_events(client, case_id):
    """A case with its events (runs in a thread)."""
    case = client.assignment(case_id)
    if case.events is None:
        # The list may come without them: what it shows is another thing.
        case = replace(case, events=client.events(case_id), mark="")
    return case
