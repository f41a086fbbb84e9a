"""The audit fails for a known weakness, and says so when it could not audit."""

from . import audit


def report(**row):
    return {"dependencies": [{"name": "requests", "version": "1", **row}]}


def test_a_weakness_fails():
    found = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}
    weak, missed = audit.judge(report(vulns=[found]))
    assert weak == ["requests 1: CVE-1, PYSEC-1, fixed in 2"]
    assert not missed


def test_one_that_can_not_be_met_does_not():
    for name in audit.MET:
        found = {"id": "PYSEC-1", "aliases": [name], "fix_versions": []}
        assert audit.judge(report(vulns=[found])) == ([], [])


def test_what_was_not_audited_is_told():
    assert audit.judge(report(skip_reason="not found")) == ([], ["requests: not found"])


def test_all_that_the_addon_needs_is_audited():
    names = [pin.partition("==")[0] for pin in audit.pinned()]
    assert names == ["cryptography", "python-stdnum", "requests", "urllib3"]
