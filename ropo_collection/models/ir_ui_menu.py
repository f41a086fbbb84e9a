from odoo import api, models


class IrUiMenu(models.Model):
    _inherit = "ir.ui.menu"

    @api.model
    def _load_menus_blacklist(self):
        """Nothing of Ropo for users none of whose companies uses it.

        Odoo keeps the menus of a user; ``res.company`` forgets them when a company
        begins to use Ropo or ceases to.
        """
        hidden = super()._load_menus_blacklist()
        menu = self.env.ref(
            "ropo_collection.ropo_collection_menu", raise_if_not_found=False
        )
        companies = self.env.user.company_ids
        if menu and not any(company._ropo_is_on() for company in companies):
            hidden += self.sudo().search([("id", "child_of", menu.id)]).ids
        return hidden
