import logging
import math
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from queue import SimpleQueue
from typing import Any

import psycopg2

from odoo import api, fields, models

from ..maventa.errors import AccountTrouble, MaventaError, NotNow, Rejected

_logger = logging.getLogger(__name__)

#: Calls of different cases that overlap (threads do HTTP only).
OVERLAP = 8
#: After this long a call can't be under way any more, whatever became of its
#: process: three calls and their token at most, and a wide margin.
LEASE = timedelta(minutes=5)
#: Not begun after this long, a call is not made: the lease must outlast it.
FRESH = LEASE.total_seconds() / 2.5
#: Rows are leased for so many seconds of calls at once, and so many a thread at most;
#: the next ones when fewer than that are in hand.
AHEAD_SECONDS, AHEAD = 5, 16
#: Seconds in which the next page is asked for before a page is worked on: Python runs
#: one thread at a time, and what waits for the network needs none.
HEAD_START = 0.0002
#: Two look-ups must agree, this far apart, before something is sent again.
LOOK_APART = timedelta(minutes=5)
#: A row is taken up at most this often in one run, so that no row can spin.
ROUNDS = 6


@dataclass
class Job:
    """One call that a row has been leased for.

    :param row: the record
    :param company: the root company whose keys are used
    :param call: gets a :class:`~..maventa.client.Client`, runs in a thread, must
        not touch the database
    :param token: the lease written to the row; only its holder may write the answer
    :param settle: writes the answer, where it is not the drain's own
    :param case_id: the case to lock, where the row is one of its reports
    :param leased: when, by the clock that only goes on
    """

    row: models.BaseModel
    company: models.BaseModel
    call: Callable | None = None
    token: str = ""
    settle: Callable | None = None
    case_id: int = 0
    result: Any = None
    error: Exception | None = None
    leased: float = field(default_factory=time.monotonic)


class Calls:
    """The calls of one run, in a few threads that do HTTP only.

    :param size: how many overlap
    :param call: ``call(job, client)`` makes one and keeps its result or error
    """

    def __init__(self, size, call):
        self._size, self._call = size, call
        self._pool = ThreadPoolExecutor(size, "ropo")
        self._stack = ExitStack()
        self._ready, self._done = deque(), SimpleQueue()
        self._slowest = None
        self._clients, self._stopped = {}, {}
        #: The rows that are leased and not settled yet
        self.in_hand = set()
        #: Companies whose account was in trouble before this run
        self.troubled = set()
        #: Companies that were paused in this run
        self.paused = set()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        # What has not begun is not begun: its lease runs out, and it is looked up.
        self._ready.clear()
        self._pool.shutdown()
        self._stack.close()

    def ahead(self):
        """How many rows to lease: few while calls are slow or unknown."""
        times = int(AHEAD_SECONDS / self._slowest) if self._slowest else 1
        self._slowest = None
        return self._size * min(max(times, 1), AHEAD)

    def knows(self, company):
        """Whether calls for this company were opened or stopped."""
        return company.id in self._clients or company.id in self._stopped

    def open(self, company, client):
        """Make the calls for this company with this client."""
        self._clients[company.id] = self._stack.enter_context(client)

    def stop(self, company, error):
        """Make no more calls for this company: this is what came of the others."""
        self._stopped[company.id] = error

    def start(self, job, first=False):
        """Make this call when a thread is free.

        :param first: before those that wait: it belongs to a call just made
        """
        self.in_hand.add(job.row.id)
        client = self._clients.get(job.company.id)
        if client and client.account.environment == "demo":
            # The built-in sandbox lives in this database.
            self._make(job)
        else:
            (self._ready.appendleft if first else self._ready.append)(job)
            self._pool.submit(self._make_next)

    def _make_next(self):
        """Runs in a thread."""
        try:
            job = self._ready.popleft()
        except IndexError:
            return  # the run has ended
        self._make(job)

    def _make(self, job):
        started = time.monotonic()
        if job.company.id in self._stopped:
            job.error = self._stopped[job.company.id]
        elif started - job.leased > FRESH:
            job.error = NotNow("timeout")
        else:
            self._call(job, self._clients[job.company.id])
            self._slowest = max(self._slowest or 0, time.monotonic() - started)
            if isinstance(job.error, AccountTrouble):
                self.stop(job.company, job.error)
        self._done.put(job)

    def answered(self, most=1):
        """The next jobs that have their result or error: one, if any are left, or more.

        :param most: how many, if they have it already
        """
        if not self.in_hand:
            return []
        jobs = [self._done.get()]
        while len(jobs) < most and not self._done.empty():
            jobs.append(self._done.get())
        self.in_hand.difference_update(job.row.id for job in jobs)
        return jobs


