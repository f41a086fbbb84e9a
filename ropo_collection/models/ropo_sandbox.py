import json
from contextlib import closing, contextmanager

from odoo import api, fields, models

from ..maventa.client import Account, Client
from ..maventa.sandbox import Sandbox, SandboxAdapter
from .res_company import COUNTRY_CURRENCY

#: The demo environment needs no keys; these stand in for them.
DEMO_KEY = "demo"
SANDBOX_URL = "http://localhost/ropo-sandbox"


class DatabaseStore:
    """Keeps the sandbox's state in one row, as another party would keep its own.

    It has its own cursor: what the sandbox did stays done when the caller's
    transaction is rolled back, exactly as with the real Maventa.
    """

    def __init__(self, registry):
        self._registry = registry

    @contextmanager
    def transaction(self):
        with closing(self._registry.cursor()) as cr:
            # Taken before anything is read, so that what is read is not old already.
            cr.execute("LOCK TABLE ropo_sandbox IN SHARE ROW EXCLUSIVE MODE")
            cr.execute(
                "INSERT INTO ropo_sandbox (id, state) VALUES (1, '{}') "
                "ON CONFLICT (id) DO NOTHING"
            )
            cr.execute("SELECT state FROM ropo_sandbox WHERE id = 1")
            before = cr.fetchone()[0] or "{}"
            state = json.loads(before)
            yield state
            after = json.dumps(state)
            if after != before:
                cr.execute("UPDATE ropo_sandbox SET state = %s WHERE id = 1", (after,))
            # The other party's memory, in a transaction of its own.
            cr.commit()  # pylint: disable=invalid-commit


class RopoSandbox(models.Model):
    """The built-in Maventa and Ropo of the demo environment."""

    _name = "ropo.sandbox"
    _description = "Maventa and Ropo of the demo environment"
    _log_access = False

    state = fields.Text(readonly=True)

    @api.model
    def _sandbox(self):
        return Sandbox(store=DatabaseStore(self.env.registry))

    @api.model
    def _client(self, company):
        """A client that speaks to the sandbox; nothing leaves the database."""
        sandbox = self._sandbox()
        uuid = self._account(company)
        country = company.account_fiscal_country_id.code
        sandbox.add_company(
            uuid,
            DEMO_KEY,
            DEMO_KEY,
            name=company.name,
            business_id=company.company_registry or company.vat or "",
            # Elsewhere it plays Finland; the wizard says why nothing can be sent.
            country=country if country in COUNTRY_CURRENCY else "FI",
        )
        account = Account(
            environment="demo",
            company_uuid=uuid,
            user_api_key=DEMO_KEY,
            vendor_api_key=DEMO_KEY,
            ax_url=SANDBOX_URL,
            receivables_url=SANDBOX_URL,
        )
        return Client(account, adapter=SandboxAdapter(sandbox))

    @api.model
    def _account(self, company):
        return f"demo-{company.id}"

    @api.model
    def _learn_invoice(self, move):
        """Let the sandbox know an invoice, as if it had been sent through Maventa."""
        partner = move.commercial_partner_id
        self._sandbox().add_invoice(
            self._account(move.company_id.root_id),
            number=move.name,
            date=move.invoice_date,
            date_due=move.invoice_date_due,
            total=str(move.currency_id.round(move.amount_total)),
            currency=move.currency_id.name,
            recipient_name=partner.name,
            recipient_bid=partner._ropo_business_id(),
        )

    @api.model
    def _next_step(self, case):
        """Play Ropo's next step in a case: the service first, then the case itself."""
        return self._sandbox().next_step(case.maventa_invoice_id)

    @api.model
    def _sign(self, company):
        """Somebody signs Ropo's agreement."""
        self._sandbox().sign_agreement(self._account(company))
