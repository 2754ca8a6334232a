"""
Files of other tools, read without trust: each comes out as plain data, or as one clear error with file and line.

JSON may have 32 MiB (Segment plans of thousands of events are large), YAML 1 MiB as in a plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from ..errors import PlanError, PlanErrors, Problem
from ..loading.nodes import Reader
from ..loading.yaml_file import read_file

_VERSION = re.compile(r"\d+-\d+-\d+")
MAX_JSON_BYTES = 32 * 1024 * 1024


class ImportRefusedError(PlanError):
    """An input that cannot be imported; the message says where and why."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the input."""

    file: str
    data: Any


def found_files(paths: Iterable[Path], endings: tuple[str, ...]) -> list[Path]:
    """
    The files named, and those with these endings in the folders named, sorted.

    Raises:
        ImportRefusedError: a path does not exist, or there is no such file at all.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(each for each in path.rglob("*") if _ends(each, endings) and each.is_file())
        elif path.exists():
            found.append(path)
        else:
            message = f"{path}: there is no such file or folder."
            raise ImportRefusedError(message)
    if not found:
        message = f"{', '.join(map(str, paths))}: no file that ends in {' or '.join(endings)} was found."
        raise ImportRefusedError(message)
    return list(dict.fromkeys(found))


def _ends(path: Path, endings: tuple[str, ...]) -> bool:
    # Iglu's files are called as their version, without an ending: com.acme/order/jsonschema/1-0-0.
    return path.suffix.lower() in endings or (".json" in endings and _VERSION.fullmatch(path.name) is not None)


def read_json(path: Path) -> Document:
    """
    The value in a JSON file.

    Raises:
        ImportRefusedError: it cannot be read, is too large or too deep, or is not JSON.
    """
    text = read_text(path, MAX_JSON_BYTES)
    try:
        data = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        # What is read is written again, as UTF-8: a lone surrogate has no place in it.
        json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        message = f"{path}:{error.lineno}:{error.colno}: this is not JSON: {error.msg}."
        raise ImportRefusedError(message) from error
    except RecursionError as error:
        message = f"{path}: this JSON is nested too deeply to be read."
        raise ImportRefusedError(message) from error
    except UnicodeEncodeError as error:
        message = f"{path}: a text in it has a lone surrogate, which is no character."
        raise ImportRefusedError(message) from error
    except ValueError as error:
        message = f"{path}: this JSON cannot be used: {error}."
        raise ImportRefusedError(message) from error
    return Document(file=str(path), data=data)


def read_yaml(path: Path) -> Document:
    """
    The value in a YAML file.

    Raises:
        ImportRefusedError: with every problem, as file, line, column.
    """
    problems: list[Problem] = []
    node = read_file(path, str(path), problems)
    data = None if node is None else Reader(str(path), problems).data(node, "the file")
    if problems:
        raise ImportRefusedError(str(PlanErrors(problems)))
    return Document(file=str(path), data=data)


def read_text(path: Path, most_bytes: int) -> str:
    """
    The text of a file.

    Raises:
        ImportRefusedError: it cannot be read, is larger than `most_bytes`, or is not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            message = f"{path}: the file has {size:,} bytes; at most {most_bytes:,} are read.\n  Split it."
            raise ImportRefusedError(message)
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"{path}: this cannot be read: {error.strerror}."
        raise ImportRefusedError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: this is not UTF-8 text (byte {error.start + 1}).\n  Save it as UTF-8."
        raise ImportRefusedError(message) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        message = f"an object has the key `{twice[:80]}` twice"
        raise ValueError(message)
    return found


def _no_constant(name: str) -> Any:
    message = f"{name} is not JSON"
    raise ValueError(message)
