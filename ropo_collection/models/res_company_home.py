"""A database that was copied, renamed or moved asks before it calls again."""

import logging

from odoo import api, fields, models

from ..maventa.errors import AccountTrouble
from .res_company import REAL

_logger = logging.getLogger(__name__)


class ResCompany(models.Model):
    # The way to Maventa has a file of its own for this concern.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    ropo_homes = fields.Json(
        copy=False,
        groups="base.group_system",
        help="Databases that may call for this company: name, identifier and web "
        "address of each, as an administrator has confirmed them. A copy carries them "
        "along and finds that it is another one.",
        prefetch="ropo",
    )
    ropo_is_moved = fields.Boolean(
        compute="_compute_ropo_is_moved",
        compute_sudo=True,
        help="The database has another name or web address than those that may call.",
    )
    ropo_moved_text = fields.Char(
        compute="_compute_ropo_is_moved", compute_sudo=True, string="Moved database"
    )

    @api.model
    def _ropo_here(self):
        """What tells this database from its copies."""
        parameters = self.env["ir.config_parameter"].sudo()
        return {
            "name": self.env.cr.dbname,
            "uuid": parameters.get_param("database.uuid", ""),
            "url": parameters.get_param("web.base.url", "").rstrip("/"),
        }

    @api.depends("ropo_environment", "ropo_homes")
    def _compute_ropo_is_moved(self):
        here = self._ropo_here()
        for company in self:
            root = company.root_id
            homes = root.ropo_homes or []
            company.ropo_is_moved = root.ropo_environment in REAL and here not in homes
            company.ropo_moved_text = company.ropo_is_moved and self.env._(
                "Ropo was set up in the database %(old)s. This is %(new)s.",
                old=", ".join(map(_described, homes)) or "?",
                new=_described(here),
            )

    def write(self, vals):
        """Who chooses an environment, chooses it for this database.

        Saving the settings without a change of it says nothing about that.
        """
        changed = self._ropo_changing(vals, "ropo_environment")
        result = super().write(vals)
        if vals.get("ropo_environment") in REAL:
            changed.sudo().ropo_homes = [self._ropo_here()]
        return result

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        chosen = companies.filtered(lambda company: company.ropo_environment in REAL)
        chosen.sudo().ropo_homes = [self._ropo_here()]
        return companies

    def _ropo_client(self):
        """The barrier before all calls: a copy must not speak for the original."""
        if self._ropo_root().ropo_is_moved:
            raise AccountTrouble(reason="moved")
        return super()._ropo_client()

    def action_ropo_confirm_home(self):
        """An administrator: this is the real database, renamed or moved."""
        self._ropo_check_administrator()
        companies = self.sudo().search([("ropo_environment", "in", REAL)])
        here = companies._ropo_here()
        for company in companies.filtered("ropo_is_moved"):
            company.ropo_homes = [*(company.ropo_homes or []), here]
            company._ropo_log_home(
                self.env._(
                    "%(user)s confirmed that this is the database that speaks to Ropo: "
                    "%(database)s.",
                    user=self.env.user.name,
                    database=_described(here),
                )
            )
            company._ropo_resume()
            self.env["ropo.assignment"].sudo()._go_on(company)
        for cron in ("cron_transfer", "cron_report", "cron_poll"):
            self.env["ropo.worker"]._trigger_once(cron)

    def action_ropo_is_copy(self):
        """An administrator: this is a copy. Switched off, and without the keys."""
        self._ropo_check_administrator()
        companies = self.sudo().search([("ropo_environment", "in", REAL)])
        for company in companies:
            company._ropo_resume()
            company.write(
                {
                    "ropo_environment": "off",
                    "ropo_homes": False,
                    "maventa_company_uuid": False,
                    "maventa_user_api_key": False,
                    "maventa_vendor_api_key": False,
                    "maventa_ax_url": False,
                    "maventa_receivables_url": False,
                }
            )
            company._ropo_log_home(
                self.env._(
                    "%(user)s said that this database is a copy. Ropo is switched off "
                    "in it, and its keys are erased.",
                    user=self.env.user.name,
                )
            )

    def _ropo_log_home(self, text):
        self.ensure_one()
        _logger.warning("company %s: %s", self.id, text)
        self.partner_id._message_log(body=text)


def _described(home):
    return f"{home['name']} ({home['url']})"
