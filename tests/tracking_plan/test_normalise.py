"""`normalise`: one form for values that people write in many, and the same hash wherever it is made."""

from __future__ import annotations

import json
import zoneinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway_plan import EventSpec, Plan, PropertySpec, Release, Validator, compile_release
from trackway_plan.normalise import NORMALISERS, normalised
from trackway_plan.normalise.codes import CURRENCIES
from trackway_plan.redact import Redactor, hashed

KEY = b"a key of the operator's own"


@pytest.mark.parametrize(
    ("rule", "sent", "stored"),
    [
        ("email", " Ana.Silva+tea@Example.COM ", "ana.silva+tea@example.com"),
        ("email", "ana@Büro.example", "ana@xn--bro-hoa.example"),
        ("email", "ana@example.com.", "ana@example.com"),
        ("email", "ana@straße.example", "ana@straße.example"),
        ("email", "Ana <ana@example.com>", "Ana <ana@example.com>"),
        ("email", "ana@localhost", "ana@localhost"),
        ("email", "two@at@example.com", "two@at@example.com"),
        ("email", "", ""),
        ("phone", "+49 (0) 30 / 901-820", "+4930901820"),
        ("phone", "tel:+351-912-345-678", "+351912345678"),
        ("phone", "0912 345 678", "0912 345 678"),
        ("phone", "0049 30 901820", "0049 30 901820"),
        ("phone", "+1 555 0100 ext. 7", "+1 555 0100 ext. 7"),
        ("phone", "+1234567890123456", "+1234567890123456"),
        ("phone", "+0 30 901820", "+0 30 901820"),
        ("currency", " eur", "EUR"),
        ("currency", "€", "€"),
        ("currency", "$", "$"),
        ("currency", "euro", "euro"),
        ("country", "pt", "PT"),
        ("country", "PRT", "PT"),
        ("country", " united  kingdom ", "GB"),
        ("country", "UK", "GB"),
        ("country", "Türkiye", "TR"),
        ("country", "Deutschland", "Deutschland"),
        ("timezone", "asia/calcutta", "Asia/Kolkata"),
        ("timezone", "Europe/Kiev", "Europe/Kyiv"),
        ("timezone", "US/Pacific", "America/Los_Angeles"),
        ("timezone", "Europe/Stockholm", "Europe/Stockholm"),
        ("timezone", "CET", "CET"),
        ("timezone", "UTC+2", "UTC+2"),
    ],
)
def test_each_rule_has_one_form_and_leaves_what_it_does_not_understand(rule: str, sent: str, stored: str) -> None:
    """What is certain becomes the one form; everything else is stored as it was sent."""
    assert normalised(rule, sent) == stored


_PHONES = st.text("0123456789 ()/-", min_size=5, max_size=20).map("+{}".format)
_EMAILS = st.tuples(st.text(max_size=9), st.text(max_size=12), st.sampled_from(["com", "EXAMPLE.", "bücher"])).map(
    lambda parts: f"{parts[0]}@{parts[1]}.{parts[2]}"
)


@given(st.sampled_from(sorted(NORMALISERS)), st.text(max_size=40) | _EMAILS | _PHONES)
def test_twice_is_once(rule: str, text: str) -> None:
    """A value in its one form has no other; no text at all is too strange."""
    once = normalised(rule, text)

    assert normalised(rule, once) == once


@given(st.text(max_size=20))
def test_a_country_or_zone_is_only_named_by_its_own_names(text: str) -> None:
    """Codes come out in the form of the standard, or nothing changes."""
    assert normalised("country", text) == text or len(normalised("country", text)) == 2
    assert normalised("currency", text) == text or normalised("currency", text) in CURRENCIES


def test_the_zones_are_those_of_the_database() -> None:
    """What comes out of a zone that this machine's own database knows, is known there; most zones come out."""
    here = zoneinfo.available_timezones()
    if not here:
        pytest.skip("this machine has no time zone database")
    known = {zone: normalised("timezone", zone.upper()) for zone in here}

    assert {zone: today for zone, today in known.items() if today not in here and today != zone.upper()} == {}
    assert sum(today in here for today in known.values()) > 500


def plan(rev: int, **changes: Any) -> Release:
    """Return a plan whose `email` is hashed."""
    email = PropertySpec(kind="string", pii="contact", store="hash", format="email", **changes)
    event = EventSpec(name="tea_bought", properties={"email": email})
    return compile_release(Plan(name="tea", events={"tea_bought": event}), rev)


def stored(releases: list[Release], value: str) -> Any:
    """Return what a redactor leaves of an e-mail address."""
    raw = json.dumps({"email": value}).encode()
    return json.loads(bytes(Redactor(releases, KEY).properties("tea_bought", raw)))["email"]


def test_a_hash_is_of_the_one_form() -> None:
    """However an address is written, its hash is that of its one form; hashing again changes nothing."""
    release = plan(2, normalise="email")
    expected = hashed(b'"ana@example.com"', KEY)

    assert stored([release], " Ana@Example.com") == expected
    assert stored([release], "ana@example.com") == expected
    assert stored([release], expected) == expected


def test_a_release_without_the_rule_hashes_as_before() -> None:
    """Events judged by an older release keep the hash it gave, whatever the newest one says."""
    old, new = plan(1), plan(2, normalise="email")

    assert stored([old, new], "Ana@example.com") == hashed(b'"Ana@example.com"', KEY)
    assert stored([new, new], "Ana@example.com") == hashed(b'"ana@example.com"', KEY)


def test_the_verdict_is_on_the_value_as_sent() -> None:
    """An address that is too long with its spaces violates the plan, though it would fit without them."""
    release = plan(1, normalise="email", max_length=15)

    verdict = Validator(release).check_track("tea_bought", b'{"email":" ana@example.com "}')

    assert [violation.code for violation in verdict.violations]


def test_rules_survive_the_release_file() -> None:
    """A release written and read back gives the same rules; one without any is the very bytes it was."""
    release = plan(3, normalise="email")

    assert Release.from_json(release.to_json()) == release
    assert b"normalise" not in plan(3).to_json()
