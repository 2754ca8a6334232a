"""
Proof that releases were left alone: each has the hash it states, and is what the base branch has.

    releases/0001.json …  ─ here ─▶ content hash, number, no gaps
                          ─ at the base ref ─▶ the same bytes

Two branches that both release collide on the file name, which Git reports as a conflict; here the second of them is
told before it merges.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import ReleaseError
from ..findings import Finding, Severity
from ..release import Release, released_files
from .named import files_at

RULES = {
    "release-damaged": "Clients and collector act on releases; one that was edited by hand says two things at once.",
    "release-edited": "Events that are stored were judged by a release; changing it changes what their verdicts mean.",
    "release-removed": "Clients are out in the world with every release; the collector judges them by it.",
    "release-collision": "Two plans under one number cannot be told apart by the events that carry it.",
    "release-gap": "A number that is missing was released somewhere, or will be and then comes out of order.",
}


def release_findings(directory: Path, against: str = "") -> list[Finding]:
    """
    What is wrong with the releases of the plan in `directory`.

    Args:
        against: a Git ref; every release that it has must be here, byte for byte. "" compares with none.

    Raises:
        RevisionError: there is no such ref.
    """
    files = released_files(directory)
    found = [*_damaged(files), *_gaps(files)]
    damaged = {finding.file for finding in found if finding.rule == "release-damaged"}
    for name, content in (files_at(against, directory, "releases") if against else {}).items():
        path = directory / "releases" / name
        if not path.is_file():
            found.append(_finding(path, "release-removed", f"{against} has this release, and here it is gone.", _BACK))
        elif path.read_bytes() != content and str(path) not in damaged:
            found.append(_differs(path, content, against))
    return found


_BACK = "Take it back from Git: releases are never changed, only followed by the next."


def _damaged(files: dict[int, Path]) -> list[Finding]:
    found = []
    for rev, path in files.items():
        try:
            release = Release.load(path)
        except ReleaseError as error:
            message, _, hint = str(error).removeprefix(f"{path}: ").partition("\n")
            found.append(_finding(path, "release-damaged", message, hint.strip()))
            continue
        if release.rev != rev:
            message = f"the file is named {rev} but states rev {release.rev}."
            found.append(_finding(path, "release-damaged", message, "Give it back its name."))
    return found


def _gaps(files: dict[int, Path]) -> list[Finding]:
    missing = sorted(set(range(1, max(files, default=0))) - set(files))
    if not missing:
        return []
    path = files[max(files)]
    numbers = ", ".join(str(rev) for rev in missing[:12]) + (", …" if len(missing) > 12 else "")
    message = f"there is a release {max(files)}, and none of these before it: {numbers}."
    return [_finding(path, "release-gap", message, "Take them back from Git, or release under the next number.")]


def _differs(path: Path, content: bytes, against: str) -> Finding:
    """A sound release that is another than the one under its number at the base: two branches have released."""
    theirs = _hash(content)
    if theirs and theirs != _hash(path.read_bytes()):
        message = f"{against} has another release under this number ({theirs}): two branches have released."
        hint = f"Merge {against}, keep its {path.name}, and run `trackway plan release` for the next number."
        return _finding(path, "release-collision", message, hint)
    message = f"this is not the file that {against} has, though it says the same."
    return _finding(path, "release-edited", message, _BACK)


def _hash(content: bytes) -> str:
    try:
        return Release.from_json(content).hash
    except ReleaseError:
        return ""


def _finding(path: Path, rule: str, message: str, hint: str) -> Finding:
    return Finding(
        rule=rule,
        severity=Severity.ERROR,
        message=message,
        hint=hint,
        file=str(path),
        line=1,
        column=1,
        before=path.name,
    )
