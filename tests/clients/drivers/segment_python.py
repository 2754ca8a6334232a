"""segment-analytics-python and rudder-sdk-python, whose clients have the same methods: `python -m … segment|rudder`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from tests.clients.drivers.cases import TIMEOUT_S, Call, Case, run_all, when

MODULES = {"segment": "segment.analytics.client", "rudder": "rudderstack.analytics.client"}
NAMES = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "previousId": "previous_id",
    "groupId": "group_id",
    "event": "event",
    "name": "name",
    "properties": "properties",
    "traits": "traits",
    "context": "context",
}


def arguments(call: Call) -> dict[str, Any]:
    """Return a call in the clients' own names."""
    return {ours: call[name] for name, ours in NAMES.items() if name in call} | {"timestamp": when(call)}


def main() -> None:
    """Use one client object a case."""
    kind = import_module(MODULES[sys.argv[1]]).Client

    def run(case: Case) -> None:
        client = kind(case.key, host=case.host, timeout=TIMEOUT_S)
        for wave in case.waves:
            for call in wave:
                queued, message = getattr(client, call["call"])(**arguments(call))
                assert queued
                case.sent(call, message["messageId"])
            client.flush()
        client.shutdown()

    run_all(run)


if __name__ == "__main__":
    main()
