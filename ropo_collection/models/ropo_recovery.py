from odoo import fields, models
from odoo.tools import SQL


class RopoRecovery(models.Model):
    """What collecting brought: a case a row, of those that Ropo has had."""

    _name = "ropo.recovery"
    _description = "Recovery by Ropo"
    _auto = False
    _order = "accepted_on desc, id desc"
    _rec_name = "assignment_id"

    assignment_id = fields.Many2one("ropo.assignment", string="Case", readonly=True)
    move_id = fields.Many2one("account.move", string="Invoice", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    accepted_on = fields.Date(string="Handed over on", readonly=True)
    collection_type = fields.Selection(
        selection=lambda self: self.env["ropo.assignment"]
        ._fields["collection_type"]
        ._description_selection(self.env),
        readonly=True,
    )
    capital = fields.Monetary(string="Claim", readonly=True)
    direct = fields.Monetary(
        string="Paid to us", readonly=True, help="Payments that Ropo was told of."
    )
    credited = fields.Monetary(readonly=True)
    settled = fields.Monetary(string="Settled by Ropo", readonly=True)
    to_come = fields.Monetary(string="To come from Ropo", readonly=True)
    cost = fields.Monetary(
        string="Ropo's costs",
        readonly=True,
        help="Of Ropo's bills for the case: without tax, in equal shares with the "
        "other cases of the bill.",
    )
    days = fields.Integer(
        string="Days to money",
        readonly=True,
        aggregator="avg",
        help="From the hand-over to the last money: paid to us, or settled.",
    )

    @property
    def _table_query(self):
        for model in (
            "ropo.assignment",
            "ropo.assignment.event",
            "ropo.settlement",
            "ropo.settlement.line",
            "account.move",
        ):
            self.env[model].flush_model()
        return SQL(
            """
            SELECT a.id, a.id AS assignment_id, a.move_id, a.partner_id, a.company_id,
                   a.currency_id, a.accepted_at::date AS accepted_on, a.collection_type,
                   a.capital_amount AS capital, a.reported_paid AS direct,
                   a.reported_credited AS credited, a.settled_amount AS settled,
                   GREATEST(a.paid_to_ropo - a.settled_amount, 0) AS to_come,
                   COALESCE(bill.cost, 0) AS cost,
                   GREATEST(settled.last_day, direct.last_day) - a.accepted_at::date
                       AS days
              FROM ropo_assignment a
              LEFT JOIN LATERAL (
                    SELECT SUM(CASE WHEN m.move_type = 'in_refund'
                                    THEN -m.amount_untaxed ELSE m.amount_untaxed END
                               / shared.cases) AS cost
                      FROM ropo_bill_case_rel rel
                      JOIN account_move m ON m.id = rel.move_id AND m.state = 'posted'
                      CROSS JOIN LATERAL (
                            SELECT COUNT(*) AS cases FROM ropo_bill_case_rel
                             WHERE move_id = m.id) shared
                     WHERE rel.assignment_id = a.id) bill ON TRUE
              LEFT JOIN LATERAL (
                    SELECT MAX(settlement.date) AS last_day
                      FROM ropo_settlement_line line
                      JOIN ropo_settlement settlement
                        ON settlement.id = line.settlement_id
                     WHERE line.assignment_id = a.id
                       AND settlement.state = 'booked') settled ON TRUE
              LEFT JOIN LATERAL (
                    SELECT MAX(event.booked_at) AS last_day
                      FROM ropo_assignment_event event
                     WHERE event.assignment_id = a.id AND event.direction = 'out'
                       AND event.kind = 'paid' AND event.state = 'sent') direct ON TRUE
             WHERE a.accepted_at IS NOT NULL
            """
        )
