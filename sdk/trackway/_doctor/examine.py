"""The examination: every check in order, each with what those before it have found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trackway._doctor.collector import check_clock, check_collector, check_key, check_revision
from trackway._doctor.disk import check_disk
from trackway._doctor.event import check_event, check_found
from trackway._doctor.findings import Status, UnreachableError, skipped
from trackway._doctor.network import check_connection, check_name, check_tls
from trackway._doctor.settings import check_plan, check_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trackway._doctor.case import Case
    from trackway._doctor.findings import Finding

HERE: tuple[Callable[[Case], Finding], ...] = (check_settings, check_plan, check_disk)
THERE: tuple[Callable[[Case], Finding], ...] = (
    check_name,
    check_connection,
    check_tls,
    check_collector,
    check_key,
    check_clock,
    check_revision,
    check_event,
    check_found,
)

FINE, PROBLEMS, CANNOT_READ, UNREACHABLE = 0, 1, 3, 4


def examine(case: Case) -> Iterator[Finding]:
    """Yield each finding when it is made; where no collector can be reached, what follows is skipped."""
    for check in HERE:
        yield check(case)
    for number, check in enumerate(THERE, 1):
        try:
            yield check(case)
        except UnreachableError as error:
            yield error.finding
            for left in THERE[number:]:
                yield skipped(left.__name__.removeprefix("check_"), "no collector is reached")
            return


def exit_code(findings: list[Finding], *, reached: bool) -> int:
    """Return 4 when no collector was reached, 1 when there is another problem, else 0."""
    if not reached:
        return UNREACHABLE
    return PROBLEMS if any(finding.status is Status.PROBLEM for finding in findings) else FINE
