"""Numbers and addresses of debtors in Finland, Sweden and Norway.

Plain functions on texts. Each returns the form that Maventa gets, or an empty string
for what can't be right; none raises. Check digits are python-stdnum's business.
"""

import functools
import re

import stdnum.exceptions
from stdnum import get_cc_module, luhn

#: Which of python-stdnum's numbers is the business id of a country. A VAT number
#: contains it; a company registry number is it.
BUSINESS_ID = {"FI": "ytunnus", "SE": "orgnr", "NO": "orgnr"}
#: Which of them is the personal identity number.
PERSONAL_ID = {"FI": "hetu", "SE": "personnummer", "NO": "fodselsnummer"}

#: Digits of a post code.
POST_CODE = {"FI": 5, "SE": 5, "NO": 4}
#: Countries whose numbers start with a 0 that is dropped after the country's prefix.
TRUNK_ZERO = ("FI", "SE")

# The separators that Finland added in 2023 to its two old ones. They are no part of
# the check character, and python-stdnum knows them only since 1.19.
_HETU_SEPARATORS = {**dict.fromkeys("YXWVU", "-"), **dict.fromkeys("BCDEF", "A")}


def business_id(country, number):
    """The business id out of a company registry or VAT number."""
    number = (number or "").strip()
    if country not in BUSINESS_ID:
        return number
    module = _module(country, BUSINESS_ID[country])
    bare = number.upper().removeprefix(country).strip()
    candidates = [bare]
    if country == "SE":
        candidates += _swedish_candidates(bare, number.upper().startswith("SE"))
    if country == "NO":
        candidates.append(bare.removesuffix("MVA").strip())
    for candidate in candidates:
        valid = _validate(module, candidate)
        if valid:
            # Norway writes its numbers in groups for people to read; in data they
            # are nine digits.
            return valid if country == "NO" else module.format(valid)
    return ""


def _swedish_candidates(bare, is_vat):
    """Ten digits, with 01 behind (VAT) or the century (16 for companies) before."""
    digits = re.sub(r"[\s.+-]", "", bare)
    candidates = [digits]
    if len(digits) == 12:
        century, rest = digits[:2], digits[2:]
        if century == "16" or personal_id("SE", digits):
            candidates.append(rest)
        if digits.endswith("01"):
            candidates.insert(1 if is_vat else 2, digits[:-2])
    return candidates


def is_personal(country, number):
    """Whether a business id is the personal number of a sole trader (Sweden).

    The third digit of an organisation number is 2 or more; in a personal number it
    begins the month.
    """
    digits = re.sub(r"\D", "", number or "")[-10:]
    return country == "SE" and len(digits) == 10 and digits[2] in "01"


def personal_id(country, number, *others):
    """The personal identity number, where it is one of the debtor's country.

    :param others: countries whose numbers count as well, for people who moved. A
        number mistyped in one country may be a valid one in another.
    """
    number = (number or "").strip()
    if country not in PERSONAL_ID:
        return number
    for code in (country, *others):
        valid = _PERSONAL[code](_module(code, PERSONAL_ID[code]), number)
        if valid:
            return valid
    return ""


def _finnish(module, number):
    number = module.compact(number)
    if len(number) != 11:
        return ""
    separator = number[6]
    known = number[:6] + _HETU_SEPARATORS.get(separator, separator) + number[7:]
    valid = _validate(module, known)
    return valid and valid[:6] + separator + valid[7:]


def _swedish(module, number):
    return _validate(module, number) or _coordination_number(module, number)


def _coordination_number(module, number):
    """A samordningsnummer: 60 is added to the day, and counts for the check digit."""
    try:
        number = module.compact(number)
        day = int(number[-7:-5]) - 60
        if len(number) not in (11, 13) or number[-5] not in "-+" or day < 1:
            return ""
        luhn.validate((number[:-5] + number[-4:])[-10:])
        module.get_birth_date(f"{number[:-7]}{day:02d}{number[-5:]}")
    except (stdnum.exceptions.ValidationError, ValueError, IndexError):
        return ""
    return number


def _norwegian(module, number):
    return _validate(module, number)


_PERSONAL = {"FI": _finnish, "SE": _swedish, "NO": _norwegian}


@functools.cache
def _module(country, name):
    return get_cc_module(country, name)


def _validate(module, number):
    """The number in python-stdnum's compact form; empty where it is not valid."""
    try:
        return module.validate(number)
    except (stdnum.exceptions.ValidationError, ValueError, IndexError):
        return ""


def mask(number):
    """What may be shown of a personal number."""
    return f"…{number[-2:]}" if number else ""


def post_code(country, code):
    """The post code as the country writes it."""
    code = (code or "").strip()
    if country not in POST_CODE:
        return code
    digits = re.sub(rf"^{country}\b|[\s-]", "", code.upper())
    if not re.fullmatch(rf"[0-9]{{{POST_CODE[country]}}}", digits):
        return ""
    return f"{digits[:3]} {digits[3:]}" if country == "SE" else digits


def phone(country, prefix, number):
    """The phone number in international form (E.164).

    :param country: the debtor's country code, for numbers in national form
    :param prefix: that country's prefix, such as 358
    """
    number = re.sub(r"\(0\)|[\s().\-/\u00a0\u2010-\u2015]", "", number or "")
    if number.startswith("00"):
        number = f"+{number[2:]}"
    elif number.startswith("0") and country in TRUNK_ZERO:
        number = f"+{prefix}{number[1:]}"
    elif country == "NO" and re.fullmatch(r"[2-9][0-9]{7}", number):
        number = f"+{prefix}{number}"
    return number if re.fullmatch(r"\+[1-9][0-9]{6,14}", number) else ""
