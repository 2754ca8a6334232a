"""What a rule of the catalogue is: whom a change concerns, how badly, why, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..findings import Audience, Severity
from ..model import ViolationCode

POLICY = "policy"
"""Severities under this word concern everybody: what the team has promised itself."""


@dataclass(frozen=True)
class Rule:
    """
    One rule of the catalogue; it judges the changes whose `kind` is its `id`.

    `levels` has a letter for each of source, ingest, storage, query: `E`rror, `W`arn, `-` nothing, `R` error where a
    definition of `definitions/` refers to it. `policy` is the letter for what concerns nobody in particular.
    """

    id: str
    summary: str
    """What has changed, for the table of the documentation."""
    says: str
    """The same of one change: `{subject}`, `{before}`, `{after}` and `{detail}` are put in."""
    levels: str = "----"
    policy: str = "-"
    why: Mapping[str, str] = field(default_factory=dict)
    """Audience (or "policy") to what happens to it; a key for each letter of `levels` that is not `-`."""
    mend: str = ""
    mirror: str = ""
    """The rule of the opposite change."""
    no_mirror: str = ""
    """Why there is no such rule."""
    codes: tuple[ViolationCode, ...] = ()
    """What events that do not fit any more would be told: evidence counts these."""

    def level(self, audience: Audience) -> str:
        """The letter for an audience."""
        return self.levels[list(Audience).index(audience)]

    @property
    def silent(self) -> bool:
        """Whether nobody needs to know."""
        return self.levels == "----" and self.policy == "-"


LETTERS = {"E": Severity.ERROR, "R": Severity.ERROR, "W": Severity.WARN, "N": Severity.NOTE}
