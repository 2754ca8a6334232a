"""One value of the event: where it comes from and what is done to it on the way, as one function of the record."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from typing import Any

from trackway_collector.mapping.convert import Convert, text
from trackway_collector.mapping.errors import Unmappable
from trackway_collector.mapping.paths import Get, Member, Path, getter, parse_path, show_path

_HOLE = re.compile(r"\$\$|\$\{([^}]*)\}")


def constant(value: Any) -> Get:
    """The same for every record."""
    return lambda record: value


def field(paths: Sequence[Path], converts: Sequence[Convert], default: Any = None, *, required: bool = False) -> Get:
    """
    The first of some fields that is there, converted; else the default.

    An empty text counts as missing: CSV has no other way to leave a field out.
    """
    if len(paths) == 1 and default is None and not required:
        if not converts:
            return getter(paths[0])
        if len(converts) == 1:
            return _converted(getter(paths[0]), show_path(paths[0]), converts[0])
    fetch = [(getter(path), show_path(path)) for path in paths]
    names = ", ".join(f"`{name}`" for _, name in fetch)

    def give(record: Any) -> Any:
        for get, name in fetch:
            value = get(record)
            if value is None or value == "":
                continue
            try:
                for convert in converts:
                    value = convert(value)
            except Unmappable as error:
                raise Unmappable(f"`{name}` {error.reason}") from None  # noqa: EM102
            if value is not None:
                return value
        if required:
            raise Unmappable(f"{names} is missing")  # noqa: EM102
        return default

    return give


def _converted(get: Get, name: str, convert: Convert) -> Get:
    """The usual case of `field`, with nothing done that it does not need."""

    def give(record: Any) -> Any:
        value = get(record)
        if value is None or value == "":
            return None
        try:
            return convert(value)
        except Unmappable as error:
            raise Unmappable(f"`{name}` {error.reason}") from None  # noqa: EM102

    return give


def template(written: str) -> Get:
    """
    A text with fields in it, `order ${id}`; missing when one of its fields is. `$$` is a dollar sign.

    Raises:
        ValueError: what stands between `${` and `}` is no path.
    """
    pieces: list[Get | str] = []
    at = 0
    for hole in _HOLE.finditer(written):
        pieces.append(written[at : hole.start()])
        pieces.append("$" if hole[1] is None else getter(parse_path(hole[1])))
        at = hole.end()
    pieces.append(written[at:])
    parts = [piece for piece in pieces if piece != ""]
    if all(isinstance(part, str) for part in parts):
        return constant("".join(map(str, parts)))

    def give(record: Any) -> str | None:
        filled = ""
        for part in parts:
            if isinstance(part, str):
                filled += part
                continue
            value = part(record)
            if value is None or value == "":
                return None
            filled += text(value)
        return filled

    return give


def members(values: Sequence[tuple[str, Get]]) -> Callable[[Any], dict[str, Any]]:
    """An object; what is missing is left out. The member `*` is an object whose members come in before the named."""
    spread = [get for name, get in values if name == "*"]
    # What is only copied is told by its name: no function is called for it.
    copied = {name: get.name for name, get in values if name != "*" and isinstance(get, Member)}
    named = [(name, get) for name, get in values if name != "*" and name not in copied]
    copies = list(copied.items())

    def give(record: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for get in spread:
            every = get(record)
            if isinstance(every, dict):
                made.update((name, value) for name, value in every.items() if value is not None)
        for name, member in copies:
            value = record.get(member)
            if value is not None:
                made[name] = value
        try:
            for name, get in named:
                value = get(record)
                if value is not None:
                    made[name] = value
        except Unmappable as error:
            raise error.within(name) from None
        return made

    return give


def object_of(values: Sequence[tuple[str, Get]]) -> Get:
    """An object as a value: missing when nothing is in it."""
    make = members(values)
    return lambda record: make(record) or None


def all_but(get: Get, left_out: Container[str]) -> Get:
    """The members of an object, without some."""

    def give(record: Any) -> Any:
        every = get(record)
        if not isinstance(every, dict):
            return None
        return {name: value for name, value in every.items() if name not in left_out}

    return give


def each(get: Get, item: Get) -> Get:
    """A list made from a list, an item from each item; a single object counts as a list of one."""

    def give(record: Any) -> list[Any] | None:
        every = get(record)
        if every is None:
            return None
        made = []
        for index, inner in enumerate(every if isinstance(every, list) else [every]):
            try:
                value = item(inner if isinstance(inner, dict) else {"value": inner})
            except Unmappable as error:
                at = f"[{index}]"
                raise error.within(at) from None
            if value is not None:
                made.append(value)
        return made

    return give
