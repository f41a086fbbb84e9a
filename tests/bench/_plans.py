"""The statements that were really executed, and how PostgreSQL answers them.

A plan is bad where a big table is read from end to end, and a filter throws away more
than nine tenths of it: an index should have found the rest. Sums and sorted lists of
much may read much: they have a bar on their seconds instead.
"""

import contextlib

from odoo.sql_db import Cursor

#: The share of a table that a scan may not throw away.
THROWN_AWAY = 0.9


@contextlib.contextmanager
def executed():
    """The list that the SELECTs executed meanwhile are added to."""
    statements, execute = [], Cursor.execute

    def listening(self, query, params=None, log_exceptions=True):
        result = execute(self, query, params, log_exceptions)
        told = self._obj.query.decode()
        if told.lstrip().upper().startswith(("SELECT", "WITH")):
            statements.append(told)
        return result

    Cursor.execute = listening
    try:
        yield statements
    finally:
        Cursor.execute = execute


def big_tables(cr, rows):
    """The tables of so many rows or more."""
    cr.execute("SELECT relname FROM pg_class WHERE reltuples >= %s", (rows,))
    return {name for (name,) in cr.fetchall()}


def bad_scans(cr, statement, big):
    """Sequential scans of this statement that an index should spare, as sentences."""
    cr.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}")  # noqa: S608
    [plan] = cr.fetchone()[0]
    return list(_bad(plan["Plan"], big))


def _bad(node, big):
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in big:
        kept = node["Actual Rows"] * node["Actual Loops"]
        thrown = node.get("Rows Removed by Filter", 0) * node["Actual Loops"]
        if thrown > THROWN_AWAY * (kept + thrown):
            condition = node.get("Filter", "no condition")
            yield (
                f"{node['Relation Name']}: {kept:,.0f} of {kept + thrown:,.0f} rows; "
                f"{condition}"
            )
    for inner in node.get("Plans", ()):
        yield from _bad(inner, big)
