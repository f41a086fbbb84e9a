"""Numbers, phones, post codes and summaries, on random input."""

import re
from datetime import date

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.fi import alv
from stdnum.no import fodselsnummer

from odoo.tests import TransactionCase, tagged

from odoo.addons.ropo_collection.tools import identity, summary

from ..examples import examples

# Other work on the machine must not fail a test.
CALM = settings(
    deadline=None,
    max_examples=examples(200),
    suppress_health_check=[HealthCheck.too_slow],
)
COUNTRIES = st.sampled_from(["FI", "SE", "NO"])
BIRTHDAYS = st.dates(date(1920, 1, 1), date(2010, 12, 31))
SERIALS = st.integers(2, 899)
# Numbers as people type them, and anything else.
NEAR = st.text("0123456789+-:. ABCDEFYXWVUabct/" + "\u2212\u0660\u00b2", max_size=16)
ANYTHING = st.one_of(st.none(), st.text(max_size=40), NEAR)
HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"


@st.composite
def hetus(draw):
    """A Finnish personal number, with any of the separators since 2023."""
    day, serial = draw(BIRTHDAYS), draw(SERIALS)
    separator = draw(st.sampled_from("-YXWVU" if day.year < 2000 else "ABCDEF"))
    check = HETU[int(f"{day:%d%m%y}{serial:03d}") % 31]
    return f"{day:%d%m%y}{separator}{serial:03d}{check}"


@st.composite
def personnummers(draw, added=None):
    """A Swedish one; 60 added to the day makes it a samordningsnummer."""
    day, serial = draw(BIRTHDAYS), draw(SERIALS)
    added = draw(st.sampled_from([0, 60])) if added is None else added
    body = f"{day:%y%m}{day.day + added:02d}{serial:03d}"
    century = draw(st.sampled_from(["", f"{day.year // 100}"]))
    number = body + luhn.calc_check_digit(body)
    dash = draw(st.sampled_from(["", "-"]))
    return f"{century}{number[:6]}{dash}{number[6:]}"


@st.composite
def fodselsnummers(draw):
    """A Norwegian one; 40 added to the day makes it a D-number."""
    day, serial = draw(BIRTHDAYS), draw(st.integers(0, 499))
    serial += 500 if day.year >= 2000 else 0
    added = draw(st.sampled_from([0, 40]))
    body = f"{day.day + added:02d}{day:%m%y}{serial:03d}"
    first = fodselsnummer.calc_check_digit1(body)
    second = fodselsnummer.calc_check_digit2(body + first)
    number = body + first + second
    assume(len(number) == 11)
    return number


@st.composite
def business_ids(draw):
    """A country and a business id as it is printed there."""
    country = draw(COUNTRIES)
    if country == "FI":
        body = f"{draw(st.integers(0, 9_999_999)):07d}"
        digits = [d for d in "0123456789" if alv.is_valid(body + d)]
        assume(digits)
        return country, f"{body}-{digits[0]}"
    if country == "SE":
        body = f"{draw(st.sampled_from('2578'))}{draw(st.integers(0, 9)):01d}"
        body += f"{draw(st.integers(2, 9))}{draw(st.integers(0, 999_999)):06d}"
        number = body + luhn.calc_check_digit(body)
        return country, f"{number[:6]}-{number[6:]}"
    weights = (3, 2, 7, 6, 5, 4, 3, 2)
    body = f"{draw(st.sampled_from('89'))}{draw(st.integers(0, 9_999_999)):07d}"
    check = -sum(w * int(d) for w, d in zip(weights, body, strict=True)) % 11
    assume(check < 10)
    number = f"{body}{check}"
    return country, draw(
        st.sampled_from(
            [number, f"{number[:3]} {number[3:6]} {number[6:]}", f"NO{number}MVA"]
        )
    )


def other_digit(draw, number, positions):
    """The number with one of its digits changed."""
    at = draw(st.sampled_from(positions))
    digit = draw(st.sampled_from("0123456789".replace(number[at], "")))
    return number[:at] + digit + number[at + 1 :]


def digits_in(number):
    return [at for at, char in enumerate(number) if char.isdigit()]


