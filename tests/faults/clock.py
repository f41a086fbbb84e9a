"""The time of Odoo and of the sandbox, which goes by as a test says."""

from datetime import datetime, timedelta, timezone

import odoo


class Clock:
    """How far ahead of the real time it is."""

    def __init__(self, seconds=0):
        self.offset = timedelta(seconds=seconds)

    def now(self):
        return datetime.now(timezone.utc) + self.offset

    def install(self):
        fields = odoo.fields

        def now(*_args):
            return self.now().replace(tzinfo=None, microsecond=0)

        def context_today(record, timestamp=None):
            moment = (timestamp or now()).replace(tzinfo=timezone.utc)
            return moment.astimezone(record.env.tz).date()

        fields.Datetime.now = staticmethod(now)
        fields.Date.today = staticmethod(lambda *_args: now().date())
        fields.Date.context_today = staticmethod(context_today)
