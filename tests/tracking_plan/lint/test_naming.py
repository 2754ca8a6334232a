"""Names cut into words and spelled in a style."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway_plan.naming import CASES, is_past, same_name, spelled, words


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("order_completed", ["order", "completed"]),
        ("Order Completed", ["Order", "Completed"]),
        ("orderCompleted", ["order", "Completed"]),
        ("HTTPServerFailed", ["HTTP", "Server", "Failed"]),
        ("step2_done", ["step2", "done"]),
        ("größeGeändert", ["größe", "Geändert"]),
        ("注文_完了", ["注文", "完了"]),
        ("खाता_खुला", ["खाता", "खुला"]),
        ("🫖", []),
    ],
)
def test_words_are_cut_at_humps_and_punctuation(name: str, parts: list[str]) -> None:
    """Letters of any script make words; what is neither letter nor digit separates them."""
    assert words(name) == parts


def test_each_style_is_what_its_name_says() -> None:
    """One name in all styles."""
    assert {case: spelled("orderCompleted", case) for case in CASES} == {
        "snake": "order_completed",
        "kebab": "order-completed",
        "camel": "orderCompleted",
        "pascal": "OrderCompleted",
        "constant": "ORDER_COMPLETED",
        "title": "Order Completed",
        "sentence": "Order completed",
        "lower": "order completed",
    }


@given(st.lists(st.from_regex("[a-z]{2,8}", fullmatch=True), min_size=1, max_size=4), st.sampled_from(sorted(CASES)))
@settings(deadline=None)
def test_a_name_in_a_style_is_in_that_style(parts: list[str], case: str) -> None:
    """Spelling twice changes nothing, or lint would ask for a name that it then refuses."""
    once = spelled("_".join(parts), case)
    assert spelled(once, case) == once


@given(st.text(max_size=20))
@settings(deadline=None)
def test_any_text_can_be_judged(name: str) -> None:
    """No name of any script makes the functions fail."""
    for case in CASES:
        spelled(name, case)
    same_name(name)
    is_past(name)


def test_the_past_is_known_for_english_only() -> None:
    """Regular and irregular verbs are judged; other scripts are not."""
    assert [is_past(word) for word in ("completed", "sent", "buy", "完了")] == [True, True, False, True]


def test_names_that_a_reader_would_mix_up_are_one() -> None:
    """Case, punctuation and width do not count; numbers that stand apart stay apart."""
    assert len({same_name(name) for name in ("order_id", "orderId", "OrderID", "order-id", "ｏｒｄｅｒ＿ｉｄ")}) == 1
    assert same_name("step_1_11") != same_name("step_11_1")
