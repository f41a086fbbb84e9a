"""What 100,000 cases look like after some years: stages, events, money, questions.

By SQL, in shares that follow from a case's number, so that each run has the same.
"""

from odoo import Command, fields
from odoo.tools import SQL

from ._fill import _copy, _number

#: Events a case has.
EVENTS = 11
#: Of how many cases one has what a person has to look at.
RARE = 200


def live_through(env, cases):
    """Give cases of :func:`._fill.make_cases` a past and what hangs on it."""
    env.flush_all()
    moves = cases.move_id
    _spread(env, moves)
    _pay(env, moves)
    _tell(env)
    _settle(env, moves[:1])
    _log(env)
    env.cr.execute("ANALYZE")
    env.invalidate_all()


def _spread(env, moves):
    """Half of the cases are closed; a few wait for something or somebody."""
    _number(env, moves)
    env.cr.execute(
        """
        CREATE TABLE bench_case AS
        SELECT a.id, c.n::int AS n, c.id AS move_id, a.company_id, a.currency_id,
               now()::date - (20 + c.n::int * 17 %% 1000) AS day,
               CASE WHEN c.n %% %(rare)s = 1 THEN 'error'
                    WHEN c.n %% %(rare)s = 2 THEN 'unknown'
                    WHEN c.n %% %(rare)s = 3 THEN 'queued'
                    WHEN c.n %% %(rare)s = 4 THEN 'proposed'
                    WHEN c.n %% %(rare)s = 5 THEN 'cancelled'
                    WHEN c.n %% 2 = 0 THEN 'closed'
                    ELSE 'sent' END AS state
          FROM copies c JOIN ropo_assignment a ON a.move_id = c.id;
        DROP TABLE copies;
        UPDATE ropo_assignment a
           SET state = b.state, requested_at = b.day, accepted_at = b.day,
               closed_at = CASE WHEN b.state = 'closed' THEN b.day + 10 END,
               last_change = now() - (b.n %% 100) * interval '1 day',
               collection_status = CASE WHEN b.state IN ('closed', 'sent')
                   THEN (ARRAY['reminder_sent', 'debt_collection', 'legal_collection',
                               'payment_plan', NULL])[1 + b.n / 2 %% 5] END,
               receivables_type = CASE WHEN b.n %% 3 = 0 THEN 'b2c' ELSE 'b2b' END,
               needs_attention = b.n %% %(rare)s IN (1, 7),
               attention_reason = CASE WHEN b.n %% %(rare)s IN (1, 7)
                   THEN 'Sample reason' END,
               attention_since = CASE WHEN b.n %% %(rare)s IN (1, 7) THEN now() END,
               error_message = CASE WHEN b.state = 'error' THEN 'Sample reason' END,
               remote_difference = CASE WHEN b.n %% %(rare)s = 7 THEN 5 ELSE 0 END,
               excess_since = CASE WHEN b.n %% %(rare)s = 9 THEN now() END,
               excess_paid = CASE WHEN b.n %% %(rare)s = 9 THEN 5 END,
               confirmed_at = CASE WHEN b.n %% 50 = 1 THEN b.day END,
               confirmed_by_id = 2, requested_by_id = 1 + b.n %% 2,
               warnings_confirmed = CASE WHEN b.n %% 50 = 1 THEN 'Sample warning' END
          FROM bench_case b WHERE b.id = a.id;
        UPDATE account_move m
           SET invoice_date_due = b.day - 20, invoice_date = b.day - 40,
               date = b.day - 40,
               ropo_dispute_reason = CASE WHEN b.n %% %(rare)s = 11
                   THEN 'Sample objection' END
          FROM bench_case b WHERE b.move_id = m.id;
        UPDATE account_move_line l
           SET date = b.day - 40, invoice_date = b.day - 40,
               date_maturity = CASE WHEN date_maturity IS NOT NULL THEN b.day - 20 END
          FROM bench_case b WHERE b.move_id = l.move_id;
        INSERT INTO ropo_stage_change (assignment_id, changed_at, stage, closed)
        SELECT b.id, b.day + step, (ARRAY['reminder_sent', 'debt_collection'])[step],
               step = 2 AND b.state = 'closed'
          FROM bench_case b, generate_series(1, 2) step
         WHERE b.state IN ('sent', 'closed');
        INSERT INTO mail_activity (res_model, res_model_id, res_id, activity_type_id,
                                   user_id, date_deadline, active, automated,
                                   create_uid, create_date)
        SELECT 'ropo.assignment', m.id, b.id,
               (SELECT MIN(id) FROM mail_activity_type), 2, now()::date - 3 + b.n %% 7,
               TRUE, TRUE, 1, now()
          FROM bench_case b JOIN ir_model m ON m.model = 'ropo.assignment'
         WHERE b.n %% %(rare)s IN (1, 7);
        """,
        {"rare": RARE},
    )


