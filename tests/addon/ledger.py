"""What a bookkeeper does in the ledger, and what Ropo must have been told of it."""

from odoo import Command, fields

from .common import RopoCommon


class LedgerCommon(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bank = cls.company_data["default_journal_bank"]
        cls.receivable = cls.company_data["default_account_receivable"]
        cls.expense = cls.company_data["default_account_expense"]
        cls.loss = cls.expense.copy({"code": "699999", "name": "Sample credit losses"})
        cls.ropo = cls.env["res.partner"].create({"name": "Ropo (sample)"})
        cls.company.ropo_loss_account_ids = cls.loss

    def assertTold(self, case, paid=(), credited=(), **columns):
        """What the other side accepted, and what the case shows of it."""
        self.run_cron("report")
        self.assertEqual(
            {"paid": sorted(paid), "credit_note": sorted(credited)},
            {kind: sorted(amounts) for kind, amounts in self.told(case).items()},
        )
        self.assertEqual(case.reported_paid, sum(paid))
        for name, value in columns.items():
            self.assertEqual(case[name], value, name)

    def question(self, case):
        """The one open question of a case."""
        question = case.event_ids.filtered(lambda event: event.state == "decision")
        self.assertEqual(len(question), 1)
        self.assertTrue(case.needs_attention)
        self.assertTrue(case.activity_ids)
        return question

    def answer(self, question, answer):
        """Press the button; where a reason is asked for, give one."""
        action = getattr(question, f"action_answer_{answer}")()
        if action:
            wizard = self.env[action["res_model"]].browse(action["res_id"])
            wizard.reason = "Sample reason"
            wizard.action_confirm()

    def look(self, case):
        """Ask Ropo about this case now."""
        case.action_refresh()
        self.run_cron("poll")

    def open_line(self, move):
        return move.line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )

    def match(self, move, other):
        (self.open_line(move) | self.open_line(other)).reconcile()

    def unmatch(self, move):
        self.open_line(move).remove_move_reconcile()

    def bank_line(self, amount, *, partner=None, date=None, **values):
        """Money on the bank statement, booked against the receivable account."""
        return self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.bank.id,
                "date": date or fields.Date.today(),
                "payment_ref": "Sample",
                "amount": amount,
                "partner_id": partner and partner.id,
                "counterpart_account_id": self.receivable.id,
                **values,
            }
        )

    def on_the_bank(self, payment, amount, date=None):
        """Match a payment that was registered before with its line on the bank."""
        outstanding = payment.move_id.line_ids - self.open_line(payment.move_id)
        account = outstanding.account_id
        line = self.bank_line(amount, date=date, counterpart_account_id=account.id)
        counterpart = line.move_id.line_ids.filtered(
            lambda line: line.account_id == account
        )
        (outstanding | counterpart).reconcile()
        return line

    def entry(self, amount, account=None, state="posted", date=None):
        """A miscellaneous entry that lowers the receivable."""
        move = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": self.company_data["default_journal_misc"].id,
                "date": date or fields.Date.today(),
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.receivable.id,
                            "partner_id": self.business.id,
                            "credit": amount,
                        }
                    ),
                    Command.create(
                        {"account_id": (account or self.expense).id, "debit": amount}
                    ),
                ],
            }
        )
        if state == "posted":
            move.action_post()
        return move
