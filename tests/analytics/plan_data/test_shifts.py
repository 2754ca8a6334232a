"""Changes between two windows are told when they are there, and only then."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.analytics.plan_data.conftest import NOW
from trackway_analytics.plan_data.profile import Profile, profile
from trackway_analytics.plan_data.shifts import Shift, ks_distance, quantile, shifts, significant
from trackway_analytics.plan_data.stored import Observed, Window

WINDOW = Window(NOW, NOW)

Make = Callable[[random.Random], Any]


def window(seed: int, makes: dict[str, Make], people: int = 600, events: int = 1) -> Profile:
    """
    Events of so many people, each with the same values in all of them.

    A maker that returns None leaves its property out.
    """
    chance = random.Random(seed)
    groups = []
    for person in range(people):
        values = {name: made for name, make in makes.items() if (made := make(chance)) is not None}
        groups.append(Observed("web", 1, events, values, (person,)))
    found = profile("e", groups, window=WINDOW)
    found.people = people
    return found


def told(before: dict[str, Make], after: dict[str, Make]) -> list[Shift]:
    """What is told about two windows, among fifty properties that do not change."""
    still: dict[str, Make] = {f"still_{number}": lambda chance: chance.choice("abc") for number in range(50)}
    found = shifts(window(1, still | before), window(2, still | after), 100)
    return significant(list(found))


def share(part: float, value: Any, other: Any = None) -> Make:
    """`value` in a part of the events, else `other`."""
    return lambda chance: value if chance.random() < part else other


CHANGES: dict[str, tuple[str, Make, Make]] = {
    "absent more often": ("null-rate", share(0.95, "x"), share(0.8, "x")),
    "appears": ("null-rate", share(0.0, "x"), share(0.2, "x")),
    "text instead of a number": ("types", share(1, 5), share(0.9, 5, "5")),
    "new value": ("new-value", share(0.5, "ios", "web"), share(0.9, "web", "tv")),
    "long numbers": ("quantiles", lambda chance: chance.gauss(100, 10), lambda chance: chance.gauss(110, 10)),
    "seconds become milliseconds": ("quantiles", lambda c: c.randrange(100), lambda c: c.randrange(100) * 1000),
    "truncated": ("length", lambda c: f"{c.random()}" * 3, lambda c: (f"{c.random()}" * 3)[:30]),
    "ids become few": ("cardinality", lambda c: f"{c.randrange(10**6)}", lambda c: f"{c.randrange(60)}"),
}


@pytest.mark.parametrize(("figure", "before", "after"), CHANGES.values(), ids=list(CHANGES))
def test_a_planted_change_is_told(figure: str, before: Make, after: Make) -> None:
    """A change of one property among fifty is told, by the figure it shows in, and nothing is said of the others."""
    found = told({"x": before}, {"x": after})
    assert {shift.path for shift in found} == {"x"}
    assert figure in {shift.figure for shift in found}


def test_a_vanished_value_is_told() -> None:
    """A value that 5 % had, and now nobody, has vanished."""
    found = told({"x": share(0.05, "fax", "web")}, {"x": share(1, "web")})
    assert [(shift.figure, shift.value) for shift in found] == [("vanished-value", "fax")]


def test_a_value_of_few_people_is_told_without_it() -> None:
    """A new value that one person sent is not quoted, however often it came."""
    before, after = window(1, {"x": share(1, "a")}), window(2, {"x": share(1, "a")})
    groups = [Observed("web", 1, 200, {"x": "Ida Berg"}, (7,)), Observed("web", 1, 400, {"x": "a"}, (1, 2, 3, 4, 5))]
    after = profile("e", groups, window=WINDOW)
    (new,) = [shift for shift in significant(list(shifts(before, after, 100))) if shift.figure == "new-value"]
    assert new.value == ""


MIXED: dict[str, Make] = {
    "constant": lambda c: c.choice(["a", "b", "c"]),
    "rare": lambda c: "z" if c.random() < 0.01 else "y",
    "absent": lambda c: 1 if c.random() < 0.3 else None,
    "number": lambda c: round(c.lognormvariate(3, 1), 2),
    "text": lambda c: "x" * c.randrange(90) + str(c.randrange(10**6)),
    "id": lambda c: str(c.randrange(10**9)),
    "mixed": lambda c: c.random() if c.random() < 0.02 else "s",
}


def test_no_change_raises_nothing() -> None:
    """Of 30 pairs of windows without any change, with 70 properties and some 150 tests each, none raises anything."""
    makes = {f"{name}_{number}": make for name, make in MIXED.items() for number in range(10)}
    windows = [window(100 + number, makes, people=250, events=3) for number in range(31)]
    tests = 0
    for before, after in pairwise(windows):
        found = list(shifts(before, after, 100))
        tests += len(found)
        assert significant(found) == []
    assert tests > 30 * 120


def test_events_of_one_person_are_one_piece_of_news() -> None:
    """40 events each of 250 people prove no more than 250 events: the p-value is the same."""

    def p(events: int) -> list[float]:
        before, after = (window(seed, {"x": share(part, "x")}, 250, events) for seed, part in ((1, 0.5), (2, 0.6)))
        return [shift.p for shift in shifts(before, after, 100)]

    assert p(40) == pytest.approx(p(1))


def test_few_people_are_not_compared() -> None:
    """Under the minimum on either side there are no comparisons at all."""
    makes = {"x": share(0.5, "x")}
    assert list(shifts(window(1, makes, 99), window(2, makes, 500), 100)) == []
    assert list(shifts(window(1, makes, 500), window(2, makes, 99), 100)) == []


def test_correction_is_benjamini_and_hochberg() -> None:
    """The shifts kept are those that scipy's adjusted p-values put at or under the rate."""
    chance = random.Random(5)
    found = [
        Shift("e", f"x{number}", "length", chance.random() ** chance.choice((1, 12)), True, "", "")
        for number in range(200)
    ]
    adjusted = stats.false_discovery_control([shift.p for shift in found])
    expected = {shift.path for shift, p in zip(found, adjusted, strict=True) if p <= 0.01}
    assert {shift.path for shift in significant(found)} == expected
    assert expected


def test_ks_distance_is_scipys() -> None:
    """The distance over counted values is that of the two-sample test over the single ones."""
    chance = random.Random(3)
    a, b = ([chance.randrange(40) for _ in range(300)] for _ in range(2))
    counted = [
        [(float(v), float(c)) for v, c in zip(*np.unique(each, return_counts=True), strict=True)] for each in (a, b)
    ]
    assert ks_distance(*counted) == pytest.approx(stats.ks_2samp(a, b).statistic)
    assert quantile(counted[0], 0.5) == np.quantile(a, 0.5, method="inverted_cdf")
