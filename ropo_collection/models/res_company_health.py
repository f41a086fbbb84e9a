"""Whether the scheduled actions keep up: for administrators, in one place."""

import platform
from datetime import timedelta

from odoo import api, fields, models, release
from odoo.tools import SQL

from ..tools import sealed

#: Nothing that is due waits longer than this while all is well.
STALLED = timedelta(hours=4)
#: The list of cases is read every hour; after this long something is wrong.
UNREAD = timedelta(days=1)
CRONS = ("cron_transfer", "cron_report", "cron_poll", "cron_propose", "cron_audit")
WATCH = "ropo_collection.mail_activity_watch"


class ResCompany(models.Model):
    # Health has a file of its own.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

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
