"""python -m tests.process DATABASE MODULE:FUNCTION [ARGUMENTS]

Calls the function with Odoo's environment and the arguments, and commits when it
returns: quicker than `odoo shell`, and a process that a test can kill. See
`databases.py`.
"""

import importlib
import sys

import odoo
from odoo.modules.registry import Registry

from .watch_secrets import WATCH, watch


def main(database, target, *args):
    odoo.tools.config.parse_config(
        ["--database", database, "--no-http", "--log-level=warn"]
    )
    watch()
    module, function = target.split(":")
    with Registry(database).cursor() as cursor:
        env = odoo.api.Environment(cursor, odoo.SUPERUSER_ID, {})
        getattr(importlib.import_module(module), function)(env, *args)
    if found := WATCH.take():
        sys.exit("logged secrets:\n" + "\n".join(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
