"""
Print the number of the comment that an earlier run wrote, or nothing.

    find_comment.py COMMENT_FILE AUTHOR < what `gh api --paginate …/comments` printed
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def comments(text: str) -> Iterator[dict[str, Any]]:
    """Every comment of all pages, which older versions of gh print as one array after another."""
    decoder, at = json.JSONDecoder(), 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        page, at = decoder.raw_decode(text, at)
        yield from page


def main() -> None:
    """Find the first comment of the author that begins with the file's hidden first line."""
    file, author = sys.argv[1:]
    marker = Path(file).read_text("utf-8").partition("\n")[0]
    for comment in comments(sys.stdin.read()):
        if comment["user"]["login"] == author and (comment["body"] or "").replace("\r", "").startswith(f"{marker}\n"):
            print(comment["id"])
            return


main()
