"""Tokens: fetched once, renewed in time, and what happens when they are refused."""

import pytest
from maventa import wire
from maventa.client import TOKENS
from maventa.errors import AccountTrouble, NotNow

from .conftest import USER_KEY, VENDOR_KEY, transfer


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


def fetches(world):
    return world.paths().count(wire.TOKEN)


def test_one_token_for_both_apis_and_all_clients(world):
    with world.client() as client:
        client.service()
        client.assignments()
    with world.client() as client:
        client.service()
    assert fetches(world) == 1


def test_renewed_before_it_ends(world):
    clock = Clock()
    client = world.client(clock=clock)
    client.service()
    clock.seconds += 3600 - 300 - 1
    client.service()
    assert fetches(world) == 1
    clock.seconds += 1
    client.service()
    assert fetches(world) == 2


def test_a_short_token_is_used_for_half_its_life(world):
    clock = Clock()
    client = world.client(clock=clock)
    for _ in range(2):
        world.faults.next(
            "POST",
            wire.TOKEN,
            'body:{"access_token": "short", "expires_in": 60}',
        )
    world.faults.next("GET", wire.SERVICE, 'body:{"status": "ACTIVE"}', times=9)
    client.service()
    clock.seconds += 29
    client.service()
    assert fetches(world) == 1
    clock.seconds += 1
    client.service()
    assert fetches(world) == 2


def test_a_refused_token_is_renewed_once(world, client):
    client.service()
    world.sandbox.revoke_tokens()
    assert client.service().state == "active"
    assert fetches(world) == 2


def test_a_refused_post_is_repeated_once(world, client):
    _invoice_id, case_id = world.add_case(client)
    world.sandbox.revoke_tokens()
    client.report_paid(case_id, 10, world.now.date())
    assert world.sandbox.case(case_id)["told_paid"] == 10
    posts = [r for r in world.server.requests if r[1].endswith("/events")]
    assert [status for _, _, status in posts] == [401, 201]


def test_refused_twice(world, client):
    world.faults.next("GET", wire.SERVICE, "status:401", times=9)
    with pytest.raises(AccountTrouble) as caught:
        client.service()
    assert caught.value.reason == "no_access"
    assert caught.value.status == 401
    assert fetches(world) == 2
    assert world.paths().count(wire.SERVICE) == 2


@pytest.mark.parametrize(
    "change",
    [{"company_uuid": "other"}, {"user_api_key": "x"}, {"vendor_api_key": "x"}],
)
def test_wrong_keys(world, change):
    client = world.client(world.account(**change))
    with pytest.raises(AccountTrouble) as caught:
        client.service()
    error = caught.value
    assert error.reason == "wrong_keys"
    assert (error.status, error.code) == (401, "invalid_client")
    assert error.path == wire.TOKEN


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("status:400", "wrong_keys"),
        ("status:403", "wrong_keys"),
        ("html:401", "no_access"),
        ("html:403", "no_access"),
    ],
)
def test_token_refused(world, client, fault, reason):
    world.faults.next("POST", wire.TOKEN, fault)
    with pytest.raises(AccountTrouble) as caught:
        client.service()
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("status:404", "not_believable"),
        ("html:404", "not_believable"),
        ("status:429:60", "busy"),
        ("status:503", "busy"),
        ("status:500", "server_error"),
        ("html", "unreadable_answer"),
        ("garbage", "unreadable_answer"),
        ("empty", "unreadable_answer"),
        ('body:{"access_token": "a b", "expires_in": 1}', "unreadable_answer"),
        ('body:{"access_token": "a\\r\\nX: y"}', "unreadable_answer"),
        ('body:{"access_token": 7}', "unreadable_answer"),
        ("body:[]", "unreadable_answer"),
        ("cut_before", "unreachable"),
        ("cut_after", "unreachable"),
        ("redirect:https://elsewhere.example/", "redirected"),
    ],
)
def test_no_token_for_now(world, client, fault, reason):
    """Without a token nothing was asked, so nothing can have changed."""
    world.faults.next("POST", wire.TOKEN, fault)
    with pytest.raises(NotNow) as caught:
        client.transfer("some-invoice", transfer())
    assert caught.value.reason == reason
    assert world.paths() == [wire.TOKEN]


def test_missing_rights_are_named(world):
    world.add_company(scopes=["company:read", "company:write", "invoice:send"])
    client = world.client()
    with pytest.raises(AccountTrouble) as caught:
        client.identity()
    assert caught.value.reason == "missing_rights"
    assert caught.value.missing_scopes == ("receivables:assignments",)
    # What needs no more than was granted goes on: the service can be activated.
    assert client.service().state == "active"
    with pytest.raises(AccountTrouble) as caught:
        client.assignments()
    assert caught.value.missing_scopes == ("receivables:assignments",)


def test_the_test_of_a_connection_asks_anew(world, client):
    world.add_company(scopes=["company"])
    with pytest.raises(AccountTrouble):
        client.identity()
    world.add_company()
    assert client.identity().company_name


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        (None, ()),
        ("company invoice:send receivables:assignments", ()),
        ("company:write receivables:assignments invoice:send company:read", ()),
        ("eui", ()),
        ("global company:write invoice:send receivables:assignments", ()),
        ("company:read invoice:send receivables:assignments", ("company",)),
        ("company", ("invoice:send", "receivables:assignments")),
        ("something:new", ("company", "invoice:send", "receivables:assignments")),
    ],
)
def test_granted_rights(granted, missing):
    answer = {"access_token": "x", "scope": granted}
    assert wire.missing_scopes(wire.read_token(answer)[2]) == missing


def test_the_request(world, client):
    seen = []
    handle = world.sandbox.handle

    def spy(method, url, headers, body=b""):
        seen.append((dict(headers), body))
        return handle(method, url, headers, body)

    world.sandbox.handle = spy
    world.client(erp_version="19.0", license_key="LK").service()
    headers, body = seen[0]
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in headers
    assert b"grant_type=client_credentials" in body
    assert b"scope=company+invoice%3Asend+receivables%3Aassignments" in body
    assert USER_KEY.encode() in body
    assert VENDOR_KEY.encode() in body
    assert b"erp_name" in body
    assert b"19.0" in body
    assert b"LK" in body
    assert seen[1][0]["Authorization"].startswith("Bearer ")


def test_netrc_sets_no_password(world, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client = world.client()
    client._session.trust_env = True
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert client.service().state == "active"


def test_accounts_share_no_token(world):
    world.client().service()
    other = world.account(user_api_key="another")
    with pytest.raises(AccountTrouble):
        world.client(other).service()
    assert USER_KEY not in repr(TOKENS._slots)
