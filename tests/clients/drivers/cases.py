"""What the Python drivers share: cases come on standard input, each has a thread, and what is said is JSON lines."""

from __future__ import annotations

import json
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

Call = dict[str, Any]
"""One call in the words of Segment's spec; `journey` makes them."""

TIMEOUT_S = 5
"""After this long each client gives up on an answer, by its documented option; the slow answer takes longer."""


class Case(NamedTuple):
    """One client object: where it sends, and the calls that are flushed together."""

    name: str
    host: str
    key: str
    waves: list[list[Call]]

    def sent(self, call: Call, message_id: object) -> None:
        """Say under which id the client sends a call."""
        print(json.dumps({"case": self.name, "call": call["call"], "id": str(message_id)}), flush=True)


def run_all(run: Callable[[Case], None]) -> None:
    """Run the cases at once; ends with status 1 when one of them raised."""
    cases = [Case(**case) for case in json.load(sys.stdin)]
    failed = []

    def guarded(case: Case) -> None:
        try:
            run(case)
        except Exception:
            failed.append(case.name)
            print(f"{case.name}:\n{traceback.format_exc()}", file=sys.stderr, flush=True)

    threads = [threading.Thread(target=guarded, args=(case,)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(bool(failed))


def when(call: Call) -> datetime:
    """Return the call's own time."""
    return datetime.fromisoformat(call["timestamp"])


def picked(call: Call, names: Iterable[str]) -> dict[str, Any]:
    """Return the members of a call that a method takes."""
    return {name: call[name] for name in names if name in call}