class RopoWorker(models.AbstractModel):
    """How scheduled actions call Maventa: leases, overlapping calls, short slices."""

    _name = "ropo.worker"
    _description = "Calls to Ropo by scheduled actions"

    # ------------------------------------------------------------------
    # Words
    # ------------------------------------------------------------------
    @api.model
    def _explain(self, error):
        """An error of the client as a sentence for a person."""
        unreadable = self.env._("Maventa's answer can't be read.")
        sentences = {
            "switched_off": self.env._("Ropo is switched off for this company."),
            "neutralized": self.env._(
                "This is a neutralized copy of a database: nothing is sent from it."
            ),
            "moved": self.env._(
                "This database has another name or web address than the one Ropo was "
                "set up in. Nothing is sent before an administrator says in Settings "
                "whether it is the real one or a copy."
            ),
            "keys_missing": self.env._(
                "Maventa's keys are missing. An administrator enters them in Settings."
            ),
            "unreachable": self.env._("Maventa can't be reached at the moment."),
            "timeout": self.env._("Maventa did not answer in time."),
            "busy": self.env._("Maventa is busy and asks to try later."),
            "server_error": self.env._("Maventa had a problem of its own."),
            "unreadable_answer": unreadable,
            "too_many": unreadable,
            "not_believable": self.env._(
                "Maventa says it does not know this, but its answer can't be relied on."
            ),
            "wrong_keys": self.env._(
                "Maventa refuses the keys. An administrator checks company UUID, user "
                "API key and vendor API key in Settings."
            ),
            "missing_rights": self.env._(
                "The keys lack rights at Maventa: %(scopes)s. Ask Maventa to add them.",
                scopes=", ".join(getattr(error, "missing_scopes", ()) or ("?",)),
            ),
            "no_access": self.env._("Maventa gives no access with these keys."),
            "service_not_active": self.env._(
                "The Ropo service is not active at Maventa."
            ),
            "not_found": self.env._("Maventa does not know this."),
            "forbidden": self.env._("Maventa does not allow this."),
            "invalid": self.env._("Maventa does not accept this."),
            "conflict": self.env._("Maventa says this has been done already."),
        }
        if not isinstance(error, MaventaError):
            return self.env._(
                "Something unexpected went wrong; the server's log tells more."
            )
        text = sentences.get(error.reason) or self.env._("Maventa refused the request.")
        if error.reason == "too_large" and not isinstance(error, Rejected):
            text = unreadable  # the answer, not what was sent
        said = "; ".join(filter(None, [error.message, *error.details]))
        if said and not isinstance(error, NotNow):
            text = self.env._(
                "%(sentence)s It says: %(said)s", sentence=text, said=said
            )
        return text

    @api.model
    def _next_try(self, attempts, error=None):
        """When to try again: doubling from a minute to four hours, with jitter.

        What the server asked for (Retry-After) is honoured here, in the schedule.
        """
        seconds = min(60 * 2 ** min(attempts, 8), 4 * 3600) * random.uniform(0.8, 1.2)
        asked = getattr(error, "retry_after", None) or 0
        return fields.Datetime.now() + timedelta(
            seconds=max(seconds, min(asked, 24 * 3600))
        )

    # ------------------------------------------------------------------
    # Slices
    # ------------------------------------------------------------------
    @api.model
    def _end_transaction(self, processed=None, remaining=None):
        """Commit, and say how many seconds of the run are left.

        The next statement begins a new transaction, so a lock taken by it sees what
        it locks. Without numbers the run's progress is not written: that would cost as
        much as the result of a call.
        """
        cron = self.env["ir.cron"]
        if processed is None and remaining is None:
            cron = cron.with_context(ir_cron_progress_id=False)
        return cron._commit_progress(processed or 0, remaining=remaining)

    @api.model
    def _seconds_left(self):
        """How many seconds of the run are left, without ending the transaction."""
        ends = self.env.context.get("cron_end_time", math.inf)
        return max(ends - time.monotonic(), 0)

    @api.model
    def _read_ahead(self, client, pages):
        """Yield each page, and whether the one after it is asked for.

        While a page is worked on, a thread fetches the next one (HTTP only). When the
        run's time is over none is asked for, so that no call is made in vain.
        """
        with ThreadPoolExecutor(1, "ropo") as pool:
            page = next(pages, None)
            while page:
                goes_on, ahead = self._seconds_left() > 0, None
                # The built-in sandbox lives in this database, and is not called beside.
                if goes_on and client.account.environment != "demo":
                    ahead = pool.submit(next, pages, None)
                    time.sleep(HEAD_START)
                yield page, goes_on
                if not goes_on:
                    return
                page = ahead.result() if ahead else next(pages, None)

    @api.model
    def _drain(self, find, lease, settle, size=OVERLAP, together=None):
        """Lease, call and settle rows until none is due or the run's time is over.

        While calls are under way, the answers of others are written, one commit each,
        and the next rows are leased.

        :param find: ``find(limit)`` returns the rows due now, oldest attempt first
        :param lease: ``lease(rows)`` locks them, checks all again and returns a
            :class:`Job` for each that is to be called
        :param settle: ``settle(job)`` writes the answer to the row, if it still
            holds the lease; it may return a following :class:`Job`
        :param size: how many calls overlap
        :param together: ``together(jobs)`` does what ``settle`` does for several calls
            that only read, in one transaction; it returns the following jobs, and those
            of the jobs that are to be settled alone
        :return: whether time was left at the end
        """
        rounds, answered, due, ahead = Counter(), 0, True, 0
        with Calls(size, self._call_one) as calls:
            while True:
                # Leasing takes its time: the threads go on with what is left meanwhile.
                if due and len(calls.in_hand) < max(2 * size, ahead):
                    # Rows that did not get on are passed over, not waited for.
                    passed = {id_ for id_, times in rounds.items() if times >= ROUNDS}
                    passed |= calls.in_hand
                    ahead = calls.ahead()
                    rows = find(ahead + len(passed))
                    rows = (rows - rows.browse(passed))[:ahead]
                    rounds.update(rows.ids)
                    left = self._end_transaction(answered, remaining=len(rows))
                    answered, due = 0, bool(rows) and left > 0
                    if due:
                        self._start(calls, self._each(rows, lease))
                        continue
                jobs = calls.answered(size if together else 1)
                if jobs:
                    answered += len(jobs)
                    if together:
                        jobs = self._answered_together(jobs, calls, together)
                    for job in jobs:
                        following = self._answered(job, calls, job.settle or settle)
                        if following:
                            self._start(calls, [following], first=True)
                    # What is written now may make others due.
                    due = due or (not calls.in_hand and left > 0)
                elif not due:
                    return left > 0

    @api.model
    def _start(self, calls, jobs, first=False):
        """Hand jobs to the threads, with the client of their company."""
        for job in jobs:
            if not calls.knows(job.company):
                self._open(calls, job.company)
            calls.start(job, first)

    @api.model
    def _open(self, calls, company):
        if company.ropo_trouble:
            calls.troubled.add(company.id)
        try:
            calls.open(company, company._ropo_client())
        except MaventaError as error:
            calls.stop(company, error)
        # Nothing read here may come before the lock that follows.
        self._end_transaction()

    @api.model
    def _answered_together(self, jobs, calls, together):
        """Settle the calls that have only read, and start what follows.

        :return: the jobs that are to be settled alone
        """
        read = [job for job in jobs if not job.settle and not job.error]
        # One language a transaction, as with rows.
        read = [job for job in read if job.row.env == read[0].row.env]
        if len(read) < 2:
            return jobs
        for job in read:
            self._accounts_follow(job, calls)
        try:
            following, alone = together(read)
            self._end_transaction()
        except Exception:  # noqa: BLE001 the one it is about fails alone, too
            self.env.cr.rollback()
            return jobs
        self._start(calls, following, first=True)
        return [job for job in jobs if job in alone or job not in read]

    @api.model
    def _answered(self, job, calls, settle):
        """Write one answer, and what it says about the account."""
        if isinstance(job.error, MaventaError):
            # The client's own line has no record, this one has nothing else.
            _logger.info("%s: %s", job.row, job.error.reason)
        self._accounts_follow(job, calls)
        return self._settle(job, settle)

    @api.model
    def _by_language(self, rows):
        """The rows, in groups whose texts are written in one language.

        What the scheduled actions write is read by the company's people. Nothing is
        read from the database where one language serves all: the lock that follows is
        to be the first statement of its transaction.
        """
        if rows._name != "res.company" and "company_id" not in rows._fields:
            # A window: its owner reads it.
            return [rows]
        languages = self.env["res.company"]._ropo_languages()
        if len(set(languages.values())) == 1:
            return [rows.with_context(lang=next(iter(languages.values())))]

        def language(row):
            company = row if row._name == "res.company" else row.company_id
            return languages.get(company.id)

        groups = rows.grouped(language)
        return [group.with_context(lang=lang) for lang, group in groups.items()]

    @api.model
    def _each(self, rows, work):
        """Run ``work`` on all rows in one transaction, or, if that fails, alone."""
        groups = self._by_language(rows)
        if len(groups) > 1:
            return [done for group in groups for done in self._each(group, work)]
        [rows] = groups or [rows]
        try:
            done = work(rows) or []
            self._end_transaction()
            return done
        except Exception as error:  # noqa: BLE001 one bad row must not stop the others
            self.env.cr.rollback()
            if len(rows) == 1:
                self._set_aside(rows, error)
                return []
        done = []
        for row in rows:
            done += self._each(row, work)
        return done

    @api.model
    def _settle(self, job, settle):
        """Write one answer in its own transaction.

        What collides with somebody else's transaction is tried again: an answer of
        Maventa must not get lost. If it is lost all the same, the lease runs out and
        the row is looked up.
        """
        [job.row] = self._by_language(job.row)
        for _attempt in range(5):
            try:
                following = settle(job)
                self._end_transaction()
                return following
            except psycopg2.OperationalError as error:
                self.env.cr.rollback()
                collision = error
            except Exception as error:  # noqa: BLE001
                self.env.cr.rollback()
                self._set_aside(job.row, error)
                return None
        self._set_aside(job.row, collision)
        return None

    @api.model
    def _set_aside(self, row, error):
        """A row that failed in a way nobody foresaw waits; its reason is kept."""
        if isinstance(error, psycopg2.OperationalError):
            _logger.info("%s is busy, taken up again later", row)
            return
        _logger.exception("%s could not be worked on", row, exc_info=error)
        if not hasattr(row, "_postpone_unexpected"):
            return
        try:
            row._postpone_unexpected(self._explain(error))
            self._end_transaction()
        except Exception:  # noqa: BLE001
            self.env.cr.rollback()
            _logger.exception("%s could not be set aside", row)

    @api.model
    def _accounts_follow(self, job, calls):
        """Pause a company whose account is in trouble; go on when it is over."""
        error, company = job.error, job.company
        if isinstance(error, AccountTrouble):
            if company.id not in calls.paused:
                calls.paused.add(company.id)
                self._each(company, lambda row: row._ropo_pause(error))
        elif company.id in calls.troubled and not isinstance(error, NotNow):
            calls.troubled.discard(company.id)
            self._each(company, lambda row: row._ropo_resume())

    @staticmethod
    def _call_one(job, client):
        """Runs in a thread: HTTP only."""
        try:
            job.result = job.call(client)
        except MaventaError as error:
            job.error = error
        except Exception as error:  # noqa: BLE001
            _logger.exception("a call failed in %s", threading.current_thread().name)
            job.error = error

    @api.model
    def _trigger_once(self, xmlid, at=None):
        """Wake a scheduled action; at most one trigger a transaction and time.

        The action starts when this transaction is committed, not before.
        """
        # Odoo empties this with every commit and rollback.
        moments = self.env.cr.precommit.data.setdefault(f"ropo.trigger.{xmlid}", set())
        if at in moments:
            return
        moments.add(at)
        cron = self.env.ref(f"ropo_collection.{xmlid}", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at=at)
