"""
What a question returns: data, SQL, and what the numbers mean, all from one run of one statement.

An answer runs its statement the first time that anything needs the rows, and never again, so its parts always
agree.
"""

from __future__ import annotations

import html
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Protocol, Self, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure
    from rich.table import Table

    from trackway_analytics.queries.fields import Known
    from trackway_analytics.queries.fragments import Scope, Statement
    from trackway_analytics.queries.timelines import Unit
    from trackway_collector.warehouse import QueryResult, Warehouse
    from trackway_plan.renames import Names


class Question(Protocol):
    """A frozen dataclass whose fields are the options of one question."""

    def present(self, names: Names) -> Self:
        """The same question with every name as it is now."""

    def compile(self, known: Known, *, exact: bool) -> Statement:
        """The statement that answers it; see `queries/timelines.py` for `exact`."""

    @property
    def scope(self) -> Scope:
        """Which events it is about."""

    @property
    def always_exact(self) -> bool:
        """Whether only the exact statement can answer it."""

    @property
    def named_events(self) -> tuple[str, ...]:
        """The event names it was asked with."""


@dataclass
class PropertyTypes(Mapping[str, str]):
    """Typed path of `properties` → ClickHouse type; asks the warehouse when first used."""

    warehouse: Warehouse
    loaded: dict[str, str] | None = field(default=None, repr=False)

    def _types(self) -> dict[str, str]:
        if self.loaded is None:
            from trackway_collector.warehouse import property_types

            self.loaded = property_types(self.warehouse)
        return self.loaded

    def __getitem__(self, path: str) -> str:
        return self._types()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types())

    def __len__(self) -> int:
        return len(self._types())


def ask(
    warehouse: Warehouse, compile_: Callable[[bool], Statement], *, always_exact: bool
) -> tuple[Statement, QueryResult]:
    """
    Return the rows, and the statement that returned them: the quick one, unless it found units it cannot
    order.

    Every statement has a column `ambiguous`; `queries/timelines.py` says what it counts.
    """
    if not always_exact:
        statement = compile_(False)
        result = warehouse.query(statement.sql, statement.params)
        where = result.columns.index("ambiguous")
        if not any(row[where] for row in result.rows):
            return statement, result
    statement = compile_(True)
    return statement, warehouse.query(statement.sql, statement.params)


Q = TypeVar("Q", bound=Question)


class Answer(ABC, Generic[Q]):
    """The answer to one question. Immutable; the data frames it hands out are the caller's own copies."""

    verb: ClassVar[str]
    """The question's name, as in `trackway query funnel`."""

    def __init__(self, warehouse: Warehouse, question: Q) -> None:
        self.__dict__.update(warehouse=warehouse, question=question)

    warehouse: Warehouse
    question: Q

    def __setattr__(self, name: str, value: object) -> NoReturn:
        message = f"An answer does not change; ask again with another `{name}`."
        raise AttributeError(message)

    @cached_property
    def known(self) -> Known:
        """What the warehouse knew of types and names when the question was first answered."""
        from trackway_analytics.names import names_of
        from trackway_analytics.queries.fields import Known

        return Known(PropertyTypes(self.warehouse), names_of(self.warehouse))

    @cached_property
    def present(self) -> Q:
        """The question with every event under its present name: what was answered."""
        return self.question.present(self.known.names)

    @cached_property
    def _answered(self) -> tuple[Statement, QueryResult]:
        statement, result = ask(
            self.warehouse,
            lambda exact: self.present.compile(self.known, exact=exact),
            always_exact=self.question.always_exact,
        )
        return statement, result

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as the statement returned them, column name → value."""
        return self._answered[1].dicts()

    def ask_population(self, unit: Unit) -> int:
        """
        Ask how many users or sessions have any event in the scope: what a statement without rows cannot say.
        """
        from trackway_analytics.queries.fields import Bindings, Reader
        from trackway_analytics.queries.timelines import population

        bindings = Bindings()
        scope = self.question.scope
        where = scope.filter(Reader(bindings, self.known), unit)
        scope.bind(bindings)
        count: int = self.warehouse.query(f"SELECT {population(unit, where)}", bindings.params).one()
        return count

    @property
    def sql(self) -> str:
        """The statement whose rows these are; its `{name:Type}` parameters are in `params`."""
        return self._answered[0].sql

    @property
    def params(self) -> dict[str, object]:
        """The bound parameters of `sql`."""
        return dict(self._answered[0].params)

    @property
    def semantics(self) -> str:
        """One sentence that says what exactly was counted, and one on former names where any are included."""
        from trackway_analytics.names import told

        return self.meaning + told(self._asked_by_former_names() + self._answered[0].notes)

    @property
    @abstractmethod
    def meaning(self) -> str:
        """The first sentence of `semantics`: what exactly was counted."""

    def _asked_by_former_names(self) -> tuple[str, ...]:
        """What was asked for by a name that it no longer has."""
        from trackway_analytics.queries.fields import Bindings, Reader

        asked = Bindings()
        Reader(asked, self.known).sent_names(self.question.named_events)
        return tuple(note for note in asked.notes if " is now called " in note)

    @property
    def df(self) -> pd.DataFrame:
        """The answer as a tidy data frame."""
        return self._frame.copy()

    @property
    @abstractmethod
    def _frame(self) -> pd.DataFrame:
        """The data frame, made once."""

    @abstractmethod
    def figure(self) -> Figure:
        """The answer as a Plotly figure."""

    @abstractmethod
    def table(self) -> Table:
        """The answer as a table for the terminal (`rich.print(answer.table())`)."""

    def to_dict(self) -> dict[str, Any]:
        """Question, meaning, data and SQL as plain JSON values; what is not known is None."""
        return {
            "question": self.verb,
            "semantics": self.semantics,
            "columns": [str(name) for name in self._frame.columns],
            "rows": [[plain(value) for value in row] for row in self._frame.itertuples(index=False)],
            "sql": self.sql,
            "params": {name: plain(value) for name, value in self.params.items()},
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=2)

    def to_html(self) -> str:
        """Chart, meaning and table as one HTML page that needs no network."""
        chart = self.figure().to_html(full_html=False, include_plotlyjs=True)
        return (
            '<!doctype html><html style="color-scheme:light dark"><head><meta charset="utf-8">'
            f"<title>{html.escape(self.verb)}</title></head>"
            '<body style="font-family:system-ui,sans-serif;max-width:70rem;margin:2rem auto">'
            f"{chart}{self._repr_html_()}</body></html>"
        )

    def _repr_html_(self) -> str:
        meaning = html.escape(self.semantics)
        table = self._frame.to_html(index=False, na_rep="")
        return f"<figure>{table}<figcaption>{meaning}</figcaption></figure>"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.question}>"


def plain(value: Any) -> Any:
    """
    Return `value` as what JSON can say: NaN and NaT are None, times are ISO 8601, numpy's numbers are
    Python's.
    """
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (datetime, date)):
        text = value.isoformat()
        return None if text == "NaT" else text
    if isinstance(value, timedelta):
        return value.total_seconds()
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
