"""Programs from PyPI that are compared, in an environment of their own, so that they are nobody else's dependencies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.peers.environment import ROOT

VENV = ROOT / ".bench-venv" / "collectors"
REQUIREMENTS = ("logprep==21.1.0",)


def program(name: str) -> Path:
    """
    Return a program of the environment, which is made at the first call and when the requirements change.

    Raises:
        subprocess.CalledProcessError: pip could not install it (its own message is on stderr).
    """
    done, wanted = VENV / "installed.txt", f"{sys.version}\n{REQUIREMENTS}"
    if not done.exists() or done.read_text("utf-8") != wanted:
        print("Installing the compared collectors …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        pip = [str(VENV / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", *REQUIREMENTS], check=True, stdout=sys.stderr)
        done.write_text(wanted, "utf-8")
    return VENV / "bin" / name
