"""The catalogue as Markdown: docs/plan_rules.md is written by this, and a test keeps them equal."""

from __future__ import annotations

from ..findings import Audience
from .catalogue import EVENTS, KEEPING, PROPERTIES, TYPES, WHOLE
from .rules import POLICY, Rule

_HEAD = """\
# What breaks

`trackway plan breaking` compares two revisions of a plan and says for each change whom it concerns:

* **source**: those who build with the generated client;
* **ingest**: clients that are out in the world, and whether what they send still fits;
* **storage**: columns, and what is in them;
* **query**: whoever asks questions of the data;
* **policy**: everybody, because the team has promised it.

**E** is an error, **W** a warning, **N** a note, **–** nothing. **R** is an error if a definition in `definitions/`
refers to it, nothing if none does, and a warning where there are no definitions. `compatibility:` of plan.yaml says
how bad it may be for each audience (`error`, `warn`, `note`, `off`). Evidence makes an ingest error a warning where
the share of stored events that would fail is below `quiet_below`, never anything worse. Drafts are exempt. A change of
a group or of a named type is one finding with all the events it reaches.

This page is made from the catalogue:
`TRACKWAY_UPDATE_GOLDEN=1 python -m pytest tests/tracking_plan/test_plan_rules.py`.
"""
_PARTS = {
    "Events": EVENTS,
    "Properties and choices": PROPERTIES,
    "Types and limits": TYPES,
    "Privacy and storage": KEEPING,
    "The plan and the gate": WHOLE,
}


def rules_page() -> str:
    """The whole page."""
    return _HEAD + "".join(_part(title, rules) for title, rules in _PARTS.items())


def _part(title: str, rules: tuple[Rule, ...]) -> str:
    head = f"\n## {title}\n\n| rule | what changed | source | ingest | storage | query | policy |\n"
    head += "| --- | --- | :-: | :-: | :-: | :-: | :-: |\n"
    rows = (f"| `{rule.id}` | {rule.summary} | {' | '.join(_letters(rule))} |\n" for rule in rules)
    return head + "".join(rows) + "\n" + "".join(_below(rule) for rule in rules if not rule.silent)


def _letters(rule: Rule) -> list[str]:
    return [letter.replace("-", "–") for letter in (*rule.levels, rule.policy)]


def _below(rule: Rule) -> str:
    why = " ".join(f"*{who}*: {rule.why[who]}" for who in (*(a.value for a in Audience), POLICY) if who in rule.why)
    return f"* `{rule.id}`. {why} **Mend:** {' '.join(rule.mend.split())}\n"
