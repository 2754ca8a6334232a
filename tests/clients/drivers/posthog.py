"""posthog: what it calls `set`, `capture`, `group_identify` and `alias`; pages are events named $pageview, $screen."""

from __future__ import annotations

from posthog import Posthog

from tests.clients.drivers.cases import TIMEOUT_S, Call, Case, run_all, when

FLUSH_S = 60


def send(client: Posthog, call: Call) -> str | None:
    """Make one call; returns the event's id."""
    user, at = call["userId"], when(call)
    sent: str | None
    match call["call"]:
        case "identify":
            sent = client.set(distinct_id=user, properties=call["traits"], timestamp=at)
        case "track":
            sent = client.capture(call["event"], distinct_id=user, properties=call["properties"], timestamp=at)
        case "group":
            sent = client.group_identify("company", call["groupId"], call["traits"], distinct_id=user, timestamp=at)
        case "page" | "screen":
            event = "$pageview" if call["call"] == "page" else "$screen"
            properties = call["properties"] | {"$screen_name" if event == "$screen" else "title": call["name"]}
            sent = client.capture(event, distinct_id=user, properties=properties, timestamp=at)
        case _:
            sent = client.alias(call["previousId"], user, timestamp=at)
    return sent


def main() -> None:
    """Use one client object a case."""

    def run(case: Case) -> None:
        client = Posthog(case.key, host=case.host, timeout=TIMEOUT_S)
        for wave in case.waves:
            for call in wave:
                case.sent(call, send(client, call))
            client.flush(FLUSH_S)
        client.shutdown()

    run_all(run)


if __name__ == "__main__":
    main()
