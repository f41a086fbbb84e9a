"""Companies of Finland, Sweden and Norway, with their country's chart of accounts."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged

from .common import KEYS, RopoCommon

#: Samples: numbers that are formally valid, addresses that are nobody's.
COUNTRIES = {
    "FI": {
        "company": {
            "company_registry": "1234567-1",
            "zip": "00100",
            "city": "Helsinki",
        },
        "account": "FI2112345600000785",
        "zone": "Europe/Helsinki",
        "business": {"company_registry": "1234569-8", "vat": "FI12345698"},
        "address": {"zip": "33100", "city": "Tampere"},
        "lang": "fi_FI",
    },
    "SE": {
        "company": {
            "company_registry": "559000-0005",
            "zip": "111 22",
            "city": "Stockholm",
        },
        "account": "SE4550000000058398257466",
        "zone": "Europe/Stockholm",
        "business": {"company_registry": "559000-0013", "vat": "SE559000001301"},
        "address": {"zip": "411 01", "city": "Göteborg"},
        "lang": "sv_SE",
    },
    "NO": {
        "company": {
            "company_registry": "900000006",
            "zip": "0150",
            "city": "Oslo",
        },
        "account": "NO9386011117947",
        "zone": "Europe/Oslo",
        "business": {"company_registry": "900000014", "vat": "NO900000014MVA"},
        "address": {"zip": "5003", "city": "Bergen"},
        "lang": "nb_NO",
    },
}


@tagged("post_install", "-at_install", "post_install_l10n")
class NordicCommon(RopoCommon):
    """A company with a real chart of accounts; ``country_code`` says of which country.

    Neither company nor customers have more data than people enter: name, address,
    business id.
    """

    country_code = "FI"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        country = cls.env.ref(f"base.{cls.country_code.lower()}")
        facts = COUNTRIES[cls.country_code]
        cls.env["res.lang"]._activate_lang(facts["lang"])
        cls.company.partner_id.write(
            {
                **facts["company"],
                "street": "Samplestreet 1",
                "country_id": country.id,
                "tz": facts["zone"],
            }
        )
        cls.bank_account = cls.env["res.partner.bank"].create(
            {
                "acc_number": facts["account"],
                "partner_id": cls.company.partner_id.id,
                "allow_out_payment": True,
            }
        )
        address = {
            **facts["address"],
            "street": "Sampleroad 2",
            "country_id": country.id,
            "lang": facts["lang"],
        }
        cls.business = cls.env["res.partner"].create(
            {
                **address,
                "name": "Sample Business",
                "is_company": True,
                "company_registry": facts["business"]["company_registry"],
            }
        )
        cls.consumer = cls.env["res.partner"].create(
            {**address, "name": "Sample Consumer"}
        )

    def taxed(self, *, partner=None, overdue=30, at_maventa=False, lines=((1, 100.0),)):
        """A posted invoice with the country's own sales tax."""
        today = fields.Date.today()
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or self.business).id,
                "invoice_date": today - timedelta(days=overdue + 14),
                "invoice_date_due": today - timedelta(days=overdue),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": "Sample work",
                            "quantity": quantity,
                            "price_unit": price,
                            "tax_ids": [
                                Command.set(self.company.account_sale_tax_id.ids)
                            ],
                        }
                    )
                    for quantity, price in lines
                ],
            }
        )
        move.action_post()
        if at_maventa:
            self.at_maventa(move)
        return move

    def all_there(self):
        """The ids of all invoices of the company at Maventa."""
        with self.sandbox.transaction() as state:
            return [
                invoice["id"]
                for invoice in state["invoices"].values()
                if invoice["company"] == KEYS["maventa_company_uuid"]
            ]
