"""What INTEGRATORS.md promises those who build on the addon."""

import re
from pathlib import Path

from odoo import models
from odoo.tests import tagged

from .ledger import LedgerCommon

GUIDE = Path(__file__).parents[2] / "ropo_collection/INTEGRATORS.md"


@tagged("post_install", "-at_install")
class TestIntegrators(LedgerCommon):
    def extend(self, model, name):
        """Put the guide's own method ``name`` in front of the model's."""
        blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.S)
        source = next(block for block in blocks if f"def {name}" in block)
        source = source[source.index("    def ") :]
        # Without a module of its own: a class that calls on as super() would.
        before = getattr(self.registry[model], name)
        source = source.replace(f"super().{name}(", "before(self, ")
        space = {"before": before}
        exec("class Extension:\n" + source, space)
        self.patch(self.registry[model], name, getattr(space["Extension"], name))

    def test_an_addon_can_refuse_a_transfer(self):
        move = self.invoice()
        self.extend("account.move", "_ropo_verdicts")
        self.assertFalse(move._ropo_verdicts()[move].blocks)
        move.journal_id.sudo().code = "BANK"
        self.assertIn("pledged", str(move._ropo_verdicts()[move].blocks))

    def test_an_addon_can_recognise_settlements(self):
        self.extend("ropo.assignment", "_is_settlement")
        case = self.at_ropo()
        journal = self.company_data["default_journal_bank"].sudo()
        journal.code = "ROPO"
        self.pay(case.move_id, 40.0)
        self.run_cron("report")
        self.assertTold(case, paid=[])

    def test_models_of_the_guide_exist(self):
        for name in re.findall(r"`((?:ropo|account|res)\.[a-z.]+)`", GUIDE.read_text()):
            self.assertTrue(issubclass(self.registry[name], models.BaseModel), name)
