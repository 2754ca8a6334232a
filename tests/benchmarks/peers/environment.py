"""The bench's own virtual environment, so that the clients compared are nobody else's dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
VENV = ROOT / ".bench-venv"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def python() -> Path:
    """
    Return the environment's Python; makes the environment at the first call, and anew when the requirements change.

    Raises:
        subprocess.CalledProcessError: pip could not install the clients (its own message is on stderr).
    """
    program = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = VENV / "installed.txt"
    wanted = f"{sys.version}\n{REQUIREMENTS.read_text('utf-8')}"
    if not done.exists() or done.read_text("utf-8") != wanted:
        print(f"Installing the compared clients into {VENV.name} …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        pip = [str(program), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--requirement", str(REQUIREMENTS)], check=True, stdout=sys.stderr)
        done.write_text(wanted, "utf-8")
    return program


def variables() -> dict[str, str]:
    """Return the environment variables of a bench process: ours from the working copy, no settings from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKWAY_", "PYTHON"))}
    path = os.pathsep.join(str(ROOT / folder) for folder in (".", "sdk", "tracking_plan"))
    return {**kept, "PYTHONPATH": path}
