"""Where a finding is, as hosts of repositories name files: from the top of the repository, with slashes."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def repository_path(file: str) -> str:
    """
    A file as seen from the top of its repository: `tracking_plan/events/checkout/order_completed.yaml`.

    Annotations on any other path are shown nowhere. The top is GITHUB_WORKSPACE or CI_PROJECT_DIR where a
    runner sets them, else the nearest folder above that holds `.git`, else the working directory.
    """
    if not file:
        return ""
    path = Path(os.path.abspath(file))
    for top in (os.environ.get("GITHUB_WORKSPACE"), os.environ.get("CI_PROJECT_DIR"), _top(path.parent), os.getcwd()):
        if top and path.is_relative_to(os.path.abspath(top)):
            return path.relative_to(os.path.abspath(top)).as_posix()
    return path.as_posix()


@cache
def _top(folder: Path) -> str:
    return next((str(each) for each in (folder, *folder.parents) if (each / ".git").exists()), "")
