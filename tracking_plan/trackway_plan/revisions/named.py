"""
A plan at a revision: a directory, a release number, or a Git ref, as `breaking`, `diff` and `review` name them.

    tracking_plan          the directory as it stands
    12                     releases/0012.json of the plan at hand
    origin/main, v1.4      the same plan as Git has it there; nothing is fetched or checked out
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import PlanErrors, ReleaseError
from ..loading.memo import Memo
from ..loading.plan import load_plan
from ..model import Place, Plan
from ..release import Release, compile_release, latest_release, released_files
from .git_tree import RevisionError, commit_of, folder_files, git, git_text, plan_folder

_HUNK = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
_KEPT = (".json", ".yaml")


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
    if name == str(directory):
        return _from_directory(
            directory, name, memo
        )  # whatever it is called, and if it is not there that is what is said
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
    folder = plan_folder(ref, directory)
    if folder is None:
        message = (
            f"`{ref}` has no plan at {directory}.\n  Name the directory where it stands, or compare with a release."
        )
        raise RevisionError(message)
    with tempfile.TemporaryDirectory(prefix="trackway-plan-") as scratch:
        for name, content in folder_files(ref, directory, folder, deep=True).items():
            path = Path(scratch) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
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
    commit = commit_of(ref, directory)
    try:
        return git_text(["merge-base", "HEAD", commit], directory, ref)
    except RevisionError:
        return commit


def changed_lines(ref: str, directory: Path) -> dict[str, frozenset[int]]:
    """
    File of the plan, as findings name it, to the lines of it that are not as they are at a Git ref.

    Raises:
        RevisionError: there is no such ref, or no Git.
    """
    # Whatever the user has configured, paths are written as they are and begin with `b/`.
    arguments = ["-c", "core.quotePath=false", "diff", "--unified=0", "--no-color", "--no-ext-diff", "--relative"]
    arguments += ["--src-prefix=a/", "--dst-prefix=b/", ref, "--", "."]
    found: dict[str, set[int]] = {}
    lines: set[int] = set()
    for line in git(arguments, directory, ref).decode(errors="replace").splitlines():
        if line.startswith("+++ b/"):
            lines = found.setdefault(str(directory / line.removeprefix("+++ b/").rstrip("\t")), set())
        elif match := _HUNK.match(line):
            first, count = int(match[1]), int(match[2] or 1)
            lines |= set(range(first, first + count))
    return {file: frozenset(lines) for file, lines in found.items()}


def has_plan(ref: str, directory: Path) -> bool:
    """
    Whether a Git ref has the plan of `directory`, there or where it stood then.

    Raises:
        RevisionError: there is no such ref, or no Git.
    """
    return plan_folder(ref, directory) is not None


def files_at(ref: str, directory: Path, folder: str) -> dict[str, bytes]:
    """
    The files that a Git ref has in a folder of the plan in `directory`, by name; none if it has no such folder.

    Raises:
        RevisionError: there is no such ref, or no Git.
    """
    plan = plan_folder(ref, directory)
    if plan is None:
        return {}
    found = folder_files(ref, directory, f"{plan}/{folder}".lstrip("/"), deep=False)
    return {Path(path).name: content for path, content in found.items() if path.endswith(_KEPT)}
