"""The formats by the names that `trackway plan import` and `export` take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ..model import Plan
from .assemble import Imported
from .csv_plan import read_csv
from .exported import Exported
from .json_schema_files import read_json_schemas, write_json_schemas
from .rudder import read_rudder
from .segment import read_segment, write_segment
from .write_csv import write_csv
from .write_rudder import write_rudder

IMPORTS: dict[str, Callable[[Iterable[Path]], Imported]] = {
    "csv": read_csv,
    "rudder": read_rudder,
    "segment": read_segment,
    "jsonschema": read_json_schemas,
    "iglu": read_json_schemas,
}
"""Name → what reads the files or folders of a format; raises `ImportRefusedError`."""

EXPORTS: dict[str, Callable[[Plan], Exported]] = {
    "csv": write_csv,
    "rudder": write_rudder,
    "segment": write_segment,
    "jsonschema": write_json_schemas,
    "iglu": partial(write_json_schemas, iglu=True),
}
"""Name → what makes a format's files of a plan."""
