"""What a bookkeeper does with Ropo's money."""

from odoo import Command, fields

from .ledger import LedgerCommon


class SettlementCommon(LedgerCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        receivable = cls.receivable
        cls.clearing = receivable.copy(
            {
                "code": "199999",
                "name": "Sample: Ropo clearing",
                "account_type": "asset_current",
                "reconcile": True,
            }
        )
        revenue = cls.company_data["default_account_revenue"]
        cls.interest = revenue.copy({"code": "399991", "name": "Sample interest"})
        cls.recovered = revenue.copy({"code": "399992", "name": "Sample recovered"})
        cls.fees = cls.expense.copy({"code": "699998", "name": "Sample fees"})
        (cls.interest | cls.recovered | cls.fees).tax_ids = False
        cls.company.write(
            {
                "ropo_settlement_partner_id": cls.ropo.id,
                "ropo_clearing_account_id": cls.clearing.id,
                "ropo_interest_account_id": cls.interest.id,
                "ropo_cost_account_id": cls.fees.id,
                "ropo_recovered_account_id": cls.recovered.id,
            }
        )

    def paid_to_ropo(self, amount, *, claim=None, date=None, move=None):
        """A case whose debtor has paid ``amount`` to Ropo."""
        move = move or self.invoice(claim or amount)
        case = move.ropo_assignment_id or self.at_ropo(move)
        self.sandbox.debtor_pays(
            case.maventa_invoice_id, amount, date=date and str(date)
        )
        self.look(case)
        return case

    def money(self, amount, **values):
        """Ropo's money on the bank, as an imported statement has it."""
        return self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.bank.id,
                "date": fields.Date.today(),
                "payment_ref": "Sample settlement",
                "partner_id": self.ropo.id,
                "amount": amount,
                **values,
            }
        )

    def settle(self, line):
        """Press *Settle* on the bank line."""
        action = line.action_ropo_settle()
        return self.env["ropo.settlement"].browse(action["res_id"])

    def by_hand(self, amount, lines=(), **values):
        return self.env["ropo.settlement"].create(
            {
                "journal_id": self.bank.id,
                "amount": amount,
                "line_ids": [Command.create(line) for line in lines],
                **values,
            }
        )

    def compare(self):
        self.run_cron("report")

    def balances(self, move):
        """What an entry has on each account."""
        balances = {}
        for item in move.line_ids:
            balances[item.account_id] = balances.get(item.account_id, 0) + item.balance
        return {account: round(amount, 2) for account, amount in balances.items()}

    def snapshot(self):
        """All that a settlement may change, whatever the ids of the items."""
        moves = self.env["account.move"].search([("company_id", "=", self.company.id)])
        posted = moves.filtered(lambda move: move.state == "posted")
        return {
            "invoices": [
                (move.id, move.amount_residual, move.payment_state)
                for move in posted.sorted("id")
                if move.is_invoice()
            ],
            "entries": [
                (move.id, sorted(self.items(move)))
                for move in posted.sorted("id")
                if not move.is_invoice()
            ],
            "open": self.env["ropo.settlement.open"]
            .search([("company_id", "=", self.company.id)])
            .mapped(lambda row: (row.event_id.id, row.amount)),
        }

    def items(self, move):
        return [
            (
                item.account_id.id,
                item.partner_id.id,
                item.balance,
                item.amount_residual,
                item.name or "",
            )
            for item in move.line_ids
        ]