@tagged("post_install", "-at_install")
class TestIdentity(TransactionCase):
    # -- personal numbers -------------------------------------------------------
    @CALM
    @given(st.data())
    def test_valid_personal_ids(self, data):
        """Accepted, normalized, and the same when normalized again."""
        for country, numbers in (
            ("FI", hetus()),
            ("SE", personnummers()),
            ("NO", fodselsnummers()),
        ):
            number = data.draw(numbers)
            typed = data.draw(st.sampled_from([number, f" {number.lower()} "]))
            clean = identity.personal_id(country, typed)
            self.assertTrue(clean, country)
            self.assertEqual(re.sub(r"\W", "", clean), re.sub(r"\W", "", number))
            self.assertEqual(identity.personal_id(country, clean), clean)
            self.assertEqual(identity.mask(clean), f"…{clean[-2:]}")

    @CALM
    @given(st.data())
    def test_one_wrong_digit_in_a_personal_id(self, data):
        """Each country's check digit promises to notice it."""
        for country, numbers in (
            ("FI", hetus()),
            ("SE", personnummers()),
            ("NO", fodselsnummers()),
        ):
            number = data.draw(numbers)
            positions = digits_in(number)
            if country == "SE" and len(re.sub(r"\D", "", number)) == 12:
                # The century is not part of the check digit.
                positions = positions[2:]
            wrong = other_digit(data.draw, number, positions)
            self.assertFalse(identity.personal_id(country, wrong), country)

    def test_personal_ids_by_example(self):
        for country, number, clean in (
            ("FI", "131052-308T", "131052-308T"),
            ("FI", "131052Y308T", "131052Y308T"),
            ("FI", "131052y308t", "131052Y308T"),
            ("FI", "131052*308T", ""),
            ("FI", "310252-308Y", ""),
            # The example of Skatteverket's leaflet on samordningsnummer (SKV 707)
            ("SE", "701063-2391", "701063-2391"),
            ("SE", "19701063-2391", "19701063-2391"),
            ("SE", "701093-2391", ""),
            ("SE", "880320-0016", "880320-0016"),
            ("NO", "151086 95088", "15108695088"),
            ("NO", "15108695077", ""),
            ("SE", "131052-308T", ""),
            ("DE", "anything", "anything"),
        ):
            self.assertEqual(identity.personal_id(country, number), clean, number)

    def test_who_moved_keeps_the_number(self):
        for country in ("SE", "NO"):
            moved = identity.personal_id(country, "131052-308T", "FI")
            self.assertEqual(moved, "131052-308T")
            self.assertFalse(identity.personal_id(country, "131052-308U", "FI"))

    def test_all_separators_of_finland(self):
        for separator in "+-YXWVUABCDEF":
            number = f"131052{separator}308T"
            self.assertEqual(identity.personal_id("FI", number), number)

    # -- business ids -------------------------------------------------------------
    @CALM
    @given(business_ids())
    def test_valid_business_ids(self, numbered):
        country, number = numbered
        clean = identity.business_id(country, number)
        self.assertTrue(clean)
        self.assertEqual(identity.business_id(country, clean), clean)
        self.assertFalse(identity.is_personal(country, clean))

    @CALM
    @given(st.data())
    def test_one_wrong_digit_in_a_business_id(self, data):
        country, number = data.draw(business_ids())
        wrong = other_digit(data.draw, number, digits_in(number))
        # A wrong third digit may make a Swedish number a personal one, never a valid
        # one: the check digit covers all of them.
        self.assertFalse(identity.business_id(country, wrong), wrong)

    def test_business_ids_by_example(self):
        for country, number, clean in (
            ("FI", "FI15728600", "1572860-0"),
            ("SE", "SE556703748501", "556703-7485"),
            ("SE", "165567037485", "556703-7485"),
            # Ends like a VAT number, and is none.
            ("SE", "199901046301", "990104-6301"),
            ("SE", "SE202100289001", "202100-2890"),
            ("SE", "202100289001", "202100-2890"),
            ("NO", "NO 974760673 MVA", "974760673"),
            ("FI", "/", ""),
            ("DE", " DE123456788 ", "DE123456788"),
        ):
            self.assertEqual(identity.business_id(country, number), clean, number)

    @CALM
    @given(personnummers(added=0))
    def test_a_swedish_sole_traders_id_is_personal(self, number):
        clean = identity.business_id("SE", number)
        self.assertTrue(clean)
        self.assertTrue(identity.is_personal("SE", clean))
        self.assertTrue(identity.personal_id("SE", clean))
        self.assertFalse(identity.is_personal("FI", clean))

    # -- phones and post codes ------------------------------------------------------
    @CALM
    @given(COUNTRIES, st.integers(20_000_000, 99_999_999), st.data())
    def test_valid_phones(self, country, subscriber, data):
        prefix = {"FI": 358, "SE": 46, "NO": 47}[country]
        zero = "" if country == "NO" else "0"
        number = str(subscriber)
        typed = data.draw(
            st.sampled_from(
                [
                    f"{zero}{number[:2]} {number[2:5]}-{number[5:]}",
                    f"+{prefix} {number}",
                    f"00{prefix}{number}",
                    f"+{prefix} (0) {number}" if zero else f"+{prefix}.{number}",
                ]
            )
        )
        clean = identity.phone(country, prefix, typed)
        self.assertEqual(clean, f"+{prefix}{number}", typed)
        self.assertEqual(identity.phone(country, prefix, clean), clean)

    def test_phones_that_can_not_be_read(self):
        for number in ("", "12", "abc", "0", "+0123456789", "040x123456", "+" * 12):
            self.assertFalse(identity.phone("FI", 358, number), number)

    def test_post_codes(self):
        for country, typed, clean in (
            ("FI", "00100", "00100"),
            ("FI", "FI-00100", "00100"),
            ("FI", "0100", ""),
            ("SE", "12345", "123 45"),
            ("SE", "SE-123 45", "123 45"),
            ("SE", "1234", ""),
            ("NO", "0150", "0150"),
            ("NO", "N-0150", ""),
            ("NO", "00150", ""),
            ("DE", "D-10115", "D-10115"),
        ):
            self.assertEqual(identity.post_code(country, typed), clean, typed)
            self.assertEqual(identity.post_code(country, clean), clean)

    @CALM
    @given(st.sampled_from(["FI", "SE", "NO", "DE", "", None, False]), ANYTHING)
    def test_anything_is_answered(self, country, text):
        """Never an exception; what is accepted is stable."""
        for clean in (identity.personal_id, identity.business_id, identity.post_code):
            found = clean(country, text)
            self.assertIsInstance(found, str)
            self.assertEqual(clean(country, found), found)
        found = identity.phone(country, 358, text)
        self.assertEqual(identity.phone(country, 358, found), found)
        self.assertTrue(not found or re.fullmatch(r"\+[0-9]{7,15}", found))
        identity.is_personal(country, text)

    # -- summaries --------------------------------------------------------------------
    @CALM
    @given(ANYTHING, st.dictionaries(st.sampled_from(["line", "ref"]), ANYTHING))
    def test_any_template_makes_a_summary(self, template, values):
        filled = summary.fill(f"{template} {{line}} {{ref}} {{}}", values, "INV/1")
        self.assertTrue(2 <= len(filled) <= 64)
        self.assertTrue(filled.isprintable())
        self.assertEqual(summary.cut(filled), filled)
        self.assertTrue(summary.fits(filled))

    def test_summaries_by_example(self):
        self.assertEqual(
            summary.fill("Rent {month}, {number}", {"number": "A1"}, "x"), "Rent , A1"
        )
        self.assertEqual(summary.fill("", {}, "Invoice A1"), "Invoice A1")
        self.assertEqual(
            summary.fill("{line}", {"line": "x"}, "Invoice A1"), "Invoice A1"
        )
        self.assertEqual(summary.fill(None, {}, ""), "Invoice")
        long = "Sample services for the whole month of November and much more"
        self.assertEqual(
            summary.cut(f"{long} besides"),
            "Sample services for the whole month of November and much more…",
        )
        self.assertEqual(summary.cut("x" * 70), "x" * 63 + "…")
        self.assertEqual(
            summary.fill("{a.__class__}", {"a": 1}, "default"), "{a.__class__}"
        )
