"""The ledger's arithmetic, the published figures, and what the stack refuses to do."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.support.stored import store_events, store_quarantined
from trackway import Stats
from trackway_analytics.demo.ledger import Line, arrived, draw_up
from trackway_analytics.demo.published import CONVERSIONS, CREDITS, credit_differences, funnel_differences
from trackway_analytics.demo.replay import Call, Log
from trackway_analytics.demo.report import ledger_table
from trackway_analytics.demo.stack import (
    MARKER,
    StackError,
    choose_ports,
    empty_data_directory,
    plan_directory,
)
from trackway_collector.warehouse import Warehouse
from trackway_plan import latest_release

GOOD = Line(
    source="web",
    expected=10,
    sent=10,
    acked=10,
    refused=0,
    stored=10,
    different=10,
    flagged=0,
    unplanned=0,
    quarantined=0,
)


def stats(acked: int) -> Stats:
    """Return a tracker's account in which everything was acked."""
    return Stats(acked, acked, 0, 0, 0, 0, 1, 0, {}, {})


def no_calls() -> list[Call]:
    """Return no calls; these tests store rows themselves."""
    return []


def test_a_ledger_that_adds_up_has_no_problems() -> None:
    """Sent, acked and stored are equal and nothing stands beside them."""
    assert GOOD.problems() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sent": 9, "acked": 9, "stored": 9, "different": 9}, "9 of the log's 10 events were sent"),
        ({"acked": 9, "stored": 9, "different": 9}, "9 of 10 sent events were answered 200"),
        ({"refused": 1}, "1 events were refused"),
        ({"stored": 9, "different": 9}, "1 events were answered 200 and are not stored"),
        ({"stored": 12}, "2 rows are stored twice"),
        ({"stored": 9, "different": 9, "quarantined": 1}, "1 events are in quarantine"),
        ({"unplanned": 3}, "3 events are not in the plan"),
        ({"flagged": 4}, "4 events are flagged"),
    ],
)
def test_each_figure_that_is_off_is_named(change: dict[str, Any], said: str) -> None:
    """The reason for exit code 1 says the source and the figure."""
    assert f"web: {said}" in dataclasses.replace(GOOD, **change).problems()


def test_the_ledger_fits_80_columns() -> None:
    """No heading is cut off in the demo's margin of a terminal of 80 columns."""
    big = dataclasses.replace(GOOD, source="channels", sent=106_107, acked=106_107, stored=106_107)
    console = Console(width=78)
    with console.capture() as captured:
        console.print(ledger_table([big, GOOD], kills=1))
    assert "quarantined flagged unplanned" in captured.get()
    assert "…" not in captured.get()


def test_one_lost_and_one_twice_do_not_cancel_out() -> None:
    """Ten acked and ten rows are not enough: different message ids are counted."""
    line = dataclasses.replace(GOOD, different=9)
    assert (line.lost, line.twice) == (1, 1)


def test_the_ledger_reads_the_tables(warehouse: Warehouse) -> None:
    """
    Rows, different ids and verdicts come from `events`, by source; quarantined ones from their own table.
    """
    store_events(
        warehouse,
        [
            {"source": "web", "event": "Seen", "message_id": "one"},
            {"source": "web", "event": "Seen", "message_id": "one"},
            {"source": "web", "event": "Sen", "verdict": "flagged"},
            {"source": "other", "event": "Seen", "verdict": "unplanned"},
        ],
    )
    store_quarantined(warehouse, [{"source": "web", "event": "Seen"}])
    log = Log("web", "a test", 3, lambda: iter(no_calls()))
    (line,) = draw_up(warehouse, [log], {"web": stats(3)})
    assert (line.stored, line.different, line.twice) == (3, 2, 1)
    assert (line.flagged, line.unplanned, line.quarantined) == (1, 0, 1)
    assert arrived(warehouse) == 5


def test_published_credits_sum_to_the_conversions() -> None:
    """Each model hands out every conversion once; linear ones are rounded to six digits each."""
    for model, credits_ in CREDITS.items():
        assert sum(credits_.values()) == pytest.approx(CONVERSIONS, abs=1e-5), model
        assert credit_differences(model, credits_) == []


def test_a_credit_that_differs_in_the_sixth_digit_is_named() -> None:
    """A millionth of a conversion is a difference, a missing or an unknown channel is one too."""
    found = CREDITS["linear"] | {"alpha": 7574.718596}
    assert credit_differences("linear", found) == [
        "channels: linear credits alpha with 7574.718596, published is 7574.718594"
    ]
    del found["delta"]
    assert len(credit_differences("linear", found | {"omega": 1})) == 3


def test_a_funnel_that_differs_is_named() -> None:
    """Steps and the number of sessions must be those of the authors."""
    assert funnel_differences(3605, {"cart": 1022, "shipping_details": 512, "purchase": 173}) == []
    assert funnel_differences(3604, {"cart": 1022, "shipping_details": 512, "purchase": 172}) == [
        "shop: 172 sessions reached purchase, published are 173",
        "shop: there are 3,604 sessions, published are 3,605",
    ]


def test_the_plan_of_the_demo_is_found_and_has_a_release() -> None:
    """One plan in one place covers the three sources, and both ends of the demo read its newest release."""
    release = latest_release(plan_directory())
    assert release is not None
    assert set(release.sources) == {"air", "shop", "channels"}
    assert len(release.events) == 18 + 19 + 2


def test_the_demo_empties_only_its_own_directory(tmp_path: Path) -> None:
    """A directory with other files in it is refused and left alone; one of an earlier demo is emptied."""
    (tmp_path / "thesis.txt").write_text("the only copy")
    with pytest.raises(StackError, match="--data-dir"):
        empty_data_directory(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
    (tmp_path / MARKER).touch()
    empty_data_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]


def test_a_taken_port_is_an_error_only_when_it_was_asked_for() -> None:
    """Without a wish the demo takes a free port; a wish that cannot be met names its option."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match="--console-port"):
            choose_ports({"port": None, "console-port": port, "query-port": None})
    ports = choose_ports({"port": None, "console-port": None, "query-port": None})
    assert len(set(ports.values())) == 3
