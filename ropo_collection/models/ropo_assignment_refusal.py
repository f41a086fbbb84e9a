"""What Maventa or Ropo refused, as sentences with the field that is wrong."""

from odoo import models

from ..maventa import wire
from ..maventa.errors import clean_text, spellings


class RopoAssignment(models.Model):
    # A case has several concerns, each with a file of its own.
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    def _explain_refusal(self, error):
        """A refused hand-over: what Maventa says, what is wrong here, what to do."""
        self.ensure_one()
        said = self._without_ids(self.env["ropo.worker"]._explain(error))
        advice = {
            "not_found": self.env._(
                "Its link with Maventa is not right any more: press Find at Maventa on "
                "the invoice, then Try again."
            ),
            "conflict": self.env._(
                "If it was not handed over from here, Ropo has a case of it that Odoo "
                "does not know: an administrator finds it with Cases already at Ropo."
            ),
            "forbidden": self.env._(
                "Ask Maventa's support why, then press Try again or Cancel transfer."
            ),
        }.get(error.reason) or self._point_out(error.message, *error.details)
        return f"{said.rstrip('.')}. {advice}"

    def _explain_reason(self, reason):
        """A claim that Ropo did not take after all, for the reason it gives."""
        self.ensure_one()
        if not reason:
            return self.env._(
                "Ropo did not take the claim, and gives no reason. Ask Ropo, then "
                "press Try again or Cancel transfer."
            )
        return self.env._(
            "Ropo did not take the claim: %(reason)s %(advice)s",
            reason=self._without_ids(reason).rstrip(".") + ".",
            advice=self._point_out(reason),
        )

    def _without_ids(self, text):
        """Personal ids are not for texts, however a server writes them."""
        payers = self.sudo().payer_ids
        ids = payers.mapped("ssn")
        ids += payers.filtered(lambda payer: payer.kind == "person").mapped("bid")
        return clean_text(text, 2000, spellings(ids))

    def _point_out(self, *texts):
        """Which fields are wrong, and where they are mended."""
        places = []
        for group, attribute, number in wire.find_fields(*texts):
            place = self._field_name(group, attribute, number)
            if place and place not in places:
                places.append(place)
        if not places:
            return self.env._(
                "Correct what it says, then press Try again, or Cancel transfer."
            )
        return self.env._(
            "Correct this: %(places)s. Then press Try again, or Cancel transfer.",
            places="; ".join(places),
        )

    def _field_name(self, group, attribute, number):
        """A field of the hand-over in the words of Odoo's screens."""
        if group == "payer":
            name = self._payer_field(attribute)
            payers = self.payer_ids
            # The main debtor is sent first, as they are ordered here.
            who = payers[number] if number is not None and number < len(payers) else (
                payers if len(payers) == 1 else payers.browse()
            )  # fmt: skip
            if not name or not who:
                return name
            return self.env._(
                "%(field)s of %(name)s (on the customer)", field=name, name=who.name
            )
        rental = self.env._("the data of the rental contract")
        if group == "rental":
            return rental
        # Attributes of the hand-over and of its amounts have different names.
        return {
            "collection_type": self.env._("the way of collecting"),
            "receivables_type": self.env._(
                "the kind of claim (on the customer, or in a new transfer)"
            ),
            "summary": self.env._(
                "the summary (2 to 64 characters, in a new transfer)"
            ),
            "payers": self.env._("the debtors"),
            "amounts": self.env._("the amounts"),
            "options": rental,
            "capital": self.env._("the claim (what the invoice has open)"),
            "reminder": self.env._("your own reminder fees"),
            "interest": self.env._("your own interest"),
            "interest_date": self.env._("the day interest runs from"),
        }.get(attribute, "")

    def _payer_field(self, attribute):
        return {
            "kind": self.env._("company or person"),
            "name": self.env._("the name"),
            "bid": self.env._("the business id"),
            "ssn": self.env._("the personal identity number"),
            "street": self.env._("the street"),
            "zip": self.env._("the post code"),
            "city": self.env._("the city"),
            "country": self.env._("the country"),
            "email": self.env._("the e-mail address"),
            "phone": self.env._("the phone number"),
            "language": self.env._("the language"),
        }.get(attribute, "")
