from odoo import models


class IrUiMenu(models.Model):
    _inherit = "ir.ui.menu"

    def _load_menus_blacklist(self):
        """No menu of Ropo for those none of whose companies uses it.

        Menus are remembered for each user, so it can't depend on the companies that
        are ticked at the moment.
        """
        hidden = super()._load_menus_blacklist()
        if not any(company._ropo_is_on() for company in self.env.user.company_ids):
            menu = self.env.ref(
                "ropo_collection.ropo_collection_menu", raise_if_not_found=False
            )
            hidden.extend(menu.ids if menu else [])
        return hidden
