"""
snowplow-tracker: self-describing events, page and screen views over an Emitter with a batch a wave.

The tracker has no call for identify, group or alias. `flush` returns while a retry waits for its timer, so the program
waits until the emitter's store is empty and nothing is on its way, which `on_success` and `on_failure` tell.
"""

from __future__ import annotations

import time
from typing import Any

from snowplow_tracker import Emitter, PageView, ScreenView, SelfDescribing, SelfDescribingJson, Subject, Tracker

from tests.clients.drivers.cases import TIMEOUT_S, Call, Case, run_all, when
from tests.clients.journey import schema

WAVE_S = 60


def event_of(call: Call) -> Any:
    """Return the tracker's event of a call."""
    subject = Subject()
    subject.set_user_id(call["userId"])
    common = {"event_subject": subject, "true_timestamp": when(call).timestamp() * 1000}
    context = [SelfDescribingJson(schema("context"), call["context"])]
    match call["call"]:
        case "page":
            return PageView(page_url=call["properties"]["url"], page_title=call["name"], context=context, **common)
        case "screen":
            return ScreenView(id_="screen-1", name=call["name"], context=context, **common)
        case _:
            name = call["event"].lower().replace(" ", "_")
            described = SelfDescribingJson(schema(name), call["properties"])
            return SelfDescribing(described, context=context, **common)


def settle(emitter: Emitter) -> None:
    """Return when the emitter has nothing left that it would send or send again."""
    end = time.monotonic() + WAVE_S
    while True:
        with emitter.lock:  # held by the emitter while it sends
            if not emitter.event_store.size() and not emitter.retry_timer.is_active():
                return
        if time.monotonic() > end:
            message = f"the emitter still has events after {WAVE_S} s"
            raise TimeoutError(message)
        time.sleep(0.05)


def main() -> None:
    """Use one tracker a case; the write key is the app id."""

    def run(case: Case) -> None:
        emitter = Emitter(case.host, request_timeout=TIMEOUT_S)
        tracker = Tracker(namespace="tests", emitters=emitter, app_id=case.key)
        for wave in case.waves:
            for call in wave:
                case.sent(call, tracker.track(event_of(call)))
            tracker.flush()
            settle(emitter)

    run_all(run)


if __name__ == "__main__":
    main()
