"""`generate:` and `coverage:` of plan.yaml: where the generated clients are, and how the code calls them."""

from __future__ import annotations

from typing import Any

from yaml.nodes import MappingNode, Node

from ..model import LANGUAGES, ClientFile, CodeCoverage, Place, Wrapper
from .nodes import Reader

At = tuple[str, ...]
_EXAMPLE = "Write `- {language: python, out: ../app/tracking.py}`."


def read_clients(reader: Reader, node: Node, places: dict[At, Place]) -> tuple[ClientFile, ...]:
    """The entries of `generate`; two that write the same file are a problem of the second."""
    found: list[ClientFile] = []
    for item in reader.items(node, "`generate`"):
        client = _client(reader, item)
        if client is None:
            continue
        if any(client.out == other.out for other in found):
            reader.problem(item, f"two clients are written to `{client.out}`.", "Give each a file of its own.")
            continue
        places["generate", client.out] = reader.place(item)
        found.append(client)
    return tuple(found)


def _client(reader: Reader, node: Node) -> ClientFile | None:
    what = "a client in `generate`"
    if not isinstance(node, MappingNode):
        reader.problem(node, f"{what} must be a mapping.", _EXAMPLE)
        return None
    keys = reader.mapping(node, what, ("language", "out", "source", "release"), required=("language", "out"))
    values: dict[str, Any] = {}
    if "language" in keys:
        values["language"] = reader.one_of(keys["language"], f"`language` of {what}", LANGUAGES)
    for key in ("out", "source"):
        if key in keys:
            values[key] = reader.name(keys[key], f"`{key}` of {what}")
    if "release" in keys:
        values["release"] = reader.integer(keys["release"], f"`release` of {what}", 1)
    whole = {"language", "out"} <= values.keys() and None not in values.values()
    return ClientFile(**values) if whole else None


def read_coverage(reader: Reader, node: Node) -> CodeCoverage:
    """`coverage`: the code to scan, and the functions of it that send events."""
    keys = reader.mapping(node, "`coverage`", ("paths", "receivers", "wrappers"))
    wrappers = reader.items(keys["wrappers"], "`wrappers` of `coverage`") if "wrappers" in keys else ()
    return CodeCoverage(
        paths=reader.names(keys["paths"], "`paths` of `coverage`") if "paths" in keys else (),
        receivers=reader.names(keys["receivers"], "`receivers` of `coverage`") if "receivers" in keys else (),
        wrappers=tuple(wrapper for item in wrappers if (wrapper := _wrapper(reader, item)) is not None),
    )


def _wrapper(reader: Reader, node: Node) -> Wrapper | None:
    what = "a wrapper in `coverage`"
    keys = reader.mapping(node, what, ("call", "event", "properties"), required=("call",))
    call = reader.name(keys["call"], f"`call` of {what}") if "call" in keys else None
    if call is None:
        return None
    event, properties = (
        _argument(reader, keys[key], f"`{key}` of {what}") if key in keys else default
        for key, default in (("event", 0), ("properties", 1))
    )
    return None if event is None or properties is None else Wrapper(call=call, event=event, properties=properties)


def _argument(reader: Reader, node: Node, what: str) -> int | str | None:
    """Which argument of a call: its place from 0, or its name."""
    if node.tag.endswith(":int"):
        return reader.integer(node, what, 0)
    return reader.name(node, what)
