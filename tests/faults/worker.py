"""Odoo processes that a test can start in no time, stop in the middle, and kill.

``python -m tests.faults.worker DATABASE SOCKET`` loads Odoo's registry once and then
forks a process for every connection to the socket, the way Odoo's own server does. Such
a process reads orders, a JSON object a line, and answers each with one: it calls a
function of :mod:`.actions` with Odoo's environment and commits.
"""

import contextlib
import functools
import json
import logging
import os
import signal
import socket
import sys
import time
from types import SimpleNamespace

import odoo
from odoo.exceptions import ConcurrencyError
from odoo.modules.registry import Registry
from odoo.service.model import retrying

from ..watch_secrets import WATCH, watch
from . import actions


class _Kept(logging.Handler):
    """Warnings and errors of one order, for the test to look at."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{record.levelname} {record.name}: {record.getMessage()}")
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            self.lines.append(f"    {type(error).__name__}: {error}")


class Orders:
    """One forked process: carries out the orders of one connection."""

    def __init__(self, connection, registry):
        self.lines = connection.makefile("rw", encoding="utf-8")
        self.registry = registry
        self.kept = _Kept()
        watch()
        logging.getLogger().addHandler(self.kept)

    def tell(self, **answer):
        self.lines.write(json.dumps(answer, default=str) + "\n")
        self.lines.flush()

    def serve(self):
        self.tell(pid=os.getpid())
        for line in self.lines:
            order = json.loads(line)
            self.kept.lines.clear()
            started = time.monotonic()
            try:
                with self._pauses(order.get("pause")):
                    answer = {"result": self._carry_out(order)}
            except Exception as error:  # noqa: BLE001 the test wants to see it
                answer = {"error": f"{type(error).__name__}: {error}"}
            self.tell(
                **answer,
                seconds=time.monotonic() - started,
                log=self.kept.lines,
                secrets=WATCH.take(),
            )

    def _carry_out(self, order):
        function = getattr(actions, order["call"])
        with self.registry.cursor() as cursor:
            env = odoo.api.Environment(cursor, odoo.SUPERUSER_ID, {})
            if order.get("snapshot"):
                # The transaction begins here; what it does comes when it is told to.
                cursor.execute("SELECT 1 FROM ropo_assignment LIMIT 1")
                self.pause("snapshot")
            call = functools.partial(function, env, **order.get("values", {}))
            if order.get("retrying", True):
                return retrying(self._failing(call, order.get("collisions", 0)), env)
            return call()

    @staticmethod
    def _failing(call, times):
        """Let the first ``times`` tries collide with somebody, at their very end."""
        left = [times]

        def tried():
            result = call()
            if left[0]:
                left[0] -= 1
                raise ConcurrencyError("for a test")
            return result

        return tried

    @contextlib.contextmanager
    def _pauses(self, place):
        """Stop before a method of a model until the test says to go on."""
        if not place:
            yield
            return
        model, method = place
        cls = self.registry[model]
        original = getattr(cls, method)

        def paused(records, *args, **kwargs):
            self.pause(method)
            return original(records, *args, **kwargs)

        setattr(cls, method, paused)
        try:
            yield
        finally:
            delattr(cls, method)

    def pause(self, where):
        self.tell(paused=where)
        self.lines.readline()


def main(database, path):
    odoo.tools.config.parse_config(
        ["--database", database, "--no-http", "--log-level=warn"]
    )
    # Odoo waits up to half a minute between the tries of a request.
    odoo.service.model.random = SimpleNamespace(uniform=lambda start, end: end / 100)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    registry = Registry(database)
    odoo.sql_db.close_all()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as door:
        door.bind(path)
        door.listen(16)
        print("ready", flush=True)
        while True:
            connection, _address = door.accept()
            if os.fork():
                connection.close()
                continue
            door.close()
            try:
                Orders(connection, registry).serve()
            finally:
                os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
