"""What a hostile server sends, and a process that suffers it and measures itself.

Run as a program, ``attacks.py URL NAME…`` calls the server at ``URL`` once for each
attack and prints ``{name: [seconds, MiB of growth at the peak, class, reason]}``.
"""

import gzip
import json
import sys
import time
import zlib
from pathlib import Path

GIGABYTE = 2**30
MANY = 100_000  # events on one case
HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD % 200 + b"Transfer-Encoding: chunked\r\n\r\n"


def _sized(body, *headers, status=200):
    yield HEAD % status + b"".join(line + b"\r\n" for line in headers)
    yield b"Content-Length: %d\r\n\r\n" % len(body)
    yield body


def _endless(head, piece):
    """``piece`` over and over, a gigabyte of it."""
    yield head
    block = piece * (65_536 // len(piece) + 1)
    for _ in range(GIGABYTE // len(block)):
        yield block


def _slowly(head, piece):
    yield head
    while True:
        yield piece
        time.sleep(0.02)


def _bomb():
    """A gigabyte, packed to one megabyte."""
    packer = zlib.compressobj(9, wbits=31)
    block = b" " * 2**20
    packed = b"".join(packer.compress(block) for _ in range(1024)) + packer.flush()
    return _sized(packed, b"Content-Encoding: gzip")


def _bomb_of_bombs():
    packed = gzip.compress(gzip.compress(gzip.compress(b" " * 2**26)))
    return _sized(packed, b"Content-Encoding: gzip, gzip, gzip")


def _events(count):
    return ",".join(
        f'{{"id":"e{n}","type":"paid","sum_paid":1.5,"booked_at":"2026-11-20"}}'
        for n in range(count)
    ).encode()


def _case(events):
    return _sized(b'[{"id":"c","events":[%s]}]' % events)


GB = b"Content-Length: %d\r\n\r\n" % GIGABYTE
#: Name → the bytes of the answer, piece by piece.
ATTACKS = {
    "one gigabyte": lambda: _endless(HEAD % 200 + GB, b" "),
    "one gigabyte without a length": lambda: _endless(
        CHUNKED, b"100\r\n%256s\r\n" % b""
    ),
    "one gigabyte in chunks of one byte": lambda: _endless(CHUNKED, b"1\r\n \r\n"),
    "an endless size of a chunk": lambda: _endless(CHUNKED, b"1"),
    "endless trailers": lambda: _endless(CHUNKED + b"0\r\n", b"X: x\r\n"),
    "endless continuing": lambda: _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "one gigabyte with an error": lambda: _endless(HEAD % 500 + GB, b" "),
    "one gigabyte with a redirect": lambda: _endless(
        HEAD % 302 + b"Location: https://elsewhere.example/\r\n" + GB, b" "
    ),
    "one gigabyte packed": _bomb,
    "packed three times": _bomb_of_bombs,
    "deep JSON": lambda: _sized(b"[" * 7_000_000),
    "wide JSON of lists": lambda: _sized(b"[" + b"[]," * 2_500_000 + b"0]"),
    "wide JSON of numbers": lambda: _sized(b"[" + b"1.5," * 1_900_000 + b"0]"),
    "wide JSON of names": lambda: _sized(
        b'[{"a":"' + "\U0001f600".encode() * 1_900_000 + b'"}]'
    ),
    "a number of seven million digits": lambda: _sized(
        b'[{"id":1%s}]' % (b"1" * 7_000_000)
    ),
    "many events on one case": lambda: _case(_events(MANY)),
    "cases of nothing but events": lambda: _case(
        b",".join([b'{"id":1234567}'] * 60_000)
    ),
    "byte by byte": lambda: _slowly(HEAD % 200 + GB, b" "),
    "headers byte by byte": lambda: _slowly(HEAD % 200 + b"X: ", b"x"),
}


def measure(url, names, deadline):
    from maventa.client import Account, Client
    from maventa.errors import MaventaError

    def rss(field):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1024
        raise LookupError(field)

    measured, base = {}, 0
    for name in ("", *names):  # the first one warms up
        account = Account(
            environment="test",
            company_uuid="0d9e0b2c-6f37-4a52-9a3f-5f1c7f0e9b11",
            user_api_key="sample",
            vendor_api_key="sample",
            ax_url=url,
            receivables_url=f"{url}/{name.replace(' ', '_')}",
        )
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        started = time.monotonic()
        outcome = ("", "")
        with Client(account, deadline=deadline) as client:
            try:
                if "paged" in name:
                    client.events("c")
                client.assignments()
            except MaventaError as error:
                outcome = (type(error).__name__, error.reason)
        seconds = time.monotonic() - started
        # Above what the process had after warming up: what an attack leaves behind is
        # counted with all that follow.
        base = rss("VmRSS") if not name else base
        measured[name] = [seconds, rss("VmHWM") - base, *outcome]
    return measured


def main():
    sys.path.insert(0, str(Path(__file__).parent))
    import conftest  # noqa: F401  makes the package maventa known

    url, deadline, *names = sys.argv[1:]
    sys.stdout.write(json.dumps(measure(url, names, float(deadline))))


if __name__ == "__main__":
    main()
