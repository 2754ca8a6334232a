"""Counts in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return "1 user", "2 users", "1,200 users"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
