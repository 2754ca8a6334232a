"""
Files as a Git commit has them, read without a checkout: for `revisions`, which makes plans of them.

The tree itself is read, not `git archive`, which leaves out and rewrites what `.gitattributes` says about archives.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ..errors import PlanError

_PLAN_NAME = re.compile(rb"^plan:[ \t]*(.+?)[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_FILE = "100"
"""How the mode of a plain file begins; links are not followed."""


class RevisionError(PlanError):
    """A revision that cannot be had: no such release, no such Git ref, no plan there."""


def commit_of(ref: str, directory: Path) -> str:
    """
    The commit that a ref names.

    Raises:
        RevisionError: there is no such ref, or no Git.
    """
    return git_text(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], directory, ref)


def plan_folder(ref: str, directory: Path) -> str | None:
    """
    Where a ref has the plan of `directory`, seen from the top of the repository; None if it has none.

    A plan that was moved since is known by its name, if it is the only one of that name that is gone from its place.
    """
    prefix = git_text(["rev-parse", "--show-prefix"], directory, ref).rstrip("/")
    if _blob_ids(ref, directory, f"{prefix}/plan.yaml".lstrip("/")):
        return prefix
    mine = directory / "plan.yaml"
    name = _plan_name(mine.read_bytes()) if mine.is_file() else None
    root = _root(ref, directory)
    gone = {
        path: blob
        for path, blob in _blob_ids(ref, directory, "", deep=True).items()
        if Path(path).name == "plan.yaml" and not (root / path).exists()
    }
    same = [path for path, content in _contents(gone, root, ref).items() if name and _plan_name(content) == name]
    return same[0].removesuffix("plan.yaml").rstrip("/") if len(same) == 1 else None


def folder_files(ref: str, directory: Path, folder: str, *, deep: bool) -> dict[str, bytes]:
    """The plain files in a folder of the repository, by path from its top; with `deep`, in folders of it too."""
    found = _blob_ids(ref, directory, f"{folder}/" if folder else "", deep=deep)
    return _contents(found, _root(ref, directory), ref)


def git_text(arguments: list[str], directory: Path, ref: str) -> str:
    """What Git answers, without the end of its last line; paths that are no UTF-8 survive."""
    return git(arguments, directory, ref).decode(errors="surrogateescape").removesuffix("\n")


def git(arguments: list[str], directory: Path, ref: str, given: bytes = b"") -> bytes:
    """
    What Git answers.

    Raises:
        RevisionError: it does not; the message names `ref`, which is what was asked for.
    """
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607
            cwd=directory,
            input=given,
            capture_output=True,
            check=True,
        )
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


def _root(ref: str, directory: Path) -> Path:
    return Path(git_text(["rev-parse", "--show-toplevel"], directory, ref))


def _blob_ids(ref: str, directory: Path, path: str, *, deep: bool = False) -> dict[str, str]:
    """Path to blob of the plain files at a path; one that ends with `/` is a folder, and "" the whole tree."""
    arguments = ["ls-tree", "-z", "--full-tree", *(["-r"] if deep else []), commit_of(ref, directory)]
    found = {}
    for line in git_text([*arguments, *(["--", path] if path else [])], directory, ref).split("\0"):
        head, _, name = line.partition("\t")
        if head.startswith(_FILE):
            found[name] = head.split(" ")[2]
    return found


def _contents(blobs: dict[str, str], root: Path, ref: str) -> dict[str, bytes]:
    """Path to content, in one call of Git however many there are."""
    if not blobs:
        return {}
    answer = git(["cat-file", "--batch"], root, ref, "".join(f"{blob}\n" for blob in blobs.values()).encode())
    found, start = {}, 0
    for path in blobs:
        end = answer.index(b"\n", start)
        size = int(answer[start:end].split()[-1])
        found[path] = answer[end + 1 : end + 1 + size]
        start = end + 1 + size + 1
    return found


def _plan_name(content: bytes) -> bytes | None:
    match = _PLAN_NAME.search(content)
    return match[1].strip(b"'\"") if match else None
