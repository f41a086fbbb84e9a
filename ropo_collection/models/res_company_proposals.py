"""The company: who hears of what its policy proposes."""

from markupsafe import Markup

from odoo import fields, models
from odoo.tools import format_date

#: In `ropo_propose_after`: the round under way is done with this company.
DONE = -1


class ResCompany(models.Model):
    # A concern with a file of its own
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    ropo_propose_after = fields.Integer(
        readonly=True,
        copy=False,
        help="How far the proposing under way is: the last invoice looked at; -1 when "
        "it is done with this company.",
        prefetch="ropo",
    )

    def _ropo_begin_proposing(self):
        """The next round starts with the first invoice."""
        self.write({"ropo_propose_after": 0})

    def _ropo_end_proposing(self):
        """The round is done with this company."""
        self._ropo_tell_of_proposals()
        self.ropo_propose_after = DONE

    def _ropo_tell_of_proposals(self):
        """One activity that names number and sum of what is proposed, or none."""
        self.ensure_one()
        root = self._ropo_root()
        kind = "ropo_collection.mail_activity_proposals"
        groups = (
            self.env["ropo.assignment"]
            .sudo()
            ._read_group(
                [("company_id", "child_of", root.id), ("state", "=", "proposed")],
                ["currency_id", "send_on:day"],
                ["__count", "capital_amount:sum"],
                order="send_on:day",
            )
        )
        waiting = root.partner_id.activity_search([kind])
        if not groups:
            waiting.unlink()
            return
        lines, days = [], []
        for currency, send_on, count, amount in groups:
            facts = {"count": count, "amount": currency.format(amount)}
            if send_on:
                days.append(send_on)
                facts["date"] = format_date(self.env, send_on)
                lines.append(
                    self.env._(
                        "Invoices: %(count)s, %(amount)s in all. They are sent by "
                        "themselves on %(date)s, unless somebody stops them before.",
                        **facts,
                    )
                )
            else:
                lines.append(
                    self.env._(
                        "Invoices that wait for approval: %(count)s, %(amount)s in "
                        "all.",
                        **facts,
                    )
                )
        link = Markup('<a href="/odoo/ropo-to-approve">%s</a>')
        lines.append(link % self.env._("Customers › Ropo collection › To approve"))
        values = {
            "summary": self.env._(
                "Ropo: invoices proposed for transfer: %(count)s",
                count=sum(group[2] for group in groups),
            ),
            "note": Markup("<br/>").join(lines),
            "date_deadline": min(days, default=root._ropo_today()),
        }
        if waiting:
            waiting.write(values)
        else:
            root.partner_id.activity_schedule(
                kind,
                user_id=root._ropo_proposals_for().id,
                **values,
            )

    def _ropo_proposals_for(self):
        """Who hears of proposals: the responsible, else an accounting manager."""
        self.ensure_one()
        user = self.ropo_responsible_id
        if user and user.active and not user.share:
            return user
        managers = self.env.ref("account.group_account_manager")
        return self.env["res.users"].search(
            [
                ("all_group_ids", "in", managers.ids),
                ("company_ids", "in", self.ids),
                ("share", "=", False),
            ],
            order="id",
            limit=1,
        ) or self.env.ref("base.user_admin")
