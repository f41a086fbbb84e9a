"""The company: settings, keys and service, and the database that may call for it."""

import logging
from datetime import timedelta

from pytz import country_timezones

from odoo import api, fields, models, release
from odoo.exceptions import RedirectWarning, UserError, ValidationError
from odoo.tools import ormcache, str2bool

from ..maventa import wire
from ..maventa.client import Account, Client
from ..maventa.errors import AccountTrouble, MaventaError

_logger = logging.getLogger(__name__)

#: Countries Ropo collects in, with the currency of the account there
#: (Maventa's Ropo receivables documentation: one currency an account).
COUNTRY_CURRENCY = {"FI": "EUR", "SE": "SEK", "NO": "NOK"}

ENVIRONMENTS = [
    ("off", "Off"),
    ("demo", "Demo (built-in, nothing leaves the database)"),
    ("test", "Test (Maventa's test environment)"),
    ("production", "Production"),
]

#: Environments that are Maventa's own.
REAL = ("test", "production")

COLLECTION_TYPES = [
    ("reminder_and_collection", "Reminder and collection"),
    ("collection", "Collection only (own reminders sent)"),
]

RECEIVABLES_TYPES = [
    ("b2b", "Company"),
    ("b2c", "Consumer"),
    ("b2b_rental", "Company, rental claim"),
    ("b2c_rental", "Consumer, rental claim"),
]

#: How long a company rests after trouble with its keys, rights or service.
TROUBLE_PAUSE = timedelta(hours=1)
#: What a test of the connection is about: another value makes it worth nothing.
TESTED = (
    "ropo_environment",
    "maventa_company_uuid",
    "maventa_user_api_key",
    "maventa_vendor_api_key",
)
KEYS = TESTED[1:]
#: By what Ropo's money is known when it comes.
SETTLEMENT = (
    "ropo_settlement_partner_id",
    "ropo_settlement_journal_ids",
    "ropo_settlement_ibans",
    "ropo_settlement_names",
)
#: What people enter in Settings that the list of what is missing looks at.
ENTERED = (*TESTED, *SETTLEMENT, "ropo_agreement_email", "ropo_responsible_id")


