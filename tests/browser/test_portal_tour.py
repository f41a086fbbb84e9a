"""The customer portal, as customers see it who owe what Ropo collects."""

from urllib.parse import urlsplit

from odoo import Command
from odoo.tests import HttpCase, JsonRpcException, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.payment import utils as payment_utils

from ..addon.common import RopoCommon

PAY_BUTTON = 'data-bs-target="#pay_with"'


@tagged("post_install", "-at_install")
class TestPortalTour(RopoCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Real customers are told of real cases; the other side is on this machine.
        cls.company.ropo_environment = "production"
        cls.company.ropo_service_state = "active"
        cls.customer = new_test_user(
            cls.env,
            login="ropo_customer",
            groups="base.group_portal",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
            name="Sample Customer",
            email="sample@example.com",
        )
        cls.partner = cls.customer.partner_id
        cls.partner.write(
            {
                "street": "Samplestreet 3",
                "zip": "00100",
                "city": "Helsinki",
                "country_id": cls.env.ref("base.fi").id,
                "property_account_receivable_id": cls.company_data[
                    "default_account_receivable"
                ].id,
            }
        )
        cls.env["ir.config_parameter"].set_param(
            "account_payment.enable_portal_payment", True
        )
        method = cls.env.ref("payment.payment_method_unknown")
        cls.provider = cls.env["payment.provider"].create(
            {
                "name": "Sample",
                "code": "none",
                "state": "test",
                "is_published": True,
                "payment_method_ids": [Command.set(method.ids)],
            }
        )
        method.active = True
        cls.method = method

    def setUp(self):
        super().setUp()
        self.move = self.invoice(partner=self.partner)
        self.free = self.invoice(50.0, partner=self.partner)

    def page(self, url, login="ropo_customer"):
        self.authenticate(login, login)
        return self.url_open(url)

    def shared(self, move):
        """The page by the link in an e-mail, without logging in."""
        self.authenticate(None, None)
        link = f"/my/invoices/{move.id}?access_token={move._portal_ensure_token()}"
        return self.url_open(link).text

    def start_payment(self, move, url=None, **values):
        """What the payment form sends when *Pay* is pressed."""
        return self.make_jsonrpc_request(
            url or f"/invoice/transaction/{move.id}",
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.method.id,
                "token_id": None,
                "amount": move.amount_residual,
                "flow": "redirect",
                "tokenization_requested": False,
                "landing_route": "/my/invoices",
                **values,
            },
        )

    def transactions(self):
        return self.env["payment.transaction"].search(
            [("invoice_ids", "in", (self.move | self.free).ids)]
        )

    def test_tour(self):
        self.at_ropo(self.move)
        self.start_tour("/my/invoices", "ropo_portal_tour", login="ropo_customer")

    def test_tour_on_a_phone(self):
        self.browser_size = "393x852"
        self.touch_enabled = True
        self.at_ropo(self.move)
        self.start_tour("/my/invoices", "ropo_portal_tour", login="ropo_customer")

    def test_only_what_is_at_ropo_says_so(self):
        case = self.at_ropo(self.move)
        listed = self.page("/my/invoices").text
        self.assertEqual(listed.count("With Ropo"), 1)
        self.assertEqual(listed.count('aria-label="Pay now"'), 1, "the other invoice")
        text = self.page(f"/my/invoices/{self.move.id}").text
        self.assertIn("This invoice is with Ropo", text)
        self.assertNotIn(PAY_BUTTON, text)
        self.assertNotIn("Only a trial", text)
        free = self.page(f"/my/invoices/{self.free.id}").text
        self.assertNotIn("with Ropo", free)
        self.assertIn(PAY_BUTTON, free)
        case.sudo().state = "closed"
        self.assertNotIn("with Ropo", self.page(f"/my/invoices/{self.move.id}").text)
        self.assertNotIn("With Ropo", self.page("/my/invoices").text)

    def test_waiting_in_the_queue_is_nobody_s_business(self):
        self.transfer(self.move)
        text = self.page(f"/my/invoices/{self.move.id}").text
        self.assertNotIn("with Ropo", text)
        self.assertIn(PAY_BUTTON, text)

    def test_shared_link(self):
        self.at_ropo(self.move)
        text = self.shared(self.move)
        self.assertIn("This invoice is with Ropo", text)
        self.assertIn("Ropo has taken care of it for us since", text)
        self.assertNotIn(PAY_BUTTON, text)

    def test_payment_link_is_refused_with_a_sentence(self):
        """The link of *Generate a payment link* opens the page with its window."""
        url = urlsplit(self.move._get_portal_payment_link())
        link = f"/{url.path.lstrip('/')}?{url.query}"
        self.authenticate(None, None)
        self.assertIn("o_payment_form", self.url_open(link).text)
        self.at_ropo(self.move)
        text = self.url_open(link).text
        self.assertIn(f"Invoice {self.move.name} is with Ropo now", text)
        self.assertNotIn("o_payment_form", text)

    @mute_logger("odoo.http", "odoo.addons.http_routing.models.ir_http")
    def test_payment_page_is_refused_with_a_sentence(self):
        token = payment_utils.generate_access_token(
            self.partner.id, 100.0, self.move.currency_id.id, env=self.env
        )
        url = (
            f"/payment/pay?amount=100.0&invoice_id={self.move.id}&access_token={token}"
        )
        self.assertIn("o_payment_form", self.page(url).text)
        self.at_ropo(self.move)
        answer = self.page(url)
        self.assertIn(f"Invoice {self.move.name} is with Ropo now", answer.text)
        self.assertNotIn("o_payment_form", answer.text)

    def test_no_payment_comes_about_by_other_ways(self):
        self.at_ropo(self.move)
        token = self.move._portal_ensure_token()
        self.authenticate("ropo_customer", "ropo_customer")
        with (
            mute_logger("odoo.http"),
            self.assertRaisesRegex(JsonRpcException, "UserError"),
        ):
            self.start_payment(self.move, access_token=token)
        self.assertFalse(self.transactions())
        token = self.free._portal_ensure_token()
        self.start_payment(self.free, access_token=token)
        self.assertEqual(self.transactions().invoice_ids, self.free)

    def test_pay_overdue_leaves_out_what_is_at_ropo(self):
        self.at_ropo(self.move)
        overdue = self.page("/my/invoices?filterby=overdue_invoices").text
        self.assertNotIn(self.move.name, overdue)
        self.assertIn(self.free.name, overdue)
        page = self.page("/my/invoices/overdue").text
        self.assertIn(self.free.name, page)
        self.assertNotIn("150.00", page)
        self.start_payment(
            self.free, "/invoice/transaction/overdue", payment_reference="Sample"
        )
        self.assertEqual(self.transactions().invoice_ids, self.free)

    def test_where_the_company_takes_payments_all_the_same(self):
        self.company.ropo_portal_payment = True
        self.at_ropo(self.move)
        text = self.page(f"/my/invoices/{self.move.id}").text
        self.assertIn("This invoice is with Ropo", text)
        self.assertIn("You can also pay the amount on this page here", text)
        self.assertIn(PAY_BUTTON, text)
        self.assertIn("150.00", self.page("/my/invoices/overdue").text)
        token = self.move._portal_ensure_token()
        self.start_payment(self.move, access_token=token)
        self.assertEqual(self.transactions().invoice_ids, self.move)

    def test_customers_are_not_told_of_trials(self):
        """Demo and test cases are no real ones; the company's people see the page."""
        clerk = new_test_user(
            self.env,
            "ropo_portal_clerk",
            groups="base.group_user,account.group_account_invoice",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        case = self.at_ropo(self.move)
        case.sudo().environment = self.company.ropo_environment = "test"
        text = self.page(f"/my/invoices/{self.move.id}").text
        self.assertNotIn("with Ropo", text)
        self.assertIn(PAY_BUTTON, text)
        self.assertIn("150.00", self.page("/my/invoices/overdue").text)
        self.assertNotIn("with Ropo", self.shared(self.move))
        text = self.page(f"/my/invoices/{self.move.id}", clerk.login).text
        self.assertIn("This invoice is with Ropo", text)
        self.assertIn("Only a trial", text)

    def test_nothing_shows_where_ropo_is_off(self):
        self.at_ropo(self.move)
        self.company.ropo_environment = "off"
        text = self.page(f"/my/invoices/{self.move.id}").text
        self.assertNotIn("with Ropo", text)
        self.assertIn(PAY_BUTTON, text)
        self.assertNotIn("With Ropo", self.page("/my/invoices").text)

    def test_page_tells_nothing_personal(self):
        self.partner.sudo().ropo_personal_id = "131052-308T"
        case = self.at_ropo(self.move)
        text = self.page(f"/my/invoices/{self.move.id}").text
        for secret in ("131052", "308T", case.external_id, case.maventa_invoice_id):
            self.assertNotIn(secret, text)
