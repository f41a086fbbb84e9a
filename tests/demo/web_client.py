"""What the web client does, without a screen."""

import json
import urllib.request
from http.cookiejar import CookieJar


class Odoo:
    """A browser without a screen: logs in, calls methods of models."""

    def __init__(self, url, database, login="admin", password="admin"):
        self.url = url
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar())
        )
        session = self._post(
            "/web/session/authenticate",
            {"db": database, "login": login, "password": password},
        )
        self.context = {**session["user_context"]}

    def _post(self, path, params):
        # A method that returns nothing comes back without a result.
        request = urllib.request.Request(
            self.url + path,
            json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode(),
            {"Content-Type": "application/json"},
        )
        with self._opener.open(request, timeout=120) as answer:
            body = json.load(answer)
        if "error" in body:
            raise SystemExit(body["error"]["data"]["message"])
        return body.get("result")

    def call(self, model, method, *args, context=None, **kwargs):
        kwargs["context"] = {**self.context, **(context or {})}
        return self._post(
            f"/web/dataset/call_kw/{model}/{method}",
            {"model": model, "method": method, "args": args, "kwargs": kwargs},
        )

    def one(self, model, domain, *names):
        return self.call(model, "search_read", domain, [*names], limit=1)[0]
