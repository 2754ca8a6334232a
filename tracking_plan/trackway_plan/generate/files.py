"""
Clients as files: which there are, what is in them, whether they are up to date.

`generate:` of plan.yaml lists them; without it, the command line names one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ReleaseError
from ..findings import Audience, Finding, Severity
from ..loading.plan import load_plan
from ..model import ClientFile, EventSpec, Place, Plan
from ..release import Release, compile_release, latest_release, released_files
from .python import python_client
from .typescript import typescript_client

STALE = "client-stale"
MISSING = "client-missing"
RULES = {
    STALE: "A client that does not say what the plan says lets wrong events compile and right ones not.",
    MISSING: "A client that plan.yaml lists should be in the repository, where it is reviewed with the plan.",
}


@dataclass(frozen=True)
class Client:
    """A client to generate, and where plan.yaml says so."""

    file: ClientFile
    path: Path
    place: Place | None = None


def clients_of(plan: Plan, directory: Path) -> list[Client]:
    """The clients that plan.yaml lists."""
    return [
        Client(file, Path(os.path.normpath(directory / file.out)), plan.places.get(("generate", file.out)))
        for file in plan.generate
    ]


def client_text(release: Release, language: str, source: str = "") -> str:
    """The text of a client: of all events in use, or of those that a source may send."""
    events = {name: event for name, event in release.events.items() if _is_for(event, source)}
    write = {"python": python_client, "typescript": typescript_client}[language]
    return write(release, events)


def _is_for(event: EventSpec, source: str) -> bool:
    return event.status != "retired" and (not source or not event.sent_by or source in event.sent_by)


def release_for(plan: Plan, directory: Path, number: int = 0) -> Release:
    """
    The release that a client is made from.

    Args:
        number: a release, or 0 for the plan as it stands. That has the number of the newest release if nothing
            has changed since, and otherwise the next one, which it will have.

    Raises:
        ReleaseError: there is no such release, or it is damaged.
    """
    if number:
        files = released_files(directory)
        if number not in files:
            known = f"There are {min(files)} to {max(files)}." if files else "There are none yet."
            message = f"there is no release {number}. {known}"
            raise ReleaseError(message, str(directory / "releases"))
        return Release.load(files[number])
    latest = latest_release(directory)
    release = compile_release(plan, latest.rev + 1 if latest else 1)
    return latest if latest is not None and latest.hash == release.hash else release


def client_files(plan: Plan, directory: Path, clients: Sequence[Client]) -> Iterator[tuple[Client, str]]:
    """Each client with the text it should have."""
    for client in clients:
        release = release_for(plan, directory, client.file.release)
        yield client, client_text(release, client.file.language, client.file.source)


def check(plan_dir: str | os.PathLike[str], clients: Sequence[Client] | None = None) -> list[Finding]:
    """
    A finding for each client that is missing or does not say what the plan says; nothing is written.

    Args:
        clients: those to look at instead of the ones in plan.yaml.

    Raises:
        PlanErrors, ReleaseError: the plan or a release that a client is pinned to cannot be loaded.
    """
    directory = Path(plan_dir)
    plan = load_plan(directory)
    listed = clients_of(plan, directory) if clients is None else clients
    found = (_finding(client, text, directory) for client, text in client_files(plan, directory, listed))
    return [finding for finding in found if finding is not None]


def findings(plan: Plan, directory: Path) -> list[Finding]:
    """As `check`, of a plan that is loaded already."""
    found: list[Finding | None] = []
    for client in clients_of(plan, directory):
        try:
            found += [_finding(*each, directory) for each in client_files(plan, directory, [client])]
        except ReleaseError as error:
            found.append(_at(client, MISSING, str(error), "Name a release that is there, or none."))
    return [finding for finding in found if finding is not None]


def _at(client: Client, rule: str, message: str, hint: str) -> Finding:
    """A finding at the place of plan.yaml that lists a client."""
    place = client.place or Place(file=str(client.path), line=1, column=1)
    return Finding(
        rule=rule,
        severity=Severity.ERROR,
        audience=Audience.SOURCE,
        message=message,
        hint=hint,
        file=place.file,
        line=place.line,
        column=place.column,
        after=client.file.out,
    )


def _finding(client: Client, text: str, directory: Path) -> Finding | None:
    hint = f"Run `trackway plan generate {directory}` and commit what it writes."
    try:
        current = client.path.read_text("utf-8")
    except OSError:
        return _at(client, MISSING, f"{client.path} is not there or cannot be read.", hint)
    except UnicodeDecodeError:
        current = ""
    if current == text:
        return None
    line, was, now = _first_difference(current, text)
    return Finding(
        rule=STALE,
        severity=Severity.ERROR,
        audience=Audience.SOURCE,
        message=f"{client.path} is not what the plan generates.",
        hint=f"It has `{was}` where `{now}` belongs.\n{hint}",
        file=str(client.path),
        line=line,
        column=1,
        after=client.file.out,
    )


def _first_difference(current: str, text: str) -> tuple[int, str, str]:
    """The first line that differs, from 1, in both."""
    old, new = current.splitlines(), text.splitlines()
    # Revision and hash stand at the top and always differ: a line that says more is a better hint.
    pairs = list(zip([*old, ""], [*new, ""], strict=False))
    different = [number for number, (was, now) in enumerate(pairs) if was != now]
    if not different:
        number = min(len(old), len(new))
        return number + 1, _shown(old, number), _shown(new, number)
    telling = [number for number in different if not _is_stamp(pairs[number][1])]
    number = (telling or different)[0]
    return number + 1, _shown(old, number), _shown(new, number)


def _is_stamp(line: str) -> bool:
    return line.lstrip(" *").startswith(("Events of the plan", "REV =", "HASH =", "export const PLAN"))


def _shown(lines: list[str], number: int) -> str:
    return lines[number].strip()[:100] if number < len(lines) else "(end of file)"


def write_atomically(path: Path, text: str) -> bool:
    """Write a file so that it is never seen half written; False if it had this text already."""
    try:
        if path.read_bytes() == text.encode():
            return False
    except OSError:
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    number, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        Path(scratch).chmod(mode & 0o777)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
