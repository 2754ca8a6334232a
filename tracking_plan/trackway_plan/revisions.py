"""
A plan at a revision: a directory, a release number, or a Git ref, as `breaking`, `diff` and `review` name them.

    tracking_plan          the directory as it stands
    12                     releases/0012.json of the plan at hand
    origin/main, v1.4      the same directory as Git has it there; nothing is fetched or checked out
"""

from __future__ import annotations

import dataclasses
import io
import re
import subprocess
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import PlanError, PlanErrors, ReleaseError
from .load import load_plan
from .memo import Memo
from .model import Place, Plan
from .release import Release, compile_release, latest_release, released_files

_HUNK = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
_KEPT = (".json", ".yaml")


class RevisionError(PlanError):
    """A revision that cannot be had: no such release, no such Git ref, no plan there."""


@dataclass(frozen=True)
class Revision:
    """A plan at one point; `plan` is None where only the release is at hand."""

    label: str
    """How people name it: `origin/main`, `rev 12`, `tracking_plan`."""
    release: Release
    plan: Plan | None = None
    scratch: str = ""
    """Where the files were while they were read, if they are not there any more."""

    def place(self, keys: tuple[str, ...]) -> Place | None:
        """Where something is written, or the nearest thing around it; None without the plan's files."""
        if self.plan is None:
            return None
        while keys and keys not in self.plan.places:
            keys = keys[:-1]
        place = self.plan.places.get(keys) or self.plan.places["everywhere",]
        at = (place.line, place.column) if keys else (1, 1)
        return Place(file=_shown(place.file, self.scratch, self.label), line=at[0], column=at[1])


def open_revision(name: str, directory: Path, memo: Memo | None = None) -> Revision:
    """
    The plan that `name` means, seen from the plan in `directory`.

    Args:
        name: a directory, the number of a release, or a Git ref of the repository that holds `directory`.
        memo: what was read of another revision, so that equal files are parsed once.

    Raises:
        RevisionError: there is no such thing; the message says where was looked.
        PlanErrors, ReleaseError: it is there and cannot be loaded.
    """
    if name.isascii() and name.isdigit():
        return _released(int(name), directory)
    if Path(name).is_dir():
        return _from_directory(Path(name), name, memo)
    return _from_git(name, directory, memo)


def _released(rev: int, directory: Path) -> Revision:
    files = released_files(directory)
    if rev not in files:
        known = f"There are {min(files)} to {max(files)}." if files else "There are none yet."
        message = f"{directory / 'releases'}: there is no release {rev}. {known}"
        raise RevisionError(message)
    return Revision(f"rev {rev}", Release.load(files[rev]))


def _from_directory(directory: Path, label: str, memo: Memo | None) -> Revision:
    plan = load_plan(directory, memo)
    newest = max(released_files(directory), default=0)
    release = compile_release(plan, newest + 1)
    with suppress(ReleaseError):
        # What has not changed since it was released is that release, and no next one.
        latest = latest_release(directory)
        if latest is not None and latest.hash == release.hash:
            release = latest
    return Revision(label, release, plan)


def _from_git(ref: str, directory: Path, memo: Memo | None) -> Revision:
    folder = _git(["rev-parse", "--show-prefix"], directory, ref).decode().strip().rstrip("/")
    commit = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], directory, ref)
    root = _git(["rev-parse", "--show-toplevel"], directory, ref).decode().strip()
    arguments = ["archive", "--format=tar", commit.decode().strip(), "--", *([folder] if folder else [])]
    archive = _git(arguments, Path(root), ref)
    with tempfile.TemporaryDirectory(prefix="trackway-plan-") as scratch:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(scratch, filter="data")
        try:
            found = _from_directory(Path(scratch) / folder, ref, memo)
        except PlanErrors as errors:
            raise PlanErrors(
                dataclasses.replace(problem, file=_shown(problem.file, scratch, ref)) for problem in errors.problems
            ) from None
    return dataclasses.replace(found, scratch=scratch)


def _shown(file: str, scratch: str, ref: str) -> str:
    """A file as Git names it at a ref (`origin/main:tracking_plan/plan.yaml`), if it was read from there."""
    return f"{ref}:{Path(file).relative_to(scratch).as_posix()}" if scratch else file


def merge_base(ref: str, directory: Path) -> str:
    """
    The commit where the work in `directory` left `ref`, so that what others merged meanwhile is no part of the change.

    Where Git cannot tell, in a shallow clone, it is the commit of `ref` itself.

    Raises:
        RevisionError: there is no such ref, or no Git.
    """
    commit = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], directory, ref)
    try:
        return _git(["merge-base", "HEAD", commit.decode().strip()], directory, ref).decode().strip()
    except RevisionError:
        return commit.decode().strip()


def changed_lines(ref: str, directory: Path) -> dict[str, frozenset[int]]:
    """
    File of the plan, as findings name it, to the lines of it that are not as they are at a Git ref.

    Raises:
        RevisionError: there is no such ref, or no Git.
    """
    arguments = ["diff", "--unified=0", "--no-color", "--no-ext-diff", "--relative", ref, "--", "."]
    found: dict[str, set[int]] = {}
    lines: set[int] = set()
    for line in _git(arguments, directory, ref).decode(errors="replace").splitlines():
        if line.startswith("+++ b/"):
            lines = found.setdefault(str(directory / line.removeprefix("+++ b/").rstrip("\t")), set())
        elif match := _HUNK.match(line):
            first, count = int(match[1]), int(match[2] or 1)
            lines |= set(range(first, first + count))
    return {file: frozenset(lines) for file, lines in found.items()}


def files_at(ref: str, directory: Path, folder: str) -> dict[str, bytes]:
    """
    The files that a Git ref has in a folder of the plan in `directory`, by name; none if it has no such folder.

    Raises:
        RevisionError: there is no such ref, or no Git.
    """
    prefix = _git(["rev-parse", "--show-prefix"], directory, ref).decode().strip()
    root = Path(_git(["rev-parse", "--show-toplevel"], directory, ref).decode().strip())
    commit = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], directory, ref)
    inside = f"{prefix}{folder}/" if folder else prefix or "."
    listing = ["ls-tree", "-z", "--name-only", commit.decode().strip(), "--", inside]
    at = commit.decode().strip()
    paths = [path for path in _git(listing, root, ref).decode().split("\0") if path.endswith(_KEPT)]
    return {Path(path).name: _git(["cat-file", "blob", f"{at}:{path}"], root, ref) for path in paths}


def _git(arguments: list[str], directory: Path, ref: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=directory, capture_output=True, check=True)  # noqa: S607
    except FileNotFoundError as error:
        message = f"`{ref}` is no directory and no release, and `git` (or {directory}) is not there to look it up."
        raise RevisionError(message) from error
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        message = (
            f"`{ref}` is no directory, no release number, and no Git ref that holds a plan at {directory}"
            + (f": {why}." if why else ".")
            + "\n  In CI, fetch the base branch first: git fetch origin main."
        )
        raise RevisionError(message) from error
    return done.stdout
