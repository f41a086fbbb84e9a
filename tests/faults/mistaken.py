"""``odoo`` with mistakes in the addon: would a storm find them?

``python -m tests.faults.mistaken MISTAKE,MISTAKE [arguments of odoo]``
"""

import sys

from odoo.cli.command import main
from odoo.modules.registry import Registry

MISTAKES = {}


def mistake(function):
    MISTAKES[function.__name__] = function
    return function


def _send_again(self):
    self.write({"state": "queued", "token": False, "next_try_at": False})
    return []


@mistake
def transfers_are_sent_again_without_a_look(registry):
    cases = registry["ropo.assignment"]
    cases._lose_sight = lambda self, error: _send_again(self)
    cases._lease_look = _send_again


@mistake
def reports_are_sent_again_without_a_look(registry):
    events = registry["ropo.assignment.event"]
    events._settle_failure = lambda self, error: _send_again(self)
    events._lease_look = _send_again


@mistake
def reports_of_the_killed_are_sent_again(registry):
    registry["ropo.assignment.event"]._lease_look = _send_again


@mistake
def transfers_of_the_killed_are_sent_again(registry):
    registry["ropo.assignment"]._lease_look = _send_again


@mistake
def reports_without_an_answer_are_taken_for_sent(registry):
    def lease_look(self):
        for event in self:
            event._mark_sent(False)
        return []

    registry["ropo.assignment.event"]._lease_look = lease_look


@mistake
def payments_are_told_in_the_request(registry):
    cases = registry["ropo.assignment"]
    mark_entries = cases._mark_entries

    def tell_at_once(self, move_ids):
        mark_entries(self, move_ids)
        self.sudo()._cron_report()

    cases._mark_entries = tell_at_once


def _mistaken(names):
    """Every registry of this process is made with these mistakes."""
    new = Registry.new

    def new_mistaken(*args, **kwargs):
        registry = new(*args, **kwargs)
        for name in names:
            MISTAKES[name](registry)
        return registry

    Registry.new = new_mistaken


if __name__ == "__main__":
    _mistaken(sys.argv.pop(1).split(","))
    main()
