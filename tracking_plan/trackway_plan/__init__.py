"""
The tracking plan: what events there are, what they carry, and what happens to those that depart from it.

Where this stands in the flow: people write YAML, `load_plan` reads it, `compile_release` freezes it into one
JSON release, and a `Validator` of that release gives the same verdict in SDK, collector, tests and CI.

    events/*.yaml ─ load_plan ─▶ Plan ─ compile_release ─▶ Release ─ Validator ─▶ Verdict

This import needs msgspec alone. YAML is imported by `load_plan`, jsonschema only for an event whose schema the
compiled checks do not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import PlanError, PlanErrors, Problem, ReleaseError, ReleaseExistsError
from .model import Action, Choice, EventSpec, Group, Plan, PropertySpec, Rule, Source, ViolationCode
from .release import Release, compile_release, latest_release, write_release
from .verdict.validator import Validator, Verdict, Violation

if TYPE_CHECKING:
    from .loading.plan import load_plan

__all__ = [
    "Action",
    "Choice",
    "EventSpec",
    "Group",
    "Plan",
    "PlanError",
    "PlanErrors",
    "Problem",
    "PropertySpec",
    "Release",
    "ReleaseError",
    "ReleaseExistsError",
    "Rule",
    "Source",
    "Validator",
    "Verdict",
    "Violation",
    "ViolationCode",
    "compile_release",
    "latest_release",
    "load_plan",
    "write_release",
]


def __getattr__(name: str) -> Any:
    # load_plan brings PyYAML, which the bare SDK does not have.
    if name == "load_plan":
        from .loading.plan import load_plan

        return load_plan
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")  # noqa: EM102


def __dir__() -> list[str]:
    return __all__
