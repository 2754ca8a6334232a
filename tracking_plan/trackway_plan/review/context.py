"""What the checks of a review look at: the plan as it stands, the plan it is compared with, and the definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from ..definitions import Definition, definitions_of
from ..errors import PlanError, Problem
from ..evidence import EvidenceSource
from ..findings import Finding
from ..loading.plan import read_plan
from ..model import Plan
from ..release import compile_release, released_files
from ..revisions.git_tree import RevisionError
from ..revisions.named import Revision, changed_lines, has_plan, merge_base, open_revision


@dataclass(frozen=True)
class Setting:
    """What a review was asked for."""

    directory: Path
    against: str
    """A Git ref, a release number or a directory."""
    today: date
    evidence: EvidenceSource | None = None
    clients: object = None
    """What tells how many events clients of older revisions send (`clients.Behind`); None without a warehouse."""
    definitions: Path | None = None


@dataclass(frozen=True)
class Part:
    """What one check says."""

    name: str
    findings: tuple[Finding, ...] = ()
    said: str = ""
    """A few words on what was looked at: `4 definitions`, `no evidence`."""
    skipped: str = ""
    """Why the check did not run; "" when it did."""
    rules: Mapping[str, str] = field(default_factory=dict)
    clients: tuple[str, ...] = ()
    """Lines on clients with older revisions."""


@dataclass(frozen=True)
class Context:
    """The two revisions and what is around them, each read when it is first asked for."""

    setting: Setting

    @cached_property
    def read(self) -> tuple[Plan, list[Problem]]:
        """The plan as far as it could be read, and its problems."""
        return read_plan(self.setting.directory)

    @cached_property
    def after(self) -> Revision | None:
        """The plan as proposed; None if it is not valid."""
        plan, problems = self.read
        if problems:
            return None
        newest = max(released_files(self.setting.directory), default=0)
        return Revision(str(self.setting.directory), compile_release(plan, newest + 1), plan)

    @cached_property
    def is_ref(self) -> bool:
        """Whether the plan is compared with a Git ref, rather than with a release or a directory."""
        name = self.setting.against
        return not (name.isascii() and name.isdigit()) and not Path(name).is_dir()

    @cached_property
    def base(self) -> str:
        """What is compared with: of a Git ref, the commit where this work left it."""
        return merge_base(self.setting.against, self.setting.directory) if self.is_ref else self.setting.against

    @cached_property
    def before(self) -> Revision | str:
        """The plan that this one is compared with, or why there is none."""
        directory, against = self.setting.directory, self.setting.against
        if self.is_ref and not has_plan(self.base, directory):
            return f"{against} has no plan at {directory} yet"
        try:
            opened = open_revision(self.base, directory)
        except RevisionError:
            raise
        except PlanError as error:
            return f"the plan on {against} cannot be loaded ({str(error).splitlines()[0]})"
        return Revision(against, opened.release, opened.plan) if self.is_ref else opened

    @cached_property
    def definitions(self) -> list[Definition]:
        """
        The definitions of the plan.

        Raises:
            PlanErrors: one of them cannot be read.
        """
        return definitions_of(self.setting.directory, self.setting.definitions)

    @cached_property
    def changed(self) -> Mapping[str, frozenset[int]]:
        """The lines that the change touches, where Git can tell."""
        return changed_lines(self.base, self.setting.directory) if self.is_ref else {}

    @property
    def subject(self) -> str:
        """`storefront: origin/main → tracking_plan`."""
        name = self.read[0].name or "the plan"
        return f"{name}: {self.setting.against} → {self.setting.directory}"
