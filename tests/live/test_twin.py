"""The run against Maventa's test environment, played here against the sandbox.

It goes the same way: same command, same steps, same report. What must be seen: that
every reading is judged, that each wrong one is named, and that nothing can be sent to a
place that is not for tests.
"""

import os
import subprocess
import sys

import pytest

from ..databases import CHECKOUT
from ..faults.house import Sandbox, serve
from . import twin as live
from .readings import READINGS
from .twin import HOLDS, OPEN, WRONG, Account, Twin, check_hosts

COMPANY = "11111111-1111-4111-8111-111111111111"
KEYS = ("sample-user-key", "sample-vendor-key")


class World:
    def __init__(self, sandbox=None):
        self.sandbox = sandbox or Sandbox()
        self.sandbox.add_company(
            COMPANY, *KEYS, name="Sample Oy", business_id="1234567-1"
        )
        self.server = serve(self.sandbox)

    def account(self, **changed):
        values = {
            "environment": "test",
            "company_uuid": COMPANY,
            "user_api_key": KEYS[0],
            "vendor_api_key": KEYS[1],
            "ax_url": self.server.url,
            "receivables_url": self.server.url,
        }
        return Account(**{**values, **changed})

    def run(self, **options):
        self.sandbox.sign_agreement(COMPANY)
        return Twin(self.account(), patience=1, **options).run()


@pytest.fixture
def world():
    world = World()
    yield world
    world.server.close()


def verdicts(twin):
    return {key: finding.verdict for key, finding in twin.findings.items()}


def test_every_step_is_done_and_every_reading_judged(world):
    twin = world.run(close_service=True)
    assert twin.failed() == [], twin.report()
    assert twin.wrong() == []
    # Ordering is a run of its own; the sandbox shows no stage before its first step.
    assert set(READINGS) - set(twin.findings) == {"activation"}
    assert [k for k, v in verdicts(twin).items() if v != HOLDS] == ["stage"]
    report = twin.report()
    for key, text in READINGS.items():
        assert f"**{key}**: {text}" in report


def test_the_service_is_ordered_first(world):
    twin = Twin(world.account(), email="sample@example.com", patience=1).run()
    assert verdicts(twin)["activation"] == HOLDS
    assert "Read the state of the Ropo service" in twin.failed()[0]
    assert "agreement is signed" in twin.report()


class OtherNames(Sandbox):
    """A Maventa that is not as we read it, in one place each time."""

    place = ""

    def handle(self, method, url, headers, body=b""):
        path = url.partition("?")[0]
        if self.place == "payers" and path.endswith("/assignment/ropo"):
            return refusal("payers[0].post_code is not known")
        if self.place == "amounts" and method == "POST" and body:
            body = body.replace(b'"capital_amount": 124.0', b'"capital_amount": 200.0')
        if self.place == "paid" and method == "POST" and b"sum_paid" in body:
            return refusal("type is missing")
        if self.place == "absent" and path.endswith("/assignment") and method == "GET":
            answer = super().handle(method, url, headers, body)
            missing = answer[0] == 404
            return (200, JSON, b'{"status": "none"}') if missing else answer
        answer = super().handle(method, url, headers, body)
        if self.place == "uuid" and path.endswith("/v1/invoices") and method == "POST":
            other = b"99999999-9999-4999-8999-999999999999"
            sent = body.split(b'name="uuid"')[1].split()[0]
            return (answer[0], answer[1], answer[2].replace(sent, other))
        if self.place == "link":
            content = answer[2].replace(b"invoice_id", b"other_id")
            return (answer[0], answer[1], content.replace(b"reference_ids", b"refs"))
        if self.place == "status" and "/v1/assignments" in path:
            content = answer[2].replace(b'"status": "open"', b'"status": "running"')
            return (answer[0], answer[1], content)
        return answer


JSON = {"Content-Type": "application/json"}


def refusal(text):
    content = f'{{"code": "invalid_parameters", "message": "{text}", "details": []}}'
    return 400, JSON, content.encode()


@pytest.mark.parametrize(
    "place, reading",
    [
        ("payers", "payer fields"),
        ("amounts", "amounts"),
        ("paid", "report paid"),
        ("absent", "no request yet"),
        ("uuid", "own id"),
        ("link", "link"),
        ("status", "case status"),
    ],
)
def test_a_wrong_reading_is_named(place, reading):
    sandbox = OtherNames()
    sandbox.place = place
    world = World(sandbox)
    try:
        twin = world.run()
    finally:
        world.server.close()
    assert reading in twin.wrong(), twin.report()
    wrong = twin.report().split("## Hold")[0]
    assert f"**{reading}**" in wrong
    assert verdicts(twin)[reading] == WRONG


def test_what_cannot_be_seen_stays_open(world):
    world.sandbox.page_headers = False
    world.sandbox.refuse_filters = True
    twin = world.run()
    assert verdicts(twin)["paging headers"] == OPEN
    assert twin.wrong() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"environment": "production"},
        {"environment": "production", "ax_url": "", "receivables_url": ""},
        {"ax_url": "https://ax.maventa.com"},
        {"receivables_url": "https://receivables.maventa.com"},
        {"ax_url": "https://ax-stage.maventa.com.example.com"},
    ],
)
def test_nothing_is_sent_to_a_place_that_is_not_for_tests(world, changed):
    with pytest.raises(SystemExit, match="nothing was sent"):
        Twin(world.account(**changed))
    assert world.server.requests == []


def test_maventas_own_test_hosts_are_allowed(world):
    check_hosts(world.account(ax_url="", receivables_url=""))
    assert live.TEST_HOSTS == {
        "ax-stage.maventa.com",
        "receivables-stage.maventa.com",
    }


def command(tmp_path, **environment):
    known = {name: value for name, value in os.environ.items() if "MAVENTA" not in name}
    return subprocess.run(
        [sys.executable, "-m", "tests.live.twin", "--report", tmp_path / "report.md"],
        cwd=CHECKOUT,
        env={**known, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command(world, tmp_path):
    world.sandbox.sign_agreement(COMPANY)
    keys = {
        "MAVENTA_COMPANY_UUID": COMPANY,
        "MAVENTA_USER_API_KEY": KEYS[0],
        "MAVENTA_VENDOR_API_KEY": KEYS[1],
        "MAVENTA_LIVE_URL": world.server.url,
    }
    done = command(tmp_path, **keys)
    assert done.returncode == 0, done.stdout + done.stderr
    report = (tmp_path / "report.md").read_text()
    assert "## Wrong\n\nNone." in report
    for secret in KEYS:
        assert secret not in report + done.stdout + done.stderr


def test_the_command_without_keys(tmp_path):
    done = command(tmp_path, MAVENTA_COMPANY_UUID=COMPANY)
    assert done.returncode == 1
    assert "MAVENTA_USER_API_KEY, MAVENTA_VENDOR_API_KEY" in done.stderr
