"""
A real browser without a window: Debian's Chromium (or any Chrome), driven by Selenium.

`TRACKWAY_TEST_CHROMIUM` and `TRACKWAY_TEST_CHROMEDRIVER` name other programs than those on the PATH. Nothing
is downloaded: where a program is missing, the fixture skips and says which.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DRIVERS = ("chromedriver",)


@contextmanager
def headless_browser(width: int = 1440, height: int = 1000) -> Iterator[Chrome]:
    """
    Yield a browser with an empty profile; skips the test where Chromium, its driver or Selenium is missing.
    """
    webdriver = pytest.importorskip("selenium.webdriver", reason="Selenium is not installed: pip install selenium")
    browser = _program("TRACKWAY_TEST_CHROMIUM", BROWSERS, "chromium")
    driver = _program("TRACKWAY_TEST_CHROMEDRIVER", DRIVERS, "chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    # No sandbox: as root in a container there is none to have, and the pages are ours.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--window-size={width},{height}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


def prefer(chrome: Chrome, scheme: Literal["light", "dark"]) -> None:
    """Let the pages believe that the person's system is light or dark."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def console_errors(chrome: Chrome) -> list[str]:
    """Return what the browser's console complains about since the last call."""
    log: list[dict[str, str]] = chrome.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in log if entry["level"] == "SEVERE"]


def _program(variable: str, names: tuple[str, ...], package: str) -> str:
    given = os.environ.get(variable)
    found = shutil.which(given) if given else next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(
            f"no browser test: none of {', '.join(names)} is on the PATH. "
            f"On Debian: apt-get install {package}; elsewhere set {variable}."
        )
    return found
