"""Odoo processes that carry out orders; the other end of :mod:`.worker`."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from ..databases import CHECKOUT

#: Nothing here takes long; whoever waits longer waits for ever.
PATIENCE = 60
COLLISION = "ERROR odoo.sql_db: bad query"


@contextlib.contextmanager
def office(database):
    """Yield a function that starts an Odoo process on this database."""
    with tempfile.TemporaryDirectory(prefix="r") as folder:
        path = str(Path(folder) / "orders")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", database.name, path],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
            # Its forks end with it.
            start_new_session=True,
        )
        try:
            assert process.stdout.readline() == "ready\n"
            yield lambda: Worker(path)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()


class Worker:
    """An Odoo process of one's own."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(path)
        self._lines = self._socket.makefile("rw", encoding="utf-8")
        self.pid = self._read()["pid"]

    def _read(self):
        line = self._lines.readline()
        assert line, "the process is gone"
        return json.loads(line)

    def start(self, call, *, pause=None, snapshot=False, retrying=True, collisions=0,
              **values):  # fmt: skip
        """Give an order and don't wait for its end."""
        order = {
            "call": call,
            "values": values,
            "pause": pause,
            "snapshot": snapshot,
            "retrying": retrying,
            "collisions": collisions,
        }
        self._say(json.dumps(order))

    def _say(self, line):
        self._lines.write(line + "\n")
        self._lines.flush()

    def paused(self):
        """Wait until it stands still where it was told to."""
        answer = self._read()
        assert "paused" in answer, answer

    def go_on(self):
        self._say("go")

    def end(self):
        """Wait for the end of the order, or the next pause: the whole answer."""
        answer = self._read()
        assert "paused" in answer or not answer["secrets"], answer["secrets"]
        return answer

    def result(self):
        """Wait for the good end of the order: its result."""
        answer = self.end()
        assert "error" not in answer, answer["error"]
        # Odoo logs statements that collide as errors; what counts is how it ended.
        log = [line for line in answer["log"] if not line.startswith(COLLISION)]
        assert not [line for line in log if line.startswith("ERROR")], log
        return answer["result"]

    def run(self, call, **order):
        self.start(call, **order)
        return self.result()

    def scheduled(self, *names):
        return self.run("scheduled", names=names, retrying=False)

    def kill(self):
        """The power is gone: no clean-up of any kind."""
        os.kill(self.pid, signal.SIGKILL)
        # The other end is closed when the process is really gone.
        with contextlib.suppress(OSError):
            while self._socket.recv(4096):
                pass
        self.close()

    def close(self):
        self._lines.close()
        self._socket.close()
