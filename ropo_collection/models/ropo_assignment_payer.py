from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..maventa import wire
from ..tools import sealed
from .ropo_payer import PAYER_DATA

#: Numbers encrypted anew in one run.
SEALED_AT_ONCE = 500
ENDED = ("closed", "cancelled")


class RopoAssignmentPayer(models.Model):
    """A debtor of a case, as told to Ropo when the case was handed over."""

    _name = "ropo.assignment.payer"
    _inherit = "ropo.payer"
    _description = "Debtor of a Ropo case"

    assignment_id = fields.Many2one(
        "ropo.assignment", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="assignment_id.company_id", store=True, index=True
    )
    entered = fields.Json(
        help="Names of what a person has typed: it stays when the customer's data are "
        "read again.",
    )

    def _read_again(self):
        """Take what has been corrected on the customer; keep what a person typed."""
        for payer in self.filtered(lambda payer: payer.main or payer.partner_id):
            case = payer.assignment_id
            partner = case.move_id.partner_id if payer.main else payer.partner_id
            fresh = partner._ropo_prepare_payer(case.receivables_type, main=payer.main)
            kept = set(payer.entered or [])
            if fresh["partner_id"] != payer.partner_id.id:
                # Another debtor than the one whose data were typed.
                kept = set()
            vals = {
                name: value
                for name, value in fresh.items()
                if name not in kept or not payer[name]
            }
            known = {**payer._to_dict(), **vals}
            vals.update(self._stored(known, case.receivables_type))
            vals["entered"] = sorted(kept)
            present = payer._convert_to_write({name: payer[name] for name in vals})
            changed = {
                name: value
                for name, value in vals.items()
                if (present[name] or False) != (value or False)
            }
            if changed:
                payer.write(changed)

    @api.model
    def _stored(self, vals, receivables_type):
        """These values in the form that is stored and sent.

        What can't be right stays as it is, for the checks to name it. A personal
        number is only kept where the kind of claim needs it.
        """
        clean = self._normalized(vals, receivables_type)
        stored = {
            name: clean.get(name) or vals.get(name) or False
            for name in ("ssn", *PAYER_DATA)
        }
        if clean["ssn"] and not clean["bid"]:
            stored["bid"] = False
        if not self._needs_ssn({**vals, **stored}, receivables_type):
            stored["ssn"] = False
        return stored

    def _to_wire(self):
        """The payer as the client sends it."""
        self.ensure_one()
        payer = self.sudo()
        bid, ssn = payer.bid or "", payer.ssn or ""
        if payer.kind == "person" and not bid and payer._is_business_claim():
            # A sole trader's business id is the personal number (Sweden).
            bid, ssn = ssn, ""
        return wire.Payer(
            kind=payer.kind,
            name=payer.name,
            bid=bid,
            ssn=ssn,
            street=payer.street or "",
            zip=payer.zip or "",
            city=payer.city or "",
            country=payer.country_id.code or "",
            email=payer.email or "",
            phone=(payer.phone or "").replace(" ", ""),
            language=payer.language or "",
            main=payer.main,
        )

    def _is_business_claim(self):
        return self.assignment_id.receivables_type.startswith("b2b")

    # ------------------------------------------------------------------
    # Erasing and sealing, once a day
    # ------------------------------------------------------------------
    @api.model
    def _erase_due(self):
        """Erase the debtors' data of cases that ended long enough ago.

        The case keeps customer, amounts, events and decisions.
        """
        worker = self.env["ropo.worker"]
        roots = self.env["res.company"].sudo().search([("parent_id", "=", False)])
        for company in roots:
            before = fields.Datetime.now() - timedelta(days=company.ropo_erase_days)
            due = self.search(
                [
                    ("company_id", "child_of", company.id),
                    ("assignment_id.state", "in", ENDED),
                    ("assignment_id.last_change", "<", before),
                ]
            )
            worker._end_transaction()
            for case in due.assignment_id:
                worker._each(case, self._erase_locked)

    @staticmethod
    def _erase_locked(cases):
        for case in cases._lock_in(ENDED):
            case.payer_ids.unlink()
            case._message_log(
                body=case.env._(
                    "The debtors' data of this case were erased, as set for cases that "
                    "have ended."
                )
            )

    @api.model
    def _seal_again(self):
        """Encrypt numbers stored before there was a key, or with an older one."""
        for model, name in (
            (self.env["res.partner"], "ropo_personal_id"),
            (self, "ssn"),
        ):
            rows = self.env.execute_query(
                SQL(
                    "SELECT id, %(name)s FROM %(table)s WHERE %(name)s IS NOT NULL",
                    name=SQL.identifier(name),
                    table=SQL.identifier(model._table),
                )
            )
            old = [id_ for id_, stored in rows if not sealed.is_current(stored)]
            for record in model.sudo().browse(old[:SEALED_AT_ONCE]):
                if record[name]:
                    record[name] = record[name]
            self.env["ropo.worker"]._end_transaction()
