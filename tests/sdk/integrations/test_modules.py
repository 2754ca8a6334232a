"""The package as a whole: what it exports, what it imports, and that its page tells all of it."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest

from tests.support.house import ROOT, environment
from trackway.integrations import HIDDEN_WORDS
from trackway.integrations._binding import Settings
from trackway.integrations._request import CAMPAIGN, CLICK_IDS, HIDDEN_PARTS

PAGE = (ROOT / "docs" / "instrument.md").read_text("utf-8")
FOLDER = ROOT / "sdk" / "trackway" / "integrations"
MODULES = sorted(file.stem for file in FOLDER.glob("*.py") if not file.stem.startswith("_"))
FRAMEWORKS = {"aiohttp", "celery", "django", "fastapi", "flask", "opentelemetry", "starlette", "werkzeug"}
# Celery itself looks whether Django is there.
IMPORTED = {
    "aiohttp": {"aiohttp"},
    "celery": {"celery", "django"},
    "django": {"django"},
    "flask": {"flask", "werkzeug"},
}


def test_public_names_are_listed_sorted_and_there() -> None:
    """Every module says what is for use, and has it."""
    for module in (importlib.import_module(f"trackway.integrations.{name}") for name in MODULES):
        assert module.__all__ == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)


@pytest.mark.parametrize("module", ["", *MODULES])
def test_a_module_imports_its_framework_and_no_other(module: str) -> None:
    """Nobody needs a framework that they do not use; `asgi`, `wsgi` and the package itself need none."""
    name = f"trackway.integrations.{module}".rstrip(".")
    program = f"import {name}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.split()) & FRAMEWORKS <= IMPORTED.get(module, set())


def test_the_page_tells_all_of_it() -> None:
    """Each module, setting, UTM parameter, click id, and each part of a name that hides a value is on the page."""
    for module in MODULES:
        assert f"trackway.integrations.{module}" in PAGE
    for setting in Settings.__annotations__:
        assert re.search(rf"^\| `{setting}` \|", PAGE, re.MULTILINE), setting
    for word in (*CAMPAIGN, *CLICK_IDS, *HIDDEN_PARTS):
        assert f"`{word}`" in PAGE, word


def test_words_that_hide_are_written_as_they_are_compared() -> None:
    """In lower case, and none that every address has."""
    assert {word.lower() for word in HIDDEN_WORDS} == HIDDEN_WORDS
    assert HIDDEN_WORDS.isdisjoint({"q", "query", "page", "id", "ref", "lang", "sort", "utm", "source"})
