"""The company: its customer portal."""

from odoo import fields, models


class ResCompany(models.Model):
    # A concern with a file of its own
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    ropo_portal_payment = fields.Boolean(
        string="Online payment at Ropo",
        help="Let customers pay invoices that are at Ropo on the customer portal. Such "
        "payments are reported to Ropo; Ropo's costs may stay unpaid.",
        prefetch="ropo",
    )