def _pay(env, moves):
    """Closed cases are paid to the company in full, a quarter of the others in part."""
    first = moves[0]
    receivable = first.line_ids.filtered(
        lambda line: line.account_id.account_type == "asset_receivable"
    )
    other = first.line_ids - receivable
    entry = env["account.move"].create(
        {
            "move_type": "entry",
            "date": fields.Date.today(),
            "line_ids": [
                Command.create(
                    {
                        "account_id": line.account_id.id,
                        "partner_id": first.partner_id.id,
                        "balance": balance,
                    }
                )
                for line, balance in ((receivable, -40), (other[:1], 40))
            ],
        }
    )
    entry.action_post()
    theirs = entry.line_ids.filtered(lambda line: line.balance < 0)
    (receivable | theirs).reconcile()
    partial = receivable.matched_credit_ids
    env["ropo.recheck"].sudo().search([]).unlink()
    env.flush_all()
    env.cr.execute(
        """
        CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
        SELECT nextval('account_move_id_seq')::int AS id, b.id AS case_id,
               b.move_id AS invoice_id, b.n, b.day + 5 AS day,
               CASE WHEN b.state = 'closed' THEN 100 ELSE 40 END AS paid,
               m.commercial_partner_id AS partner_id
          FROM bench_case b JOIN account_move m ON m.id = b.move_id
         WHERE b.n > 0 AND (b.state = 'closed' OR b.n % 4 = 1)
        """
    )
    _copy(
        env,
        "account_move",
        SQL("o.id = %s", entry.id),
        {
            "id": SQL("copies.id"),
            "name": SQL("o.name || '-' || copies.n"),
            "partner_id": SQL("copies.partner_id"),
            "commercial_partner_id": SQL("copies.partner_id"),
            "date": SQL("copies.day"),
        },
    )
    amount = SQL("SIGN(o.balance) * copies.paid")
    _copy(
        env,
        "account_move_line",
        SQL("o.move_id = %s", entry.id),
        {
            "id": SQL("nextval('account_move_line_id_seq')"),
            "move_id": SQL("copies.id"),
            "partner_id": SQL("copies.partner_id"),
            "date": SQL("copies.day"),
            "balance": amount,
            "amount_currency": amount,
            "debit": SQL("GREATEST(%s, 0)", amount),
            "credit": SQL("GREATEST(-%s, 0)", amount),
            "matching_number": SQL("NULL"),
        },
    )
    env.cr.execute("ANALYZE account_move_line, copies")
    _copy(
        env,
        "account_partial_reconcile",
        SQL("o.id = %s", partial.id),
        {
            "id": SQL("nextval('account_partial_reconcile_id_seq')"),
            "debit_move_id": SQL(
                "(SELECT id FROM account_move_line"
                " WHERE move_id = copies.invoice_id AND account_id = %s)",
                receivable.account_id.id,
            ),
            "credit_move_id": SQL(
                "(SELECT id FROM account_move_line"
                " WHERE move_id = copies.id AND account_id = %s)",
                receivable.account_id.id,
            ),
            "max_date": SQL("copies.day"),
            **dict.fromkeys(
                ("amount", "debit_amount_currency", "credit_amount_currency"),
                SQL("copies.paid"),
            ),
        },
    )
    env.cr.execute(
        """
        INSERT INTO ropo_share (assignment_id, counterpart_move_id, kind, amount)
        SELECT case_id, id, CASE WHEN n %% 10 = 0 THEN 'credit_note' ELSE 'paid' END,
               paid
          FROM copies;
        UPDATE account_move m
           SET amount_residual = 100 - c.paid, amount_residual_signed = 100 - c.paid,
               payment_state = CASE WHEN c.paid = 100 THEN 'paid' ELSE 'partial' END
          FROM copies c WHERE c.invoice_id = m.id;
        UPDATE account_move_line l
           SET amount_residual = 100 - c.paid, reconciled = c.paid = 100,
               amount_residual_currency = 100 - c.paid
          FROM copies c WHERE c.invoice_id = l.move_id AND l.account_id = %(account)s;
        UPDATE ropo_assignment a
           SET reported_paid = c.paid, open_amount = 100 - c.paid
          FROM copies c WHERE c.case_id = a.id;
        CREATE TABLE bench_payment AS SELECT * FROM copies;
        DROP TABLE copies;
        """,
        {"account": receivable.account_id.id},
    )


