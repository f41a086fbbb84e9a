from ast import literal_eval

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class RopoFiguresDay(models.TransientModel):
    """As of which day figures are wanted."""

    _name = "ropo.figures.day"
    _description = "Day of the Ropo figures"

    day = fields.Date(
        string="As of",
        required=True,
        default=fields.Date.context_today,
        help="Everything up to the end of this day counts.",
    )
    report = fields.Selection(
        [
            ("figures", "Cases by stage and age"),
            ("money", "Paid to Ropo, not settled"),
            ("recovery", "Recovery by month of transfer"),
            ("ended", "Ended cases"),
        ],
        required=True,
        default="figures",
    )

    def action_open(self):
        """The report as of that day, which stands in its title."""
        self.ensure_one()
        if self.day > fields.Date.context_today(self):
            raise UserError(self.env._("Choose today or an earlier day."))
        action = self.env["ir.actions.act_window"]._for_xml_id(
            f"ropo_collection.ropo_figures_action_{self.report}"
        )
        name = self.env._(
            "%(report)s, as of %(day)s",
            report=action["name"],
            day=format_date(self.env, self.day),
        )
        context = {
            **literal_eval(action["context"]),
            "ropo_figures_date": fields.Date.to_string(self.day),
        }
        return {**action, "name": name, "display_name": name, "context": context}
