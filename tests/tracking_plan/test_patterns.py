"""Patterns mean the same in Python and JavaScript, match whole values, and cannot run away."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_plan.verdict.patterns import LONGEST_VALUE, PatternError, matcher


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("^[A-Z]{3}$", ["USD"], ["USD\n", "usd", "USDX", ""]),
        ("[A-Z]{3}", ["USD"], ["aUSD"]),
        (r"\d+(\.\d+)?", ["1", "1.5"], ["1.", "١", ""]),
        (r"\w{1,3}", ["a_1"], ["é", "abcd"]),
        ("a.c", ["abc", "a😀c"], ["a\nc", "a\u2028c", "a\rc"]),
        (r"[^\d]*", ["abc\n", ""], ["a1"]),
        (r"[\]\-x^]+", ["]-^x"], ["a"]),
        ("(card|wallet)(_[a-z]{1,8})?", ["card", "wallet_apple"], ["cash", "card_"]),
        ("(?:ab){2,}", ["abab", "ababab"], ["ab"]),
        ("a{0,2}", ["", "aa"], ["aaa"]),
        (r"\$\.\/", ["$./"], ["$"]),
        ("😀+", ["😀😀"], ["x"]),
        ("", [""], ["a"]),
        (r"x\\$", ["x\\"], ["x"]),
    ],
)
def test_a_pattern_matches_whole_values(pattern: str, matching: list[str], other: list[str]) -> None:
    """Anchors change nothing, digits and letters are ASCII, and a dot is any character but a line break."""
    matches = matcher(pattern)
    assert [text for text in matching if not matches(text)] == []
    assert [text for text in other if matches(text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "(a|aa)+b",
        "(a*)*",
        "(a?){5}",
        "a*a*a*b",
        ".*.*.*x",
        "(a|a)(a|a)(a|a)(a|a)b",
        "a?a?a?a?aaaa",
        r"\w*\w*\w*-",
    ],
)
def test_a_pattern_that_could_run_away_is_refused(pattern: str) -> None:
    """Nested repetition, repeated alternatives and overlapping repetitions are refused with the reason."""
    with pytest.raises(PatternError):
        matcher(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"\s",
        r"\bx",
        r"\D",
        r"\1",
        "(?=a)",
        "(?P<n>a)",
        "a*?",
        "a++",
        "[",
        "[]",
        "[b-a]",
        "(",
        ")",
        "x{",
        "x{2",
        "{2}",
        "*",
        "a$b",
        "\\",
        "^a|b$",
        "x{1001}",
        "x{3,2}",
        "[[a]]",
        "]",
        "(?i)a",
        "x" * 501,
    ],
)
def test_what_the_languages_see_differently_is_refused(pattern: str) -> None:
    """Anything outside the subset is a PatternError, never an error of Python's own."""
    with pytest.raises(PatternError):
        matcher(pattern)


@given(st.text(alphabet=r"ab01.*+?()[]{}|\^$-,dws😀", max_size=14), st.text(alphabet="ab01.-😀\n", max_size=30))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_pattern_or_a_pattern_error(pattern: str, text: str) -> None:
    """Whatever a person writes either matches or is refused."""
    try:
        matches = matcher(pattern)
    except PatternError:
        return
    assert matches(text) in (True, False)


def test_a_value_beyond_the_limit_matches_no_pattern() -> None:
    """1,000 characters may match, 1,001 never do."""
    assert matcher(".*")("x" * LONGEST_VALUE)
    assert not matcher(".*")("x" * (LONGEST_VALUE + 1))
