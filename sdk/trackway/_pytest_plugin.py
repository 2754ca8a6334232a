"""
Under pytest a violation of the plan is a failing test: `on_violation` is "raise" unless the program or the
environment says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackway._options import set_default_policy

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Make "raise" the default policy."""
    set_default_policy("raise")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put the default back: pytest may have been called from a program that goes on."""
    set_default_policy("flag")
