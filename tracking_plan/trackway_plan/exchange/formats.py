"""The formats by the names that `trackway plan import` and `export` take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ..model import Plan
from .assemble import Imported
from .exported import Exported
from .json_schema_files import read_json_schemas, write_json_schemas

IMPORTS: dict[str, Callable[[Iterable[Path]], Imported]] = {
    "jsonschema": read_json_schemas,
    "iglu": read_json_schemas,
}
"""Name → what reads the files or folders of a format; raises `ImportRefusedError`."""

EXPORTS: dict[str, Callable[[Plan], Exported]] = {
    "jsonschema": write_json_schemas,
    "iglu": partial(write_json_schemas, iglu=True),
}
"""Name → what makes a format's files of a plan."""
