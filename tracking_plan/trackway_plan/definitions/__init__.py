"""
Definitions: the questions and metrics a team relies on, as YAML files beside the plan.

    definitions/**/*.yaml ─ load_definitions ─▶ Definition (options, uses) ─▶ `plan impact`, `trackway query run NAME`

A file holds one definition: `funnel: checkout` and the options that the question of that kind takes in Python.
"""

from __future__ import annotations

from .load import definitions_directory, definitions_of, load_definitions, read_definitions
from .model import KINDS, Definition, Use

__all__ = [
    "KINDS",
    "Definition",
    "Use",
    "definitions_directory",
    "definitions_of",
    "load_definitions",
    "read_definitions",
]
