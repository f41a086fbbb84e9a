"""The company's set-up: what is missing on the way from Off to Production."""

from odoo import fields, models

from .res_company import COUNTRY_CURRENCY
from .ropo_assignment import HANDED_OVER

#: What a test of the connection is about: another value makes it worth nothing.
TESTED = (
    "ropo_environment",
    "maventa_company_uuid",
    "maventa_user_api_key",
    "maventa_vendor_api_key",
)
KEYS = TESTED[1:]
SETTLEMENT = (
    "ropo_settlement_partner_id",
    "ropo_settlement_journal_ids",
    "ropo_settlement_ibans",
    "ropo_settlement_names",
)
#: What people enter in Settings that the list of what is missing looks at.
ENTERED = (*TESTED, *SETTLEMENT, "ropo_agreement_email", "ropo_responsible_id")


class ResCompany(models.Model):
    # A concern with a file of its own
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    ropo_tested_at = fields.Datetime(
        string="Connection tested on",
        readonly=True,
        copy=False,
        help="When Maventa last accepted these keys.",
        prefetch="ropo",
    )

    def write(self, vals):
        """Other keys are untested keys."""
        untested = self._ropo_changing(vals, *TESTED).filtered("ropo_tested_at")
        result = super().write(vals)
        if untested:
            super(ResCompany, untested).write({"ropo_tested_at": False})
        return result

    def action_ropo_test_connection(self):
        """Remember that Maventa accepted the keys."""
        result = super().action_ropo_test_connection()
        # Not where it says that the keys are another company's.
        if result["params"]["type"] == "success":
            self._ropo_root().ropo_tested_at = fields.Datetime.now()
        return result

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
