"""
Reports: findings as text, JSON, annotations and tables, one module a format.

    Report ─ render(report, "github") ─▶ str

Every format holds every finding, or says how many it left out.
"""

from __future__ import annotations

from collections.abc import Callable

from ..findings import Report
from .json_report import render_json
from .text import render_text

FORMATS: dict[str, Callable[[Report], str]] = {
    "text": render_text,
    "json": render_json,
}
"""Name of a format, as `--format` takes it, to what writes it."""


def render(report: Report, form: str) -> str:
    """The report in a format of `FORMATS`, ending in a newline unless it is empty."""
    return FORMATS[form](report)


__all__ = ["FORMATS", "render"]
