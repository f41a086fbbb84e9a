import json

from odoo import http
from odoo.exceptions import AccessError
from odoo.http import content_disposition, request


class Diagnostics(http.Controller):
    @http.route("/ropo_collection/diagnostics", auth="user", methods=["GET"])
    def diagnostics(self):
        """What helps to find a fault, as a file, for administrators."""
        if not request.env.user.has_group("base.group_system"):
            raise AccessError(
                request.env._("Only an administrator can download the diagnostics.")
            )
        found = request.env["res.company"]._ropo_diagnostics()
        return request.make_response(
            json.dumps(found, indent=2, default=str),
            headers=[
                ("Content-Type", "application/json"),
                (
                    "Content-Disposition",
                    content_disposition("ropo-diagnostics.json"),
                ),
            ],
        )
