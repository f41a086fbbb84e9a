"""The invoice at Maventa: found there, chosen by a person, or uploaded."""

from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError

from .ropo_assignment import HANDED_OVER


class AccountMove(models.Model):
    # What the invoice is at Maventa is a concern of its own.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    maventa_lookup = fields.Selection(
        [
            ("queued", "Being looked up"),
            ("found", "Found"),
            ("choose", "Choose"),
            ("missing", "Not there"),
        ],
        string="At Maventa",
        copy=False,
        readonly=True,
        help="Whether Maventa has this invoice, as of the last look. Choose: it has "
        "several that may be it, or one that differs.",
        prefetch="ropo",
    )
    maventa_candidates = fields.Json(
        copy=False,
        readonly=True,
        help="What Maventa has under the number of this invoice, while nobody has "
        "chosen which of them it is.",
        prefetch="ropo",
    )
    maventa_upload_uuid = fields.Char(
        string="Id of the upload",
        copy=False,
        readonly=True,
        help="Our own id for this invoice at Maventa, kept before it is uploaded: "
        "uploaded twice, it is still one invoice there.",
        prefetch="ropo",
    )

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------
    def action_ropo_link(self):
        """Find invoices at Maventa: one while the user waits, many in the background.

        For one, the user chooses among what is found, or enters Maventa's id.
        """
        self._ropo_check_rights()
        if len(self) == 1:
            wizard = self.env["ropo.link"]._open_for(self)
            return wizard._get_records_action(
                name=self.env._("Find the invoice at Maventa"), target="new"
            )
        at_ropo = self._ropo_live(HANDED_OVER).move_id
        invoices = (self - at_ropo).filtered(
            lambda move: move.move_type == "out_invoice"
            and move.state == "posted"
            and move.ropo_environment != "off"
        )
        if not invoices:
            raise UserError(
                self.env._("Select posted customer invoices to find at Maventa.")
            )
        self.env["ropo.lookup"]._enqueue(invoices)
        return self.company_id[:1]._ropo_notify(
            self.env._("Find at Maventa"),
            self.env._(
                "Invoices being looked up: %(count)s. The column At Maventa shows what "
                "was found.",
                count=len(invoices),
            ),
        )

    # ------------------------------------------------------------------
    # What Maventa answered
    # ------------------------------------------------------------------
    def _ropo_take_hit(self, hit):
        """Remember which invoice at Maventa this is."""
        self._ropo_aside().write(
            {
                "maventa_invoice_id": hit.id,
                "maventa_status": hit.status,
                "maventa_lookup": "found",
                "maventa_candidates": False,
            }
        )

    def _ropo_forget_hit(self):
        self._ropo_aside().write(
            {
                "maventa_invoice_id": False,
                "maventa_status": False,
                "maventa_lookup": False,
                "maventa_candidates": False,
                "maventa_upload_uuid": False,
            }
        )

    def _ropo_take_answer(self, found):
        """Remember what Maventa has under this invoice's number.

        :param found: what its list answered
        :return: ``(hit, reason)``, see :meth:`_ropo_pick_invoice`
        """
        self.ensure_one()
        hit, reason = self._ropo_pick_invoice(found)
        if hit:
            self._ropo_take_hit(hit)
            return hit, reason
        candidates = self._ropo_same_number(found)
        self._ropo_aside().write(
            {
                "maventa_lookup": "choose" if candidates else "missing",
                "maventa_candidates": [
                    {
                        **self._ropo_candidate(item),
                        "differs": self._ropo_differences(item),
                    }
                    for item in candidates
                ],
            }
        )
        return hit, reason

    def _ropo_settle_lookup(self, found, error):
        """Write what a look-up in the background brought."""
        self.ensure_one()
        if self._ropo_live(HANDED_OVER):
            # Handed over meanwhile: its link is fixed.
            self._ropo_aside().maventa_lookup = self.maventa_invoice_id and "found"
        elif error:
            self._ropo_aside().maventa_lookup = "missing"
            self._message_log(
                body=self.env._(
                    "Find at Maventa: %(reason)s",
                    reason=self.env["ropo.worker"]._explain(error),
                )
            )
        elif isinstance(found, list):
            self._ropo_take_answer(found)
        else:
            self._ropo_take_hit(found)

    @api.model
    def _ropo_candidate(self, hit):
        """An invoice at Maventa, as it is kept and shown for the choice."""
        return {
            "maventa_id": hit.id,
            "status": hit.status,
            "number": hit.number,
            "date": fields.Date.to_string(hit.date) if hit.date else False,
            "total": float(hit.total or 0),
            "currency": hit.currency,
            "recipient": hit.recipient_name,
        }

    def _ropo_same_number(self, found):
        return [hit for hit in found if hit.number == self.name]

    def _ropo_pick_invoice(self, found):
        """The one hit that is this invoice: nothing that identifies it differs.

        :param found: what Maventa's list answered (:class:`~..maventa.wire`)
        :return: ``(hit, "")``, ``(hit, reason)`` where it can't be handed over, or
            ``(None, reason)``; reasons are sentences
        """
        self.ensure_one()
        same_number = self._ropo_same_number(found)
        if not same_number:
            return None, self._ropo_missing_text()
        fitting = [hit for hit in same_number if self._ropo_is_hit(hit)]
        if len(fitting) > 1:
            return None, self.env._(
                "Maventa has %(count)s invoices with number %(name)s. Choose the right "
                "one with Find at Maventa.",
                count=len(fitting),
                name=self.name,
            )
        if not fitting:
            return None, self.env._(
                "Maventa has an invoice with number %(name)s, but %(what)s differs. "
                "Choose with Find at Maventa.",
                name=self.name,
                what=self._ropo_and(self._ropo_differences(same_number[0])),
            )
        other = self._ropo_linked_with(fitting[0].id)
        if other:
            return None, self._ropo_taken_text(other)
        if fitting[0].status == "FAILED":
            return fitting[0], self._ropo_failed_text()
        return fitting[0], ""

    def _ropo_linked_with(self, maventa_id):
        """Another invoice here that is linked with this one at Maventa."""
        return (
            self.env["account.move"]
            .sudo()
            .search(
                [
                    ("maventa_invoice_id", "=", maventa_id),
                    ("id", "!=", self.id),
                    ("company_id", "child_of", self.company_id.root_id.id),
                ],
                limit=1,
            )
        )

    def _ropo_taken_text(self, other):
        return self.env._(
            "This invoice at Maventa is linked with %(other)s already.",
            other=other.name,
        )

    def _ropo_missing_text(self):
        text = self.env._(
            "Invoice %(name)s is not at Maventa. Send it through Maventa, or link it "
            "by hand with Find at Maventa.",
            name=self.name,
        )
        if self.company_id._ropo_root().ropo_upload_policy == "never":
            return text
        return self.env._(
            "%(text)s Or upload it to Maventa: that sends nothing to the customer.",
            text=text,
        )

    def _ropo_and(self, words):
        *first, last = words
        if not first:
            return last
        return self.env._("%(first)s and %(last)s", first=", ".join(first), last=last)

    def _ropo_is_hit(self, hit):
        """Whether what Maventa lists agrees with this invoice."""
        return not self._ropo_differences(hit)

    def _ropo_differences(self, hit):
        """In what an invoice at Maventa differs from this one: a list of words.

        The recipient is compared by business id, where both sides have one; names are
        written in too many ways.
        """
        self.ensure_one()
        digits = Decimal(1).scaleb(-self.currency_id.decimal_places)
        total = Decimal(str(self.amount_total)).quantize(digits)
        agreement = (
            (self.env._("the number"), hit.number == self.name),
            (self.env._("the date"), hit.date == self.invoice_date),
            (self.env._("the currency"), hit.currency == self.currency_id.name),
            (
                self.env._("the total"),
                hit.total is not None and hit.total.quantize(digits) == total,
            ),
            (self.env._("the recipient"), self._ropo_same_recipient(hit)),
        )
        return [word for word, agrees in agreement if not agrees]

    def _ropo_same_recipient(self, hit):
        ours = _digits(self.commercial_partner_id._ropo_business_id())
        theirs = _digits(hit.recipient_bid)
        if not ours or not theirs:
            return True
        # A VAT number holds the business id, a Swedish one may have its century.
        return ours in theirs or theirs in ours


def _digits(text):
    return "".join(char for char in text or "" if char.isdecimal())