class ResCompany(models.Model):
    _inherit = "res.company"

    ropo_environment = fields.Selection(
        ENVIRONMENTS,
        string="Ropo environment",
        default="off",
        required=True,
        copy=False,
        help="Off hides everything. Demo plays Maventa and Ropo inside the database, "
        "without keys. Test and Production are Maventa's. Every case stays in the "
        "environment it was started in.",
        prefetch="ropo",
    )
    maventa_company_uuid = fields.Char(
        string="Company UUID",
        copy=False,
        groups="base.group_system",
        help="The identifier of your company at Maventa (its OAuth2 client_id).",
        prefetch="ropo",
    )
    maventa_user_api_key = fields.Char(
        string="User API key",
        copy=False,
        groups="base.group_system",
        help="The personal key of a Maventa user of your company (its OAuth2 "
        "client_secret).",
        prefetch="ropo",
    )
    maventa_vendor_api_key = fields.Char(
        string="Vendor API key",
        copy=False,
        groups="base.group_system",
        help="The key Maventa gave to the supplier of your software.",
        prefetch="ropo",
    )
    maventa_ax_url = fields.Char(
        string="AutoXChange address",
        copy=False,
        groups="base.group_system",
        help="Only for a proxy or for tests: used instead of Maventa's own address "
        "of the AutoXChange API. https only, except on this machine.",
        prefetch="ropo",
    )
    maventa_receivables_url = fields.Char(
        string="Receivables address",
        copy=False,
        groups="base.group_system",
        help="Only for a proxy or for tests: used instead of Maventa's own address "
        "of the Receivables API. https only, except on this machine.",
        prefetch="ropo",
    )
    ropo_agreement_email = fields.Char(
        string="Agreement e-mail",
        help="Ropo sends its agreement form here; a person who may sign for the "
        "company fills it in.",
        prefetch="ropo",
    )
    ropo_service_state = fields.Selection(
        [
            ("inactive", "Not activated"),
            ("pending", "Waiting for the agreement"),
            ("active", "Active"),
            ("rejected", "Rejected"),
            ("closed", "Service closed"),
            ("unknown", "Unknown"),
        ],
        string="Ropo service",
        default="inactive",
        required=True,
        copy=False,
        help="The state of the service as Maventa last told it.",
        prefetch="ropo",
    )
    ropo_service_detail = fields.Char(
        string="Ropo service as told",
        copy=False,
        help="The word Maventa used for the state of the service.",
        prefetch="ropo",
    )
    ropo_activation_url = fields.Char(
        string="Activation page", copy=False, prefetch="ropo"
    )
    ropo_collection_type = fields.Selection(
        COLLECTION_TYPES,
        string="Default way of collecting",
        default="reminder_and_collection",
        required=True,
        help="Reminder and collection: Ropo reminds first. Collection only: you have "
        "sent reminders yourself.",
        prefetch="ropo",
    )
    ropo_report_delay = fields.Integer(
        string="Report delay",
        default=15,
        help="Minutes between matching a payment or credit note in Odoo and telling "
        "Ropo, so that a mistake mended at once is never told.",
        prefetch="ropo",
    )
    ropo_extra_days = fields.Integer(
        string="Extra days",
        default=0,
        help="Days to wait beyond the 7 (companies) or 14 (consumers) days after the "
        "due date. Never fewer.",
        prefetch="ropo",
    )
    ropo_settlement_partner_id = fields.Many2one(
        "res.partner",
        string="Ropo as a partner",
        help="Money from this partner is Ropo's settlement of what debtors paid to "
        "Ropo. It is never reported back as a payment.",
        prefetch="ropo",
    )
    ropo_settlement_journal_ids = fields.Many2many(
        "account.journal",
        "ropo_settlement_journal_rel",
        string="Settlement journals",
        help="Everything booked in these journals is Ropo's settlement.",
    )
    ropo_settlement_ibans = fields.Char(
        string="Ropo's account numbers",
        help="Account numbers Ropo settles from, separated by commas.",
        prefetch="ropo",
    )
    ropo_settlement_names = fields.Char(
        string="Ropo's names on bank lines",
        help="Payer names by which your bank shows Ropo's settlements, separated by "
        "commas. Compared with the payer's whole name, never with the free text.",
        prefetch="ropo",
    )
    ropo_loss_account_ids = fields.Many2many(
        "account.account",
        "ropo_loss_account_rel",
        string="Credit loss accounts",
        help="What is written off here is our loss: the debtor still owes it, so "
        "Ropo is told nothing.",
    )
    ropo_write_off_tolerance = fields.Float(
        string="Small difference",
        default=1.0,
        help="A write-off up to this amount (in the invoice's currency), such as a "
        "bank fee or rounding, is told to Ropo as a credit. A larger one is asked "
        "about.",
        prefetch="ropo",
    )
    ropo_responsible_id = fields.Many2one(
        "res.users",
        string="Responsible for Ropo",
        help="Gets the activities when a case needs a person.",
        prefetch="ropo",
    )
    ropo_substitute_id = fields.Many2one(
        "res.users",
        string="Substitute for Ropo",
        help="Is asked when the responsible has not answered for a business day.",
        prefetch="ropo",
    )
    ropo_upload_policy = fields.Selection(
        [
            ("ask", "Ask at each transfer"),
            ("always", "Always"),
            ("never", "Never"),
        ],
        string="Invoices that Maventa does not have",
        default="ask",
        required=True,
        help="A transfer needs the invoice at Maventa. One that was printed, mailed or "
        "sent through another operator can be uploaded there: Maventa stores it for "
        "Ropo and sends nothing to the customer.",
        prefetch="ropo",
    )
    ropo_transfer_policy = fields.Selection(
        [
            ("manual", "By hand"),
            ("propose", "Propose"),
            ("automatic", "Automatic"),
        ],
        string="Transfer policy",
        default="manual",
        required=True,
        help="By hand: people choose. Propose: what is ready is put on a list every "
        "day, and people approve. Automatic: it is put on the list, too, and sent when "
        "nobody has stopped it in time.",
        prefetch="ropo",
    )
    ropo_veto_days = fields.Integer(
        string="Days to stop it",
        default=3,
        help="Policy Automatic: business days (Monday to Friday) between the proposal "
        "and its sending, in which anybody can stop it. At least one.",
        prefetch="ropo",
    )
    ropo_policy_start = fields.Date(
        string="Due from",
        help="Only invoices due on this day or later are proposed.",
        prefetch="ropo",
    )
    ropo_minimum_amount = fields.Float(
        string="Minimum amount",
        default=0.0,
        help="Only invoices with at least this much open are proposed.",
        prefetch="ropo",
    )
    ropo_contact = fields.Char(
        string="Ropo's contact",
        help="Where you reach Ropo about a case: e-mail address or phone. Shown where "
        "something has to be told to Ropo by a person.",
        prefetch="ropo",
    )
    ropo_summary_template = fields.Char(
        string="Summary",
        translate=True,
        help="What a claim is for, as Ropo prints it on letters, in the customer's "
        "language. {number}, {date}, {due}, {line} (the first line) and {reference} "
        "stand for what the invoice says. Cut to 64 characters.",
        prefetch="ropo",
    )
    ropo_fee_product_ids = fields.Many2many(
        "product.product",
        "ropo_fee_product_rel",
        string="Fee and interest products",
        help="An invoice of nothing but these is not handed over on its own.",
    )
    ropo_fee_account_ids = fields.Many2many(
        "account.account",
        "ropo_fee_account_rel",
        string="Fee and interest accounts",
        help="The same, by the accounts of the invoice's lines.",
    )
    ropo_erase_days = fields.Integer(
        string="Erase debtors' data after",
        default=90,
        help="Days after a case has ended at Ropo, or was cancelled, until the copies "
        "of its debtors' data are erased, personal identity numbers among them. The "
        "case itself stays, and so does the customer.",
        prefetch="ropo",
    )
    ropo_last_poll = fields.Datetime(
        string="Last update from Ropo",
        readonly=True,
        copy=False,
        help="When the list of cases at Ropo was last read to its end.",
        prefetch="ropo",
    )
    ropo_adopt_page = fields.Integer(
        readonly=True,
        copy=False,
        help="The page of Ropo's list that is read next to find cases already there; 0 "
        "while nobody asked for that.",
        prefetch="ropo",
    )
    ropo_adopt_round = fields.Integer(readonly=True, copy=False, prefetch="ropo")
    ropo_adopt_read = fields.Datetime(
        string="Cases already at Ropo last read on",
        readonly=True,
        copy=False,
        prefetch="ropo",
    )
    ropo_poll_page = fields.Integer(
        default=1, readonly=True, copy=False, prefetch="ropo"
    )
    ropo_poll_started = fields.Datetime(readonly=True, copy=False, prefetch="ropo")
    ropo_trouble = fields.Char(
        string="Ropo is paused",
        readonly=True,
        copy=False,
        help="Why nothing is sent to or read from Ropo at the moment.",
        prefetch="ropo",
    )
    ropo_trouble_until = fields.Datetime(readonly=True, copy=False, prefetch="ropo")
    ropo_propose_after = fields.Integer(
        readonly=True,
        copy=False,
        help="How far the proposing under way is: the last invoice looked at; -1 when "
        "it is done with this company.",
        prefetch="ropo",
    )
    ropo_tested_at = fields.Datetime(
        string="Connection tested on",
        readonly=True,
        copy=False,
        help="When Maventa last accepted these keys.",
        prefetch="ropo",
    )
    ropo_portal_payment = fields.Boolean(
        string="Online payment at Ropo",
        help="Let customers pay invoices that are at Ropo on the customer portal. Such "
        "payments are reported to Ropo; Ropo's costs may stay unpaid.",
        prefetch="ropo",
    )
    ropo_settlement_words = fields.Char(
        string="Words on Ropo's bank lines",
        help="Words in the text of a bank line by which you know a settlement, "
        "separated by commas. Such a line is offered to be settled, and a payment with "
        "such a text is asked about. Debtors may write the same, so a person decides.",
        prefetch="ropo",
    )
    ropo_clearing_account_id = fields.Many2one(
        "account.account",
        string="Clearing account",
        domain="[('reconcile', '=', True)]",
        help="What is left of a settlement stays open here until Ropo's own document "
        "explains it: deducted fees, for example. The account must allow "
        "reconciliation.",
        prefetch="ropo",
    )
    ropo_interest_account_id = fields.Many2one(
        "account.account",
        string="Interest account",
        help="Late-payment interest that Ropo settles. Taxes of the account apply.",
        prefetch="ropo",
    )
    ropo_cost_account_id = fields.Many2one(
        "account.account",
        string="Account of fees",
        help="Fees that Ropo settles or deducts without a bill. Taxes of the account "
        "apply.",
        prefetch="ropo",
    )
    ropo_recovered_account_id = fields.Many2one(
        "account.account",
        string="Recovered credit losses",
        help="Money from Ropo for what was written off before.",
        prefetch="ropo",
    )
    ropo_settlement_days = fields.Integer(
        string="Days to settle",
        default=5,
        help="Business days (Monday to Friday) after which the responsible is told "
        "that money paid to Ropo has not come.",
        prefetch="ropo",
    )
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

    @api.constrains("maventa_ax_url", "maventa_receivables_url")
    def _check_maventa_urls(self):
        for company in self.sudo():
            for url in (company.maventa_ax_url, company.maventa_receivables_url):
                if not url:
                    continue
                try:
                    wire.check_base_url(url)
                except ValueError:
                    raise ValidationError(
                        self.env._(
                            "%(url)s can't be used: the address must start with "
                            "https:// and hold no user name or password.",
                            url=url.rpartition("@")[2],
                        )
                    ) from None

    @api.constrains("ropo_veto_days")
    def _check_ropo_veto_days(self):
        for company in self:
            if company.ropo_veto_days < 1:
                raise ValidationError(
                    self.env._(
                        "Leave people at least one business day to stop what is sent "
                        "by itself."
                    )
                )

    @api.constrains(
        "ropo_report_delay",
        "ropo_extra_days",
        "ropo_write_off_tolerance",
        "ropo_minimum_amount",
        "ropo_erase_days",
    )
    def _check_ropo_numbers(self):
        for company in self:
            if (
                min(
                    company.ropo_report_delay,
                    company.ropo_extra_days,
                    company.ropo_write_off_tolerance,
                    company.ropo_minimum_amount,
                    company.ropo_erase_days,
                )
                < 0
            ):
                raise ValidationError(
                    self.env._(
                        "Report delay, extra days, small difference, minimum amount "
                        "and days until erasing can't be negative."
                    )
                )

    @api.constrains("ropo_settlement_days")
    def _check_ropo_settlement_days(self):
        for company in self:
            if company.ropo_settlement_days < 1:
                raise ValidationError(
                    self.env._("Give Ropo at least one business day to settle.")
                )

    @api.constrains("ropo_clearing_account_id")
    def _check_ropo_clearing_account(self):
        for company in self:
            account = company.ropo_clearing_account_id
            if account and not account.reconcile:
                raise ValidationError(
                    self.env._(
                        "%(account)s can't be the clearing account: it does not allow "
                        "reconciliation.",
                        account=account.display_name,
                    )
                )

    def _ropo_changing(self, vals, *names):
        """Those of these companies for which one of these fields gets another value."""
        names = [name for name in names if name in vals]
        return self.filtered(
            lambda company: any(
                (company.sudo()[name] or False) != (vals[name] or False)
                for name in names
            )
        )

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        chosen = companies.filtered(lambda company: company.ropo_environment in REAL)
        chosen.sudo().ropo_homes = [self._ropo_here()]
        return companies

    def write(self, vals):
        """Another environment or account has a service, and troubles, of its own.

        Other keys are untested keys. Who chooses an environment, chooses it for this
        database; saving the settings without a change of it says nothing about that.
        """
        switched = self._ropo_changing(vals, "ropo_environment")
        untested = self._ropo_changing(vals, *TESTED).filtered("ropo_tested_at")
        changed = self.browse()
        if "ropo_service_state" not in vals:
            changed = switched | self._ropo_changing(vals, "maventa_company_uuid")
        log = self.env["ropo.log"]
        before = log._settings(self, vals)
        result = super().write(vals)
        if switched or "ropo_responsible_id" in vals:
            # The menus that Odoo keeps for each user, see ir.ui.menu; the languages.
            self.env.registry.clear_cache()
        if changed:
            super(ResCompany, changed).write(
                {
                    "ropo_service_state": "inactive",
                    "ropo_service_detail": False,
                    "ropo_activation_url": False,
                    "ropo_trouble": False,
                    "ropo_trouble_until": False,
                }
            )
        if vals.get("ropo_environment") in REAL:
            switched.sudo().ropo_homes = [self._ropo_here()]
        if untested:
            super(ResCompany, untested).write({"ropo_tested_at": False})
        log._log_settings(before)
        return result

    @api.model
    @ormcache()
    def _ropo_languages(self):
        """``{company: language}`` in which scheduled actions write for its people.

        That of its responsible, else the company's own; those of the root company.
        """
        return {
            company.id: company.root_id.ropo_responsible_id.lang
            or company.root_id.partner_id.lang
            or "en_US"
            for company in self.sudo().with_context(active_test=False).search([])
        }

    # ------------------------------------------------------------------
    # Its days
    # ------------------------------------------------------------------
    def _ropo_today(self):
        """Today where this company is."""
        return self._ropo_local_date(fields.Datetime.now())

    def _ropo_local_date(self, moment):
        """The day of a moment (UTC) where this company is."""
        self.ensure_one()
        return fields.Date.context_today(self._ropo_in_own_zone(), moment)

    def _ropo_in_own_zone(self):
        """This company with its time zone, which few people set at its contact.

        Scheduled actions have no time zone, and a user may be anywhere.
        """
        ours = country_timezones.get(self.account_fiscal_country_id.code or "", [])
        zone = (
            self.partner_id.tz
            or self._ropo_root().partner_id.tz
            or (ours[0] if len(ours) == 1 else self.env.user.tz)
        )
        return self.with_context(tz=zone or "UTC")

    # ------------------------------------------------------------------
    # The way to Maventa
    # ------------------------------------------------------------------
    def _ropo_root(self):
        """The company whose keys and service count: the root of the branches."""
        self.ensure_one()
        return self.sudo().root_id

    def _ropo_client(self):
        """A :class:`~..maventa.client.Client` for this company.

        The one place where the keys are read, and the last barrier: nothing goes
        out of a neutralized database, or for a company that is off.

        :raises AccountTrouble: when there is nobody to speak to or nothing to say
            who we are.
        """
        root = self._ropo_root()
        if root.ropo_is_moved:
            # A copy must not speak for the original.
            raise AccountTrouble(reason="moved")
        if root.ropo_environment == "off":
            raise AccountTrouble(reason="switched_off")
        if root.ropo_environment == "demo":
            return self.env["ropo.sandbox"]._client(root)
        neutralized = self.env["ir.config_parameter"].sudo()
        if str2bool(neutralized.get_param("database.is_neutralized", ""), False):
            raise AccountTrouble(reason="neutralized")
        keys = (
            root.maventa_company_uuid,
            root.maventa_user_api_key,
            root.maventa_vendor_api_key,
        )
        if not all(keys):
            raise AccountTrouble(reason="keys_missing")
        return Client(
            Account(
                environment=root.ropo_environment,
                company_uuid=root.maventa_company_uuid,
                user_api_key=root.maventa_user_api_key,
                vendor_api_key=root.maventa_vendor_api_key,
                ax_url=root.maventa_ax_url or "",
                receivables_url=root.maventa_receivables_url or "",
            ),
            erp_version=release.version,
        )

    def _ropo_is_on(self):
        return self._ropo_root().ropo_environment != "off"

    def _ropo_hide(self, arch):
        """Take what is named ``ropo_…`` or ``maventa_…`` out of a view, where no
        company uses Ropo."""
        if not any(company._ropo_is_on() for company in self):
            for prefix in ("ropo_", "maventa_"):
                for node in arch.xpath(f"//*[starts-with(@name, '{prefix}')]"):
                    node.getparent().remove(node)

    def _ropo_default_collection_type(self):
        """What the transfer window starts with.

        In Norway Ropo reminds first: collection alone needs an inkassovarsel, which
        a person documents.
        """
        root = self._ropo_root()
        if root.account_fiscal_country_id.code == "NO":
            return "reminder_and_collection"
        return root.ropo_collection_type

    def _ropo_account_key(self):
        """What a case is born with: environment and account, compared before calls."""
        root = self._ropo_root()
        return root.ropo_environment, root.maventa_company_uuid or ""

    def _ropo_pause(self, error):
        """Stop calling for this company for a while and tell the administrator once."""
        root = self._ropo_root()
        text = self.env["ropo.worker"]._explain(error)
        news = root.ropo_trouble != text
        root.write(
            {
                "ropo_trouble": text,
                "ropo_trouble_until": fields.Datetime.now() + TROUBLE_PAUSE,
            }
        )
        if news:
            _logger.warning("Ropo is paused for company %s: %s", root.id, error.reason)
            root._ropo_tell_administrator(text)

    def _ropo_administrator(self):
        """Who can mend keys, service and server."""
        self.ensure_one()
        administrator = self.env["res.users"].search(
            [
                ("all_group_ids", "in", self.env.ref("base.group_system").ids),
                ("company_ids", "in", self.ids),
                ("share", "=", False),
            ],
            order="id desc",
            limit=1,
        )
        return administrator or self.ropo_responsible_id or self.env.user

    def _ropo_tell_administrator(self, text):
        """One activity for an administrator: only they can mend keys and service."""
        self.partner_id.activity_schedule(
            "ropo_collection.mail_activity_attention",
            user_id=self._ropo_administrator().id,
            summary=self.env._("Ropo is paused for %(company)s", company=self.name),
            note=text,
        )

    def _ropo_resume(self):
        """Called after a call that was answered: the trouble is over."""
        root = self._ropo_root()
        if root.ropo_trouble:
            root.write({"ropo_trouble": False, "ropo_trouble_until": False})
            root.partner_id.activity_unlink(["ropo_collection.mail_activity_attention"])

    @api.model
    def _ropo_active(self):
        """Root companies that may call now."""
        companies = self.sudo().search(
            [
                ("ropo_environment", "!=", "off"),
                ("parent_id", "=", False),
                "|",
                ("ropo_trouble_until", "=", False),
                ("ropo_trouble_until", "<=", fields.Datetime.now()),
            ]
        )
        return companies

    # ------------------------------------------------------------------
    # Buttons of the Settings
    # ------------------------------------------------------------------
    def _ropo_check_administrator(self):
        """Only administrators speak to Maventa in the company's name."""
        self.check_access("write")
        if not self.env.user.has_group("base.group_system"):
            raise UserError(
                self.env._("Only an administrator can set up the Ropo service.")
            )

    def _ropo_ask(self, question):
        """Ask Maventa something now, for a person who waits for the answer."""
        self._ropo_check_administrator()
        try:
            with self._ropo_client() as client:
                answer = question(client)
        except MaventaError as error:
            raise UserError(self.env["ropo.worker"]._explain(error)) from None
        self._ropo_resume()
        return answer

    def _ropo_notify(self, title, message, kind="success"):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": title,
                "message": message,
                "type": kind,
                "sticky": kind != "success",
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def action_ropo_test_connection(self):
        """Say which company the keys belong to and what they may do."""
        self.ensure_one()
        root = self._ropo_root()
        identity = root._ropo_ask(lambda client: client.identity())
        message = self.env._(
            "The keys belong to %(name)s (%(business_id)s) and may use: %(scopes)s.",
            name=identity.company_name or identity.company_uuid,
            business_id=identity.business_id or self.env._("business id not told"),
            scopes=", ".join(identity.scopes) or self.env._("not told"),
        )
        other = identity.business_id and not root._ropo_same_business(
            identity.business_id
        )
        if other:
            message += " " + self.env._(
                "Please check: this is not the business id of %(company)s in Odoo.",
                company=root.name,
            )
        else:
            root.ropo_tested_at = fields.Datetime.now()
        return self._ropo_notify(
            self.env._("Connected to Maventa"),
            message,
            "warning" if other else "success",
        )

    def _ropo_same_business(self, business_id):
        own = self.company_registry or self.vat or ""

        def digits(text):
            return "".join(char for char in text if char.isdigit())

        return not own or digits(business_id) in digits(own)

    def _ropo_take_service(self, status):
        """Remember the state of the service as Maventa told it."""
        self.write(
            {
                "ropo_service_state": status.state,
                "ropo_service_detail": status.raw,
                "ropo_activation_url": status.activation_url,
            }
        )
        if status.state == "active":
            self.env["ropo.assignment"].sudo()._go_on(self)

    def action_ropo_activate(self):
        """Ask for the service; Ropo mails its agreement form."""
        self.ensure_one()
        root = self._ropo_root()
        root._ropo_check_administrator()
        if not root.ropo_agreement_email:
            raise UserError(
                self.env._(
                    "Enter the e-mail address that Ropo's agreement form is sent to."
                )
            )
        country = root.account_fiscal_country_id.code
        if country not in COUNTRY_CURRENCY:
            raise RedirectWarning(
                self.env._(
                    "Ropo collects for companies in Finland, Sweden and Norway."
                ),
                self.env.ref("base.action_res_company_form").id,
                self.env._("Companies"),
            )
        email = root.ropo_agreement_email
        root._ropo_take_service(root._ropo_ask(lambda client: client.activate(email)))
        return self._ropo_notify(
            self.env._("Service ordered"),
            self.env._(
                "Ropo sends its agreement to %(email)s. A person who may sign for the "
                "company fills it in; the service opens 1-2 business days later.",
                email=email,
            ),
        )

    def action_ropo_refresh_service(self):
        """Ask Maventa for the state of the service."""
        self.ensure_one()
        root = self._ropo_root()
        root._ropo_take_service(root._ropo_ask(lambda client: client.service()))
        states = dict(
            root._fields["ropo_service_state"]._description_selection(self.env)
        )
        return self._ropo_notify(
            self.env._("Ropo service"), states[root.ropo_service_state], "success"
        )

    def action_ropo_next_step(self):
        """Demo only: somebody signs Ropo's agreement, and the service opens."""
        self.ensure_one()
        root = self._ropo_root()
        root._ropo_check_administrator()
        if root.ropo_environment != "demo":
            raise UserError(self.env._("Only the demo environment has steps to play."))
        self.env["ropo.sandbox"].sudo()._sign(root)
        return root.action_ropo_refresh_service()

    # ------------------------------------------------------------------
    # The database that may call: a copied, renamed or moved one asks first
    # ------------------------------------------------------------------
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
