"""Definitions as files: the same answers as the same questions in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.analytics.logs import row, store
from trackway_analytics import Events, QuestionError, step
from trackway_analytics.answer import Answer
from trackway_analytics.cli import query
from trackway_analytics.definitions import ask, named
from trackway_analytics.errors import InputFileError
from trackway_collector.warehouse import Warehouse
from trackway_plan.definitions import load_definitions

EXAMPLES = Path(__file__).parents[2] / "tracking_plan" / "examples"


def write(directory: Path, **files: str) -> Path:
    """Write definitions and return their directory."""
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory


@pytest.fixture
def shop(warehouse: Warehouse) -> Events:
    """Ana and Bo look, Ana puts tea into the cart and pays."""
    store(warehouse, [row("ana", "look", 0), row("bo", "look", 1), row("ana", "cart", 2, properties={"kind": "tea"}),
                      row("ana", "paid", 3, properties={"total": 12}, campaign_source="mail")])  # fmt: skip
    return Events(warehouse)


def test_each_kind_asks_the_same_question(shop: Events, tmp_path: Path) -> None:
    """A definition's SQL, parameters and data are those of the call in Python."""
    directory = write(
        tmp_path,
        f="funnel: f\nsteps: [look, {event: [cart, wishlist], where: 'kind = \"tea\"', label: Cart}]\nwithin: null\n",
        p="paths: p\nstart: look\nsteps: 3\nunit: user\n",
        r="retention: r\nstart: look\nreturn: [cart, paid]\nperiod: day\nperiods: 2\n",
        a="attribution: a\nconversion: paid\nvalue: total\nmodels: [last]\nlookback: 7d\n",
    )
    same: dict[str, Answer[Any]] = {
        "f": shop.funnel("look", step("cart", "wishlist", where='kind = "tea"', label="Cart"), within=None),
        "p": shop.paths(start="look", steps=3, unit="user"),
        "r": shop.retention(start="look", return_=["cart", "paid"], period="day", periods=2),
        "a": shop.attribution(conversion="paid", value="total", models=["last"], lookback="7d"),
    }
    for name, expected in same.items():
        answer = ask(shop, named(name, directory))
        assert (answer.sql, answer.params, answer.semantics) == (expected.sql, expected.params, expected.semantics)
        assert answer.df.equals(expected.df)


@pytest.mark.parametrize("plan", ["storefront", "demo"])
def test_the_examples_can_be_asked(shop: Events, plan: str) -> None:
    """Each question of the example plans is accepted as it stands."""
    for definition in load_definitions(EXAMPLES / plan / "definitions"):
        if definition.kind != "metric":
            assert ask(shop, definition).semantics


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    """The near match and the names help."""
    directory = write(tmp_path, f="funnel: checkout\nsteps: [a]\n", m="metric: m\nevent: a\nmeasure: events\n")
    with pytest.raises(InputFileError, match=r"(?s)no definition `chekout`.*`checkout`.*There are: funnel checkout"):
        named("chekout", directory)


def test_an_option_that_makes_no_sense_names_the_file(shop: Events, tmp_path: Path) -> None:
    """What the question refuses is said with the definition's place."""
    directory = write(tmp_path, f="funnel: f\nsteps: [a]\nentry: last\n")
    with pytest.raises(QuestionError, match=r"f\.yaml:1:9: funnel `f`: entry='last' is not known"):
        ask(shop, named("f", directory))


def test_a_definition_that_cannot_be_read_exits_3(tmp_path: Path) -> None:
    """`query run` says every problem of the files, and exits 3."""
    directory = write(tmp_path, f="funnel: f\nstep: [a]\n")
    result = CliRunner().invoke(query, ["run", "f", "--definitions", str(directory)])
    assert result.exit_code == 3
    assert "f.yaml:2:1: a funnel has no key `step`. Did you mean `steps`?" in result.output
