"""Personal data is recognised wherever it hides, and numbers that are something else are left alone."""

from __future__ import annotations

import json
import random
import uuid
from urllib.parse import quote

import pytest

from trackway_plan.pii import Personal, looks_like_card, passes_luhn, personal_data

HELD = {
    "ida@example.org": "email",
    "Ida Berg <ida.berg+news@mail.example.co.uk>": "email",
    "ида@пример.рф": "email",
    "o'neil@example.ie": "email",
    "https://shop.example/reset?email=ida%40example.org&x=1": "email",
    "https://shop.example/go?to=https%3A%2F%2Fa.example%2F%3Fmail%3Dida%2540example.org": "email",
    '{"form": {"mail": "ida\\u0040example.org"}}': "email",
    "mailto:ida@example.org?subject=hi": "email",
    "/unsubscribe/ida@example.org/yes": "email",
    "+49 170 1234567": "phone",
    "+4915112345678": "phone",
    "call +1 (415) 555-2671 now": "phone",
    "https://wa.me/?to=%2B4915112345678": "phone",
    "tel:+44-20-7946-0958": "phone",
    "0049 170 1234567": "phone",
    "(415) 555-2671": "phone",
    "415-555-2671": "phone",
    "06 12 34 56 78": "phone",
    "030/12345678": "phone",
    "4111111111111111": "card",
    "4111 1111 1111 1111": "card",
    "5555-5555-5555-4444": "card",
    "3782 822463 10005": "card",
    "paid with 6011111111111117.": "card",
    "https://pay.example/?pan=4111%201111%201111%201111": "card",
    '[{"pan": "4111111111111111"}]': "card",
}

NOT_HELD = [
    "",
    "cart",
    "2026-03-01T09:30:00.123456+02:00",
    "2026-03-01 09:30:00",
    "20260301093000123",
    "1767225600",
    "1767225600123",
    "1767225600123456",
    "1767225600123456789",
    "4f1c2a9e-1111-4222-8333-444455556666",
    "41111111-1111-4111-1111-411111111111",
    "00000000-0000-0000-0000-000000000000",
    "019391f0-6a3b-7cc2-b1f4-5d3c2a1b0e9f",
    "4111111111111112",
    "order 000123456789",
    "ORD-2026-000123456",
    "112-1234567-1234567",
    "978-3-16-148410-0",
    "4006381333931",
    "0012345678905",
    "192.168.100.200",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    "10.0.19041.1234",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.6778.86 Safari/537.36",
    "52.520008,13.404954",
    "+40.20361-075.00417/",
    "+52.5200+013.4050/",
    "logo@2x.png",
    "/static/hero@3x.webp",
    "npm:@scope/package@1.2.3",
    "lodash@4.17.21",
    "git@github.com:owner/repo.git",
    "https://user:secret@host.example/path",
    "https://abc123@o1.ingest.example.io/42",
    "postgres://app:pw@db.example.com:5432/x",
    "@ida@mastodon.example",
    "java.lang.Object@1a2b3c4d",
    "https://maps.example/@52.5069704,13.2846501,11z",
    "GTM-ABC123 fbclid=IwAR0123456789012345678901234567890",
    "_ga=GA1.2.1234567890.1767225600",
    "utm_content=12345678901234",
    "356938035643809",
    "8949020000000000000",
    "DE89370400440532013000",
    "0.4111111111111111",
    "12,345,678.90",
    "1e+10",
    "+10 %",
    "+5",
    "05/12/2026 10:30",
    "v2.13.4+20260301",
    "#ff00aa",
    "3.14159265358979",
    "1200x1600",
    "100 200 300 400",
    12345678,
    1767225600123,
    9007199254740993,
    13.4050123456789,
    True,
    None,
]


@pytest.mark.parametrize(("text", "kind"), HELD.items(), ids=repr)
def test_held(text: str, kind: str) -> None:
    """Each of these holds exactly the kind of personal data beside it."""
    assert personal_data(text) == {kind}


@pytest.mark.parametrize("value", NOT_HELD, ids=repr)
def test_not_held(value: object) -> None:
    """Order numbers, timestamps, ids, coordinates, versions and addresses of machines are nobody's data."""
    assert personal_data(value) == set()


@pytest.mark.parametrize(("text", "kind"), HELD.items(), ids=repr)
def test_escapes_do_not_hide(text: str, kind: str) -> None:
    """A value is found percent-encoded in a URL, as JSON text, in a list and in an object just as well."""
    assert kind in personal_data(f"https://shop.example/?v={quote(text, safe='')}")
    assert kind in personal_data(json.dumps({"v": text}))
    assert kind in personal_data([1, {"deep": [text]}])


def test_the_name_of_a_property_counts() -> None:
    """Bare digits are a phone number only where the property's name says so."""
    for name in ("phone", "phoneNumber", "contact.mobile", "customer_tel"):
        assert personal_data("01701234567", name) == {Personal.PHONE}
        assert personal_data(1701234567, name) == {Personal.PHONE}
    for name in ("", "order_id", "telemetry", "intel", "phones_sold"):
        assert personal_data("01701234567", name) == set()
    assert personal_data("yes", "phone") == set()


def test_card_as_a_number() -> None:
    """A card number that was sent as a JSON number is one."""
    assert personal_data({"pan": 4111111111111111}) == {Personal.CARD}


def test_luhn_is_one_in_ten() -> None:
    """Of random numbers with a card's looks a tenth passes, which is why a share and not a hit is a finding."""
    chance = random.Random(1)
    numbers = [f"4{chance.randrange(10**15):015}" for _ in range(5_000)]
    assert all(looks_like_card(number) for number in numbers)
    assert 0.08 < sum(map(passes_luhn, numbers)) / len(numbers) < 0.12


def test_uuids_and_times_in_bulk() -> None:
    """Of 20,000 random UUIDs and of as many points in time, in three units, none is taken for personal data."""
    chance = random.Random(2)
    for _ in range(20_000):
        assert not personal_data(str(uuid.UUID(int=chance.getrandbits(128), version=4)))
        second = chance.randrange(1_500_000_000, 1_900_000_000)
        for unit in (1, 10**3, 10**6):
            assert not personal_data(second * unit + chance.randrange(unit))


def test_hostile_texts_end() -> None:
    """Long and nested texts that look like much are answered, whatever the answer."""
    for text in (
        "a=%25" * 20_000,
        "a@" * 50_000,
        "@." * 50_000,
        "+1 " * 30_000,
        "4" * 100_000,
        "%25" * 30_000,
        "[" * 100_000,
    ):
        personal_data(text)
