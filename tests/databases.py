"""Databases and processes of their own, for tests that commit, crash or race.

Odoo's test classes share one connection and roll everything back. What happens when
a worker is killed, or when two of them meet, shows only on a database that is really
committed to, by processes that really end::

    def deliver(env, how):
        ...

    def test_crash(throwaway_database):
        worker = throwaway_database.start(deliver, "slowly")
        worker.kill()
        worker.wait()
        throwaway_database.run(deliver, "quickly")
        assert throwaway_database.query("SELECT …") == […]

The function stands at the top level of its module. Its process imports that module,
calls it with Odoo's environment of the superuser and with the arguments as text, and
commits at the end. `./dev test` names the template in the environment.
"""

import contextlib
import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg2

CHECKOUT = Path(__file__).parent.parent


def template():
    """The database with the addon that throw-away ones are copied from, or None."""
    return os.environ.get("ROPO_DEV_TEMPLATE")


@contextlib.contextmanager
def throw_away(source=None):
    """A database with the addon and nothing else, for the time of the block.

    :param source: a database to copy instead, which nobody is connected to
    """
    name = f"{os.environ['ROPO_DEV_TEMP']}_{uuid.uuid4().hex[:8]}"
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{source or template()}"')
    database = Database(name)
    try:
        yield database
    finally:
        database.end_processes()
        _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


class Database:
    def __init__(self, name):
        self.name = name
        self.processes = []

    def start(self, function, *args, **popen):
        """Start a process that calls the function with `env` and the arguments."""
        target = f"{function.__module__}:{function.__name__}"
        command = [sys.executable, "-m", "tests.process", self.name, target, *args]
        process = subprocess.Popen(
            [str(part) for part in command], cwd=CHECKOUT, text=True, **popen
        )
        self.processes.append(process)
        return process

    def run(self, function, *args, timeout=120):
        """Let a process call the function to its good end; what it printed."""
        process = self.start(function, *args, stdout=subprocess.PIPE)
        printed, _nothing = process.communicate(timeout=timeout)
        if process.returncode:
            raise AssertionError(f"{function.__name__} ended with {process.returncode}")
        return printed

    @contextlib.contextmanager
    def connect(self):
        """A connection that commits each statement."""
        with contextlib.closing(psycopg2.connect(dbname=self.name)) as connection:
            connection.autocommit = True
            yield connection

    def query(self, statement, parameters=None):
        """The rows as they are committed now."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def end_processes(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


def _administer(statement):
    with contextlib.closing(psycopg2.connect(dbname="postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
