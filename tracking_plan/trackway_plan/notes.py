"""What a plan's readers should know though nothing is wrong with it, and what is wrong with its releases."""

from __future__ import annotations

from pathlib import Path

from .errors import Problem, ReleaseError
from .model import Plan
from .redact import stored
from .release import Release, released_files


def plan_notes(plan: Plan) -> list[Problem]:
    """What says less than its reader may think, each at its place."""
    holders = [(("events", name), event.properties) for name, event in plan.events.items()]
    holders += [(("groups", name), group.properties) for name, group in plan.groups.items()]
    holders += [(("traits", kind), specs) for kind, specs in plan.traits.items()]
    notes = []
    for at, properties in holders:
        for name, spec in properties.items():
            if spec.required and stored(spec) == "drop":
                place = plan.places[*at, "properties", name]
                message = f"`required` of `{name}` says nothing: what is dropped may have been dropped already."
                hint = "Remove `required`, or `store: drop`."
                notes.append(Problem(place.file, place.line, place.column, message, hint))
    return sorted(notes)


def release_problems(directory: Path) -> list[Problem]:
    """Releases that cannot be read, were edited by hand, or have another number than their file."""
    problems = []
    for rev, path in released_files(directory).items():
        try:
            release = Release.load(path)
        except ReleaseError as error:
            message, _, hint = str(error).removeprefix(f"{path}: ").partition("\n")
            problems.append(Problem(str(path), 1, 1, message, hint.strip()))
            continue
        if release.rev != rev:
            message = f"the file is named {rev} but states rev {release.rev}."
            problems.append(Problem(str(path), 1, 1, message, "Give it back its name."))
    return problems
