"""Maventa's API in plain Python: the only part of the addon that knows HTTP.

``wire``     every name of the contract; builds requests, reads answers
``client``   one session: token, deadline, outcome classes, one log line a call
``errors``   what can go wrong, by what to do about it
``sandbox``  a working Maventa and Ropo, for demo mode and for tests

Nothing here imports Odoo, and nothing outside ``wire`` builds or reads JSON
(the sandbox, being the other side of the line, uses its tables).
"""
