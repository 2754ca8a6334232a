"""
Reports: findings as text, JSON, annotations and tables, one module a format.

    Report ─ render(report, "github") ─▶ str

Every format holds every finding, or says how many it left out. What plans hold is written by anybody who may
open a pull request, so each format escapes it (`escape`): control characters, markup, mentions, commands.
"""

from __future__ import annotations

from collections.abc import Callable

from ..findings import Report
from .github import render_github
from .gitlab import render_gitlab
from .json_report import render_json
from .junit import render_junit
from .markdown import render_markdown
from .sarif import render_sarif
from .text import render_text

FORMATS: dict[str, Callable[[Report], str]] = {
    "text": render_text,
    "json": render_json,
    "github": render_github,
    "gitlab": render_gitlab,
    "junit": render_junit,
    "sarif": render_sarif,
    "markdown": render_markdown,
}
"""Name of a format, as `--format` takes it, to what writes it."""


def render(report: Report, form: str) -> str:
    """The report in a format of `FORMATS`, ending in a newline unless it is empty."""
    return FORMATS[form](report)


__all__ = ["FORMATS", "render"]
