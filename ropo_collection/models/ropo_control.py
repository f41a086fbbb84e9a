from odoo import fields, models
from odoo.tools import SQL

from .ropo_log import LOGGED


class RopoControl(models.Model):
    """What controller and auditor look through: made by SQL, nobody can edit it."""

    _name = "ropo.control"
    _description = "Ropo control list"
    _auto = False
    _order = "date desc, id desc"
    _rec_name = "kind"

    kind = fields.Selection(
        [
            ("late", "Report older than a day"),
            ("excess", "Reported too much, not corrected"),
            ("decision", "Decision"),
            ("credit", "Credited while at Ropo"),
            ("loss", "Written off while at Ropo"),
            ("gate", "Warnings confirmed"),
            *LOGGED,
        ],
        string="What",
        readonly=True,
    )
    date = fields.Datetime(readonly=True)
    user_id = fields.Many2one("res.users", string="Who", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    assignment_id = fields.Many2one("ropo.assignment", string="Case", readonly=True)
    move_id = fields.Many2one("account.move", string="Invoice", readonly=True)
    counterpart_move_id = fields.Many2one("account.move", string="Entry", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    amount = fields.Monetary(readonly=True)
    answer = fields.Selection(
        lambda self: self.env["ropo.assignment.event"]._fields["answer"].selection,
        readonly=True,
    )
    text = fields.Text(string="Details", readonly=True)

    _depends = {
        "account.move": ["create_uid", "date"],
        "ropo.assignment": [
            "company_id",
            "confirmed_at",
            "confirmed_by_id",
            "currency_id",
            "excess_back",
            "excess_credited",
            "excess_paid",
            "excess_since",
            "move_id",
            "partner_id",
            "state",
            "warnings_confirmed",
        ],
        "ropo.assignment.event": [
            "amount",
            "answer",
            "answer_reason",
            "answered_at",
            "answered_by_id",
            "assignment_id",
            "counterpart_move_id",
            "direction",
            "error_message",
            "state",
        ],
        "ropo.log": ["date", "kind", "text"],
        "ropo.share": ["amount", "assignment_id", "counterpart_move_id", "kind"],
    }

    @property
    def _table_query(self):
        of_case = SQL(
            "a.id AS assignment_id, a.company_id, a.move_id, a.partner_id, "
            "a.currency_id"
        )
        return SQL(
            """
            SELECT e.id * 10::bigint AS id, 'late' AS kind, e.create_date AS date,
                   NULL::integer AS user_id, %(of_case)s, e.counterpart_move_id,
                   e.amount, NULL AS answer, e.error_message AS text
              FROM ropo_assignment_event e
              JOIN ropo_assignment a ON a.id = e.assignment_id
             WHERE e.direction = 'out' AND e.create_date < %(yesterday)s
               AND e.state IN ('queued', 'sending', 'unknown', 'error')
            UNION ALL
            SELECT a.id * 10::bigint + 1, 'excess', a.excess_since, NULL, %(of_case)s,
                   NULL, COALESCE(a.excess_paid, 0) + COALESCE(a.excess_credited, 0)
                       + COALESCE(a.excess_back, 0), NULL, a.attention_reason
              FROM ropo_assignment a
             WHERE a.excess_since IS NOT NULL
            UNION ALL
            SELECT e.id * 10::bigint + 2, 'decision', e.answered_at, e.answered_by_id,
                   %(of_case)s, e.counterpart_move_id, e.amount, e.answer,
                   e.answer_reason
              FROM ropo_assignment_event e
              JOIN ropo_assignment a ON a.id = e.assignment_id
             WHERE e.answer IS NOT NULL
            UNION ALL
            SELECT s.id * 10::bigint + 3,
                   CASE s.kind WHEN 'silent' THEN 'loss' ELSE 'credit' END,
                   entry.date::timestamp, entry.create_uid, %(of_case)s, entry.id,
                   s.amount, NULL, entry.ref
              FROM ropo_share s
              JOIN account_move entry ON entry.id = s.counterpart_move_id
              JOIN ropo_assignment a ON a.id = s.assignment_id
             WHERE s.kind IN ('credit_note', 'silent')
            UNION ALL
            SELECT a.id * 10::bigint + 4, 'gate', a.confirmed_at, a.confirmed_by_id,
                   %(of_case)s, NULL, NULL, NULL, a.warnings_confirmed
              FROM ropo_assignment a
             WHERE a.confirmed_at IS NOT NULL
            UNION ALL
            SELECT l.id * 10::bigint + 5, l.kind, l.date, l.user_id, l.assignment_id,
                   l.company_id, l.move_id, l.partner_id, NULL, NULL, NULL, NULL,
                   l.text
              FROM ropo_log l
            """,
            of_case=of_case,
            yesterday=fields.Datetime.subtract(fields.Datetime.now(), days=1),
        )
