"""
What a condition (`where=`) means: from the tree of `trackway_plan.condition`, which describes the language, to SQL
with bound parameters. Nothing of the text reaches the SQL.

A comparison is either true or false: an event without the property is not `= "x"`, hence it is `!= "x"`. A number is
compared with numbers, and with strings that spell a number; never with true or false. A former name of an event,
a property or a choice means what the thing is called now, and the other way round.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from trackway_analytics.errors import QuestionError, WhereError
from trackway_analytics.queries.fields import Field, Reader, field_named
from trackway_analytics.times import moment
from trackway_plan.condition import (
    All,
    Any,
    Comparison,
    Condition,
    ConditionError,
    Name,
    Not,
    Value,
    parse_condition,
)


def compile_where(expression: str, reader: Reader) -> str:
    """
    Return SQL that is 1 for the events that satisfy `expression`, and 0 for all others.

    Raises:
        WhereError: the expression cannot be read; the message points at the place.
    """
    if not isinstance(expression, str) or not expression.strip():
        message = f'where={expression!r} is empty. Write a condition, for example where="price > 10".'
        raise QuestionError(message)
    try:
        tree = parse_condition(expression)
    except ConditionError as error:
        raise WhereError(error.expression, error.position, error.problem, error.cure) from error
    return _Compiler(expression, reader).sql(tree)


class _Compiler:
    """Writes SQL that is never NULL."""

    def __init__(self, expression: str, reader: Reader) -> None:
        self.expression = expression
        self.reader = reader

    def sql(self, tree: Condition) -> str:
        match tree:
            case Any(parts):
                return f"({' OR '.join(self.sql(part) for part in parts)})"
            case All(parts):
                return f"({' AND '.join(self.sql(part) for part in parts)})"
            case Not(part):
                return f"(NOT {self.sql(part)})"
            case Comparison():
                return self._comparison(tree)
            case _:
                assert_never(tree)

    def _comparison(self, tree: Comparison) -> str:
        of = _field(tree.name)
        if tree.operator == "null":
            return self.reader.missing(of)
        if tree.operator == "in":
            members = " OR ".join(self._compare(of, "=", value, tree.at) for value in tree.values)
            return f"({members})"
        [value] = tree.values
        if tree.operator in ("contains", "starts_with"):
            return self._part(of, tree.operator, value)
        return self._compare(of, tree.operator, value, tree.at)

    def _compare(self, of: Field, operator: str, value: Value, at: int) -> str:
        # `!=` is the negation of `=`, so that an event without the property satisfies exactly one of them.
        if operator == "!=":
            return f"(NOT {self._compare(of, '=', value, at)})"
        bind = self.reader.bindings.bind
        if isinstance(value, bool):
            placeholder = bind("value", "Bool", value)
            return f"ifNull({self.reader.boolean(of)} {operator} {placeholder}, 0)"
        if isinstance(value, (int, float)):
            whole = isinstance(value, int) and -(2**63) <= value < 2**63
            placeholder = bind("value", "Int64" if whole else "Float64", value)
            compared = self.reader.compare_number(of, lambda read: f"{read} {operator} {placeholder}")
            return f"ifNull({compared}, 0)"
        if of.kind == "time":
            placeholder = bind("value", "DateTime64(6, 'UTC')", self._time(value, at))
            return f"({of.name} {operator} {placeholder})"
        if operator == "=":
            return f"ifNull({self.reader.text_equals(of, value)}, 0)"
        return f"ifNull({self.reader.text(of)} {operator} {bind('value', 'String', value)}, 0)"

    def _part(self, of: Field, word: str, value: Value) -> str:
        placeholder = self.reader.bindings.bind("value", "String", value)
        text = self.reader.text(of)
        found = (
            f"startsWith({text}, {placeholder})" if word == "starts_with" else f"position({text}, {placeholder}) > 0"
        )
        return f"ifNull({found}, 0)"

    def _time(self, value: str, at: int) -> datetime:
        try:
            return moment("where", value, ZoneInfo("UTC"))
        except QuestionError as error:
            cure = 'Write ISO 8601, for example "2026-03-01".'
            raise WhereError(self.expression, at, f"`{value}` is not a date or time", cure) from error


def _field(name: Name) -> Field:
    # A dot inside a quoted key is stored escaped; an unescaped one leads into a nested object.
    return Field(name.text.replace(".", "%2E"), "property") if name.quoted else field_named(name.text)