def _tell(env):
    """Ten or eleven events a case: what Ropo tells, reports, some that wait for us."""
    env.cr.execute(
        """
        INSERT INTO ropo_assignment_event (
            assignment_id, company_id, currency_id, direction, kind, amount, booked_at,
            state, external_id, text, counterpart_move_id, decision, answer,
            answered_at, answered_by_id, attempt_at, due_at, error_message, create_uid,
            create_date)
        SELECT b.id, b.company_id, b.currency_id,
               CASE WHEN e IN (8, 9) THEN 'out' ELSE 'in' END,
               CASE WHEN e = 7 AND b.n %% 5 = 0 THEN 'paid'
                    WHEN e = 8 AND b.n %% 10 = 0 THEN 'credit_note'
                    WHEN e IN (8, 9) THEN 'paid'
                    ELSE (ARRAY['comment', 'reminder', 'letter', 'status'])[1 + e %% 4]
                END,
               CASE WHEN e = 7 AND b.n %% 5 = 0 THEN 10
                    WHEN e = 8 THEN p.paid WHEN e = 9 THEN 5 END,
               b.day + e,
               CASE WHEN e = 8 THEN 'sent'
                    WHEN e = 9 THEN CASE b.n %% %(rare)s
                        WHEN 1 THEN 'decision' WHEN 2 THEN 'error' WHEN 3 THEN 'queued'
                        ELSE 'dropped' END
                    ELSE 'received' END,
               CASE WHEN e NOT IN (8, 9) THEN 'sample-' || e END,
               CASE WHEN e NOT IN (8, 9) THEN 'Sample text' END,
               CASE WHEN e = 8 THEN p.id END,
               CASE WHEN e = 9 AND b.n %% %(rare)s = 1 THEN 'misc' END,
               CASE WHEN e = 9 AND b.n %% 100 = 20 THEN 'keep' END,
               CASE WHEN e = 9 AND b.n %% 100 = 20 THEN b.day END,
               CASE WHEN e = 9 AND b.n %% 100 = 20 THEN 2 END,
               CASE WHEN e = 8 THEN b.day + e END,
               CASE WHEN e = 9 THEN now() END,
               CASE WHEN e = 9 AND b.n %% %(rare)s = 2 THEN 'Sample refusal' END,
               1, b.day + e
          FROM bench_case b
          LEFT JOIN bench_payment p ON p.case_id = b.id
         CROSS JOIN generate_series(0, %(last)s) e
         WHERE e != 8 OR p.id IS NOT NULL;
        UPDATE ropo_assignment a SET paid_to_ropo = 10, open_amount = open_amount - 10
          FROM bench_case b WHERE b.id = a.id AND b.n %% 5 = 0;
        """,
        {"rare": RARE, "last": EVENTS - 1},
    )


def _settle(env, move):
    """Nine of ten payments to Ropo are settled, a hundred in one settlement."""
    journal = env["account.journal"].search(
        [("type", "=", "general"), ("company_id", "=", move.company_id.id)], limit=1
    )
    env.cr.execute(
        """
        INSERT INTO ropo_settlement (company_id, state, journal_id, date, amount,
                                     currency_id, reference, create_uid, create_date)
        SELECT %(company)s, 'booked', %(journal)s, now()::date - n::int, 900,
               %(currency)s, 'Sample ' || n, 1, now()
          FROM generate_series(0, (SELECT COUNT(*) / 500 FROM bench_case)) n;
        INSERT INTO ropo_settlement_line (settlement_id, sequence, kind, assignment_id,
                                          event_id, company_id, amount)
        SELECT s.id, 10, 'capital', e.assignment_id, e.id, e.company_id, 10
          FROM (SELECT e.*, row_number() OVER (ORDER BY e.id) - 1 AS n
                  FROM ropo_assignment_event e
                 WHERE e.direction = 'in' AND e.kind = 'paid') e
          JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n
                  FROM ropo_settlement) s ON s.n = e.n / 100
         WHERE e.n %% 10 != 0;
        UPDATE ropo_assignment a SET settled_amount = l.amount
          FROM ropo_settlement_line l WHERE l.assignment_id = a.id;
        """,
        {
            "company": move.company_id.id,
            "journal": journal.id,
            "currency": move.currency_id.id,
        },
    )


def _log(env):
    """A fact for the control list for every tenth case."""
    env.cr.execute(
        """
        INSERT INTO ropo_log (kind, date, user_id, company_id, assignment_id, move_id,
                              text)
        SELECT (ARRAY['exclusion', 'word'])[1 + n / 10 % 2], day, 2, company_id, id,
               move_id, 'Sample fact'
          FROM bench_case WHERE n % 10 = 0;
        DROP TABLE bench_case;
        DROP TABLE bench_payment;
        """
    )
