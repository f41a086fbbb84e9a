from odoo import fields, models
from odoo.tools import SQL


class RopoSettlementOpen(models.Model):
    """Money at Ropo: what a debtor paid to Ropo and Ropo has not sent yet.

    One row a payment. What has come for a case settles the payments that settlements
    name, then the oldest ones. More than the claim is not awaited: it is the
    debtor's, or costs. Nobody sends money of the demo and test environments once the
    company has left them.
    """

    _name = "ropo.settlement.open"
    _description = "Money at Ropo"
    _auto = False
    _order = "booked_at, id"
    _rec_name = "assignment_id"

    event_id = fields.Many2one("ropo.assignment.event", readonly=True)
    assignment_id = fields.Many2one("ropo.assignment", string="Case", readonly=True)
    move_id = fields.Many2one("account.move", string="Invoice", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    booked_at = fields.Date(string="Paid to Ropo on", readonly=True)
    amount = fields.Monetary(
        string="To come",
        readonly=True,
        help="Paid to Ropo and not settled; below 0 where Ropo takes back what it has "
        "settled.",
    )
    age = fields.Integer(
        string="Days",
        readonly=True,
        aggregator="max",
        help="Since it was paid to Ropo.",
    )
    age_group = fields.Selection(
        [
            ("1", "Up to 7 days"),
            ("2", "8 to 14 days"),
            ("3", "15 to 30 days"),
            ("4", "Over 30 days"),
        ],
        string="Age",
        readonly=True,
    )

    @property
    def _table_query(self):
        for model in ("ropo.assignment", "ropo.assignment.event", "ropo.settlement"):
            self.env[model].flush_model()
        self.env["ropo.settlement.line"].flush_model()
        self.env["res.company"].flush_model(["ropo_environment", "parent_path"])
        return SQL(
            """
            WITH settled AS (
                SELECT line.assignment_id, line.event_id, SUM(line.amount) AS amount
                  FROM ropo_settlement_line line
                  JOIN ropo_settlement settlement ON settlement.id = line.settlement_id
                 WHERE settlement.state = 'booked' AND line.assignment_id IS NOT NULL
                 GROUP BY line.assignment_id, line.event_id
            ), paid AS (
                SELECT event.id, event.assignment_id,
                       COALESCE(event.booked_at, event.create_date::date) AS booked_at,
                       event.amount - COALESCE(event.corrected_amount, 0) AS amount,
                       COALESCE(settled.amount, 0) AS settled
                  FROM ropo_assignment_event event
                  LEFT JOIN settled ON settled.event_id = event.id
                 WHERE event.direction = 'in' AND event.kind = 'paid'
                   AND event.state = 'received'
            ), queued AS (
                SELECT paid.*,
                       SUM(GREATEST(amount, 0)) OVER (
                           PARTITION BY assignment_id
                               ORDER BY settled < amount, booked_at, id) AS reached,
                       SUM(LEAST(amount, 0)) OVER (
                           PARTITION BY assignment_id) AS taken_back,
                       SUM(CASE WHEN amount < 0 THEN settled ELSE 0 END) OVER (
                           PARTITION BY assignment_id) AS taken_back_settled
                  FROM paid
            ), total AS (
                SELECT assignment_id, SUM(amount) AS amount
                  FROM settled GROUP BY assignment_id
            ), open AS (
                SELECT queued.*,
                       CASE WHEN queued.amount < 0
                            THEN queued.amount - queued.settled
                            ELSE GREATEST(
                                LEAST(reached, a.capital_amount - taken_back)
                                - GREATEST(reached - queued.amount,
                                    COALESCE(a.settled_by_hand, 0)
                                    + COALESCE(total.amount, 0)
                                    - taken_back_settled),
                                0)
                        END AS to_come
                  FROM queued
                  JOIN ropo_assignment a ON a.id = queued.assignment_id
                  LEFT JOIN total ON total.assignment_id = a.id
            )
            SELECT open.id, open.id AS event_id, open.assignment_id, a.move_id,
                   a.partner_id, a.company_id, a.currency_id, open.booked_at,
                   open.to_come AS amount,
                   CURRENT_DATE - open.booked_at AS age,
                   CASE WHEN CURRENT_DATE - open.booked_at <= 7 THEN '1'
                        WHEN CURRENT_DATE - open.booked_at <= 14 THEN '2'
                        WHEN CURRENT_DATE - open.booked_at <= 30 THEN '3'
                        ELSE '4' END AS age_group
              FROM open
              JOIN ropo_assignment a ON a.id = open.assignment_id
              JOIN res_company company ON company.id = a.company_id
              JOIN res_company root
                ON root.id = split_part(company.parent_path, '/', 1)::integer
             WHERE open.to_come <> 0
               AND a.environment IN ('production', root.ropo_environment)
            """
        )
