"""The company: how its set-up and its cases stand, and who hears of it."""

import platform
from datetime import datetime, time, timedelta

from dateutil import rrule
from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from odoo import api, fields, models, release
from odoo.exceptions import ValidationError
from odoo.tools import SQL, format_date

from ..tools import sealed
from .res_company import COUNTRY_CURRENCY, KEYS, REAL, SETTLEMENT, TESTED
from .ropo_assignment import HANDED_OVER

#: In `ropo_propose_after`: the round under way is done with this company.
DONE = -1
BUSINESS_DAYS = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR)
#: Nothing that is due waits longer than this while all is well.
STALLED = timedelta(hours=4)
#: The list of cases is read every hour; after this long something is wrong.
UNREAD = timedelta(days=1)
CRONS = ("cron_transfer", "cron_report", "cron_poll", "cron_propose", "cron_audit")
WATCH = "ropo_collection.mail_activity_watch"


class ResCompany(models.Model):
    # It needs the states of a case, which need the settings.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # ------------------------------------------------------------------
    # What is missing on the way from Off to Production
    # ------------------------------------------------------------------
    def _ropo_setup(self, entered=None):
        """What is missing before invoices can be handed over, and what comes next.

        :param entered: a record with the fields of `ENTERED`, where a person is about
            to change them; this company otherwise
        :return: ``{code: {"level": …, "message": …, …}}`` in the order in which it is
            done, as the widget *actionable_errors* takes it; *danger*: nothing can be
            handed over before, *warning*: something is missed without it, *info*: the
            next step
        """
        self.ensure_one()
        self, entered = self.sudo(), (entered or self).sudo()
        environment = entered.ropo_environment
        steps = self._ropo_setup_cases(entered)
        if environment == "off":
            return steps
        needed = {
            **self._ropo_setup_company(entered),
            **(self._ropo_setup_keys(entered) if environment != "demo" else {}),
            **self._ropo_setup_service(entered),
        }
        steps |= needed | self._ropo_setup_people(entered)
        if not any(step["level"] == "danger" for step in needed.values()):
            steps["next"] = self._ropo_setup_next(environment)
        return steps

    def _ropo_setup_cases(self, entered):
        """Cases that wait, since this environment or account is not theirs."""
        account = entered.maventa_company_uuid or False
        counts = dict(
            self.env["ropo.assignment"]._read_group(
                [
                    ("company_id", "child_of", self.id),
                    ("state", "in", (*HANDED_OVER, "queued", "error")),
                    "|",
                    ("environment", "!=", entered.ropo_environment),
                    ("maventa_company_uuid", "!=", account),
                ],
                ["environment"],
                ["__count"],
            )
        )
        played = counts.pop("demo", 0)
        steps = {}
        if counts:
            steps["stranded"] = {
                "level": "danger",
                "message": self.env._(
                    "Open cases that belong to another environment or account at "
                    "Maventa: %(count)s. Until that is chosen again, they are not "
                    "followed, and Ropo hears of no payment for them.",
                    count=sum(counts.values()),
                ),
                "action_text": self.env._("Ropo cases"),
                "action": "ropo_collection.ropo_assignment_action",
            }
        if played and entered.ropo_environment != "demo":
            steps["played"] = {
                "level": "info",
                "message": self.env._(
                    "Cases of the demo environment that stay behind: %(count)s. They "
                    "were played, so nothing is lost.",
                    count=played,
                ),
            }
        return steps

    def _ropo_setup_company(self, entered):
        """Who the company is: country, business id, currency."""
        steps = {}
        form = self._get_records_action(name=self.name)
        mend = {"action_text": self.env._("Open the company"), "action": form}
        country = self.account_fiscal_country_id
        currency = COUNTRY_CURRENCY.get(country.code)
        if not currency:
            steps["country"] = {
                "level": "danger",
                "message": self.env._(
                    "Ropo collects for companies in Finland, Sweden and Norway."
                ),
                **mend,
            }
        elif self.currency_id.name != currency:
            steps["currency"] = {
                "level": "warning",
                "message": self.env._(
                    "Ropo collects in %(currency)s here: invoices in another currency "
                    "can't be handed over.",
                    currency=currency,
                ),
            }
        if not (self.company_registry or self.vat):
            steps["business_id"] = {
                "level": "warning" if entered.ropo_environment == "demo" else "danger",
                "message": self.env._(
                    "Enter the business id of %(company)s.", company=self.name
                ),
                **mend,
            }
        return steps

    def _ropo_setup_keys(self, entered):
        if not all(entered[name] for name in KEYS):
            message = self.env._(
                "Enter company UUID, user API key and vendor API key (2)."
            )
            return {"keys": {"level": "danger", "message": message}}
        changed = any((self[name] or "") != (entered[name] or "") for name in TESTED)
        if changed or not self.ropo_tested_at:
            message = self.env._(
                "Press Test connection (2): it says whose keys these are and which "
                "rights they lack."
            )
            return {"tested": {"level": "warning", "message": message}}
        return {}

    def _ropo_setup_service(self, entered):
        # Another environment or account has a service of its own.
        moved = any(
            (self[name] or "") != (entered[name] or "")
            for name in ("ropo_environment", "maventa_company_uuid")
        )
        state = "inactive" if moved else self.ropo_service_state
        if state == "active":
            return {}
        if state == "pending":
            message = self.env._(
                "Ropo has sent its agreement to %(email)s. When it is signed, press "
                "Refresh (3).",
                email=entered.ropo_agreement_email or "?",
            )
            return {"service": {"level": "danger", "message": message}}
        steps = {}
        if not entered.ropo_agreement_email:
            steps["agreement"] = {
                "level": "danger",
                "message": self.env._(
                    "Enter the e-mail address that Ropo's agreement form is sent to."
                ),
            }
        steps["service"] = {
            "level": "danger",
            "message": self.env._(
                "The Ropo service is not active: press Activate, or Refresh if it has "
                "been ordered elsewhere (3)."
            ),
        }
        return steps

    def _ropo_setup_people(self, entered):
        """What goes by unseen if it is not set."""
        steps = {}
        if not entered.ropo_responsible_id:
            steps["responsible"] = {
                "level": "warning",
                "message": self.env._(
                    "Choose who is responsible (4): that person is told when a case "
                    "needs somebody."
                ),
            }
        if not any(entered[name] for name in SETTLEMENT):
            steps["settlement"] = {
                "level": "warning",
                "message": self.env._(
                    "Say by what Odoo knows the money that Ropo sends you (6). Without "
                    "that, it can be taken for a customer's payment."
                ),
            }
        demo = entered.ropo_environment == "demo"
        if not demo and not self.env["ir.mail_server"].search_count([], limit=1):
            steps["mail"] = {
                "level": "warning",
                "message": self.env._(
                    "No outgoing mail server is set up: nobody hears by e-mail of what "
                    "needs a person."
                ),
                "action_text": self.env._("Outgoing mail servers"),
                "action": "base.action_ir_mail_server_list",
            }
        return steps

    def _ropo_setup_next(self, environment):
        if environment == "test":
            message = self.env._(
                "Test is ready. When it works as you wish, choose Production: it has "
                "keys and a service of its own."
            )
        elif environment == "demo":
            message = self.env._(
                "Demo is ready: hand over an overdue invoice and play Ropo's part with "
                "Next step. Afterwards choose Test or Production."
            )
        else:
            message = self.env._(
                "Production is ready: what you hand over goes to real people."
            )
        return {
            "level": "info",
            "message": message,
            "action_text": self.env._("Ready for Ropo"),
            "action": "ropo_collection.account_move_action_ready",
        }

    # ------------------------------------------------------------------
    # Proposals of the company's policy
    # ------------------------------------------------------------------
    def _ropo_begin_proposing(self):
        """The next round starts with the first invoice."""
        self.write({"ropo_propose_after": 0})

    def _ropo_end_proposing(self):
        """The round is done with this company."""
        self._ropo_tell_of_proposals()
        self.ropo_propose_after = DONE

    def _ropo_tell_of_proposals(self):
        """One activity that names number and sum of what is proposed, or none."""
        self.ensure_one()
        root = self._ropo_root()
        kind = "ropo_collection.mail_activity_proposals"
        groups = (
            self.env["ropo.assignment"]
            .sudo()
            ._read_group(
                [("company_id", "child_of", root.id), ("state", "=", "proposed")],
                ["currency_id", "send_on:day"],
                ["__count", "capital_amount:sum"],
                order="send_on:day",
            )
        )
        waiting = root.partner_id.activity_search([kind])
        if not groups:
            waiting.unlink()
            return
        lines, days = [], []
        for currency, send_on, count, amount in groups:
            facts = {"count": count, "amount": currency.format(amount)}
            if send_on:
                days.append(send_on)
                facts["date"] = format_date(self.env, send_on)
                lines.append(
                    self.env._(
                        "Invoices: %(count)s, %(amount)s in all. They are sent by "
                        "themselves on %(date)s, unless somebody stops them before.",
                        **facts,
                    )
                )
            else:
                lines.append(
                    self.env._(
                        "Invoices that wait for approval: %(count)s, %(amount)s in "
                        "all.",
                        **facts,
                    )
                )
        link = Markup('<a href="/odoo/ropo-to-approve">%s</a>')
        lines.append(link % self.env._("Customers › Ropo collection › To approve"))
        values = {
            "summary": self.env._(
                "Ropo: invoices proposed for transfer: %(count)s",
                count=sum(group[2] for group in groups),
            ),
            "note": Markup("<br/>").join(lines),
            "date_deadline": min(days, default=root._ropo_today()),
        }
        if waiting:
            waiting.write(values)
        else:
            root.partner_id.activity_schedule(
                kind,
                user_id=root._ropo_proposals_for().id,
                **values,
            )

    def _ropo_proposals_for(self):
        """Who hears of proposals: the responsible, else an accounting manager."""
        self.ensure_one()
        user = self.ropo_responsible_id
        if user and user.active and not user.share:
            return user
        managers = self.env.ref("account.group_account_manager")
        return self.env["res.users"].search(
            [
                ("all_group_ids", "in", managers.ids),
                ("company_ids", "in", self.ids),
                ("share", "=", False),
            ],
            order="id",
            limit=1,
        ) or self.env.ref("base.user_admin")

    # ------------------------------------------------------------------
    # Ropo's money: which bank lines bring it, and what is late
    # ------------------------------------------------------------------
    def _ropo_partner(self):
        """Ropo as a partner, where the settings name it."""
        return self._ropo_root().ropo_settlement_partner_id.commercial_partner_id

    # -- which bank lines are Ropo's --------------------------------------------
    def _ropo_bank_lines(self):
        """Bank lines that look like Ropo's and are not matched yet.

        By the same marks as :meth:`ropo.assignment._is_settlement`, and by the words of
        the settings, too: here a person looks at each.

        :return: ids of ``account.bank.statement.line``
        """
        self.env["account.bank.statement.line"].flush_model()
        self.env["account.move"].flush_model(["partner_bank_id", "state"])
        ids = []
        for root, companies in self.grouped(
            lambda company: company._ropo_root()
        ).items():
            conditions = root._ropo_marks()
            if root.ropo_environment == "off" or not conditions:
                continue
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT line.id
                      FROM account_bank_statement_line line
                      JOIN account_move move ON move.id = line.move_id
                      LEFT JOIN res_partner partner ON partner.id = line.partner_id
                      LEFT JOIN res_partner_bank bank ON bank.id = move.partner_bank_id
                      LEFT JOIN res_partner holder ON holder.id = bank.partner_id
                     WHERE line.is_reconciled IS NOT TRUE AND line.company_id IN %s
                       AND move.state = 'posted' AND (%s)
                    """,
                    tuple(companies.ids),
                    SQL(" OR ").join(conditions),
                )
            )
            ids += [row[0] for row in rows]
        return ids

    def _ropo_marks(self):
        """The marks of Ropo's bank lines as conditions on the query above."""
        self.ensure_one()
        marks = []
        if self.ropo_settlement_journal_ids:
            journals = tuple(self.ropo_settlement_journal_ids.ids)
            marks.append(SQL("line.journal_id IN %s", journals))
        partner = self._ropo_partner()
        if partner:
            marks.append(SQL("partner.commercial_partner_id = %s", partner.id))
            marks.append(SQL("holder.commercial_partner_id = %s", partner.id))
        for names, columns in (
            (
                (self.ropo_settlement_ibans, *partner.bank_ids.mapped("acc_number")),
                ("line.account_number", "bank.acc_number"),
            ),
            ((self.ropo_settlement_names,), ("line.partner_name",)),
        ):
            texts = tuple(plain_set(",".join(filter(None, names))))
            for column in columns if texts else ():
                marks.append(
                    SQL(
                        r"UPPER(REGEXP_REPLACE(%s, '\s', '', 'g')) IN %s",
                        SQL.identifier(*column.split(".")),
                        texts,
                    )
                )
        for word in plain_set(self.ropo_settlement_words):
            marks.append(
                SQL(
                    "STRPOS(UPPER(REGEXP_REPLACE(line.payment_ref, "
                    r"'\s', '', 'g')), %s) > 0",
                    word,
                )
            )
        return marks

    # -- money that does not come -------------------------------------------------
    def _ropo_settled_until(self):
        """What debtors paid to Ropo on this day or before should have come by now."""
        today = datetime.combine(self._ropo_today(), time())
        days = rrule.rrule(
            rrule.DAILY,
            dtstart=today - relativedelta(days=2 * self.ropo_settlement_days + 7),
            until=today,
            byweekday=BUSINESS_DAYS,
        )
        return list(days)[-1 - self.ropo_settlement_days].date()

    def _ropo_tell_of_late_money(self):
        """One activity while money that debtors paid to Ropo is late, or none."""
        self.ensure_one()
        kind = "ropo_collection.mail_activity_late_money"
        groups = (
            self.env["ropo.settlement.open"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "child_of", self.id),
                    ("booked_at", "<=", self._ropo_settled_until()),
                    ("amount", ">", 0),
                ],
                ["currency_id"],
                ["__count", "amount:sum", "booked_at:min"],
            )
        )
        waiting = self.partner_id.activity_search([kind])
        if not groups:
            waiting.unlink()
            return
        lines = [
            self.env._(
                "Debtors paid %(amount)s to Ropo in %(count)s payments, the oldest on "
                "%(date)s, and it has not come.",
                amount=currency.format(amount),
                count=count,
                date=format_date(self.env, oldest),
            )
            for currency, count, amount, oldest in groups
        ]
        link = Markup('<a href="/odoo/money-at-ropo">%s</a>')
        lines.append(link % self.env._("Customers › Ropo collection › Money at Ropo"))
        values = {
            "summary": self.env._("Ropo: money has not come"),
            "note": Markup("<br/>").join(lines),
        }
        if waiting:
            waiting.write(values)
        else:
            self.partner_id.activity_schedule(
                kind, user_id=self._ropo_proposals_for().id, **values
            )

    # ------------------------------------------------------------------
    # What stands still
    # ------------------------------------------------------------------
    def _ropo_health(self):
        """How the work for this company gets on: counts, times, and what is wrong.

        Without names, amounts, keys or anything that a customer could be told by.

        :return: a dict for the diagnostics; ``problems`` are sentences for people
        """
        root = self._ropo_root()
        cases = self.env["ropo.assignment"].sudo()
        events = self.env["ropo.assignment.event"].sudo()
        ours = [("company_id", "child_of", root.id)]
        waiting = [("state", "in", ("queued", "sending", "unknown", "pending"))]
        now = fields.Datetime.now()
        health = {
            "environment": root.ropo_environment,
            "service": root.ropo_service_state,
            "paused": root.ropo_trouble or "",
            "moved": root.ropo_is_moved,
            "last_poll": root.ropo_last_poll,
            "scheduled_actions": [self._ropo_cron_health(name) for name in CRONS],
            "cases": dict(cases._read_group(ours, ["state"], ["__count"])),
            "reports": dict(
                events._read_group(
                    [*ours, ("direction", "=", "out")], ["state"], ["__count"]
                )
            ),
            "need_a_person": cases.search_count(
                [*ours, ("needs_attention", "=", True)]
            ),
            "markers": self.env["ropo.recheck"]
            .sudo()
            .search_count(
                [("assignment_id.company_id", "child_of", root.id),
                 ("due_at", "<", now)]
            ),
            "oldest_case_waiting": cases.search(
                [*ours, *waiting, ("state", "!=", "pending")],
                order="requested_at, id",
                limit=1,
            ).requested_at,
            "oldest_report_waiting": events.search(
                [*ours, ("direction", "=", "out"),
                 ("state", "in", ("queued", "sending")), ("due_at", "<", now)],
                order="due_at, id",
                limit=1,
            ).due_at,
        }  # fmt: skip
        health["failures"] = root._ropo_failures()
        health["problems"] = root._ropo_problems(health, now)
        return health

    def _ropo_failures(self):
        """How many cases and reports wait for which kind of trouble to end.

        The kinds are the client's: not now (tried again by itself), outcome unknown
        (looked at), this one is wrong (a person), account trouble (the company).
        """
        ours = [("company_id", "child_of", self.id)]
        retrying = [("state", "in", ("queued", "pending")), ("attempts", ">", 0)]
        models = {
            "cases": (self.env["ropo.assignment"].sudo(), []),
            "reports": (
                self.env["ropo.assignment.event"].sudo(),
                [("direction", "=", "out")],
            ),
        }
        return {
            name: {
                "not_now": model.search_count(
                    [*ours, *more, *retrying, ("next_try_at", "!=", False)]
                ),
                "outcome_unknown": model.search_count(
                    [*ours, *more, ("state", "=", "unknown")]
                ),
                "wrong": model.search_count([*ours, *more, ("state", "=", "error")]),
            }
            for name, (model, more) in models.items()
        } | {"account_trouble": bool(self.ropo_trouble)}

    @api.model
    def _ropo_cron_health(self, name):
        cron = self.env.ref(f"ropo_collection.{name}", raise_if_not_found=False)
        cron = (cron or self.env["ir.cron"]).sudo()
        return {
            "name": name,
            "label": cron.name or name,
            "active": cron.active,
            "last": cron.lastcall,
            "next": cron.nextcall,
            "failures": cron.failure_count,
        }

    def _ropo_problems(self, health, now):
        """What an administrator has to look at, as sentences."""
        problems = [
            self.env._(
                "The scheduled action %(name)s is switched off. Switch it on again; "
                "the server's log tells why it failed.",
                name=cron["label"],
            )
            for cron in health["scheduled_actions"]
            if not cron["active"]
        ]
        late = [
            cron["label"]
            for cron in health["scheduled_actions"]
            if cron["active"] and cron["next"] and cron["next"] + STALLED < now
        ]
        if late:
            problems.append(
                self.env._(
                    "Scheduled actions don't run: %(names)s. Odoo needs at least one "
                    "process for them (max_cron_threads).",
                    names=", ".join(late),
                )
            )
        if health["paused"] or health["moved"]:
            problems.append(self.env._("Ropo is paused; see above."))
        else:
            problems += self._ropo_delays(health, now)
        if not sealed.keys() and self._ropo_has_sealed():
            problems.append(
                self.env._(
                    "Personal identity numbers can't be read: the server does not have "
                    "their key (%(variable)s).",
                    variable=sealed.VARIABLE,
                )
            )
        return problems

    def _ropo_delays(self, health, now):
        delays = []
        case_since = health["oldest_case_waiting"]
        if case_since and case_since + STALLED < now:
            time = self._ropo_local(case_since)
            delays.append(
                self.env._("A transfer has waited since %(time)s.", time=time)
            )
        report_since = health["oldest_report_waiting"]
        if report_since and report_since + STALLED < now:
            time = self._ropo_local(report_since)
            delays.append(
                self.env._("A report to Ropo has waited since %(time)s.", time=time)
            )
        read = health["last_poll"]
        if health["cases"].get("sent") and (not read or read + UNREAD < now):
            delays.append(
                self.env._(
                    "Ropo's list was last read on %(time)s.",
                    time=self._ropo_local(read) if read else "-",
                )
            )
        return delays

    def _ropo_local(self, moment):
        local = fields.Datetime.context_timestamp(self._ropo_in_own_zone(), moment)
        return local.strftime("%Y-%m-%d %H:%M")

    @api.model
    def _ropo_has_sealed(self):
        query = SQL(
            "SELECT 1 FROM res_partner WHERE ropo_personal_id LIKE %s LIMIT 1",
            f"{sealed.PREFIX}%",
        )
        return bool(self.env.execute_query(query))

    # ------------------------------------------------------------------
    # The watch: by Odoo's own daily cleaning, as ours may be what stands still
    # ------------------------------------------------------------------
    @api.autovacuum
    def _gc_ropo_watch(self):
        """Tell administrators, once, when the work does not get on."""
        for company in self.sudo().search([("parent_id", "=", False)]):
            company._ropo_watch()

    def _ropo_watch(self):
        """One activity while something is wrong, none when it is over."""
        self.ensure_one()
        partner = self.partner_id
        existing = partner.activity_search([WATCH])
        on = self.ropo_environment != "off"
        problems = self._ropo_health()["problems"] if on else []
        if not problems:
            existing.unlink()
            return
        note = " ".join(problems)
        if existing:
            existing.write({"note": note})
            return
        partner.activity_schedule(
            WATCH,
            user_id=self._ropo_administrator().id,
            summary=self.env._(
                "The exchange with Ropo has stalled for %(company)s",
                company=self.name,
            ),
            note=note,
        )

    # ------------------------------------------------------------------
    # Diagnostics
    # ------------------------------------------------------------------
    @api.model
    def _ropo_diagnostics(self):
        """All that helps to find a fault, without secrets and without people."""
        version = self.env.execute_query(SQL("SHOW server_version"))[0][0]
        addon = self.env["ir.module.module"].sudo()
        addon = addon.search([("name", "=", "ropo_collection")])
        settings = (
            "ropo_collection_type", "ropo_report_delay", "ropo_extra_days",
            "ropo_transfer_policy", "ropo_veto_days", "ropo_upload_policy",
            "ropo_write_off_tolerance", "ropo_erase_days",
        )  # fmt: skip
        return {
            "odoo": release.version,
            "addon": addon.installed_version,
            "python": platform.python_version(),
            "postgresql": version,
            "personal_ids_encrypted": bool(sealed.keys()),
            "companies": [
                {
                    "company": company.id,
                    "country": company.account_fiscal_country_id.code,
                    "currency": company.currency_id.name,
                    "keys_entered": all(
                        (
                            company.maventa_company_uuid,
                            company.maventa_user_api_key,
                            company.maventa_vendor_api_key,
                        )
                    ),
                    "other_addresses": bool(
                        company.maventa_ax_url or company.maventa_receivables_url
                    ),
                    "settings": {name: company[name] for name in settings},
                    **company._ropo_health(),
                }
                for company in self.sudo().search([("parent_id", "=", False)])
            ],
        }

    def action_ropo_diagnostics(self):
        """Download the diagnostics."""
        self._ropo_check_administrator()
        return {
            "type": "ir.actions.act_url",
            "url": "/ropo_collection/diagnostics",
            "target": "download",
        }

    # ------------------------------------------------------------------
    # Closing the service; no archiving while Ropo collects
    # ------------------------------------------------------------------
    @api.constrains("active")
    def _check_ropo_archived(self):
        """An archived company is not followed: Ropo would hear of nothing."""
        for company in self.filtered(lambda company: not company.active):
            cases = company._ropo_open_cases()
            if cases:
                raise ValidationError(
                    self.env._(
                        "%(company)s can't be archived: %(count)s of its invoices are "
                        "at Ropo, %(first)s among them, and payments would not be "
                        "reported any more. Wait until the cases are closed.",
                        company=company.name,
                        count=len(cases),
                        first=cases[0].name,
                    )
                )

    def _ropo_open_cases(self):
        """Cases of these companies and their branches that Maventa or Ropo has."""
        return (
            self.env["ropo.assignment"]
            .sudo()
            .search(
                [
                    ("company_id", "child_of", self.ids),
                    ("environment", "in", REAL),
                    ("state", "in", HANDED_OVER),
                ]
            )
        )

    def action_ropo_close_service(self):
        """Say what closing the service means, and ask for the reason."""
        self.ensure_one()
        return self.env["ropo.close"]._open_for(self._ropo_root())

    def _ropo_check_closing(self):
        """It needs who sets up the service, with the right to give money up."""
        self._ropo_check_administrator()
        # A root company is read with sudo; what counts is the person.
        self.env["ropo.assignment"].sudo(False)._check_manager_rights()

    def _ropo_close_service(self, reason):
        """Cancel what is not at Ropo yet, then close the service.

        :param reason: who decided it and why
        """
        self.ensure_one()
        self._ropo_check_closing()
        # Those of all branches, whichever companies are ticked in the menu.
        waiting = self.env["ropo.assignment"].search(
            [
                ("company_id", "child_of", self.id),
                ("state", "in", ("proposed", "queued")),
            ]
        )
        waiting._cancel()
        self.partner_id._message_log(
            body=self.env._(
                "%(user)s closed the Ropo service of %(company)s. %(reason)s",
                user=self.env.user.name,
                company=self.name,
                reason=reason,
            )
        )
        self._ropo_take_service(self._ropo_ask(lambda client: client.close_service()))
        return self._ropo_notify(
            self.env._("Service closed"),
            self.env._(
                "No new invoices can be transferred. Ropo goes on with its open cases, "
                "and Odoo goes on reporting payments for them."
            ),
        )


def plain_set(text):
    """The parts of a comma separated text, without spaces and upper case."""
    parts = ("".join(part.split()).upper() for part in (text or "").split(","))
    return {part for part in parts if part}
