"""A real Git repository in a directory, for tests about branches."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Tea",
    "GIT_AUTHOR_EMAIL": "tea@example.org",
    "GIT_COMMITTER_NAME": "Tea",
    "GIT_COMMITTER_EMAIL": "tea@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class Repository:
    """A repository whose first branch is `main`."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self("init", "--quiet", "--initial-branch=main")

    def __call__(self, *arguments: str, fails: bool = False) -> str:
        """Run git here and return what it prints; with `fails`, it must exit with something else than 0."""
        environment = {**os.environ, **_ENVIRONMENT}
        done = subprocess.run(
            ["git", *arguments], cwd=self.top, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def commit(self, message: str = "change") -> None:
        """Commit everything there is."""
        self("add", "--all")
        self("commit", "--quiet", "--message", message)

    def branch(self, name: str, at: str = "HEAD") -> None:
        """Begin a branch and go there."""
        self("switch", "--quiet", "--create", name, at)
