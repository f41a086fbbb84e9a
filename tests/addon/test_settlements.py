"""Ropo's money finds its invoices."""

from odoo.tests import tagged

from .ledger import LedgerCommon


@tagged("post_install", "-at_install")
class TestSettlements(LedgerCommon):
    def test_smoke(self):
        self.assertTrue(self.env["ropo.settlement"])
