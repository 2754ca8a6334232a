"""
Unmodified clients of others lose nothing and double nothing, whatever the collector answers for a while.

All of them meet all answers in one run, which the tests look at one by one.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.clients import matrix
from tests.clients.catalogue import ANSWERS, CLIENTS, Client
from tests.clients.expected import differences
from tests.clients.journey import waves
from tests.clients.run import Meeting, Run, run_all

# The first test of a clean checkout installs the clients, and waits for the whole run.
pytestmark = pytest.mark.timeout(600)

FINAL = ("400", "401", "413")
"""Answers after which a client may drop what it had sent."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Every client has met every answer."""
    return run_all(tmp_path_factory.mktemp("clients"))


@pytest.fixture
def meeting(run: Run, client: Client, answer: str) -> Meeting:
    """One of them at one answer."""
    return run.meetings[client, answer]


every_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
every_answer = pytest.mark.parametrize("answer", ANSWERS)


def test_the_clients_ran_as_they_should(run: Run) -> None:
    """No driver failed, and the proxy understood every request."""
    assert run.problems == []


def test_nothing_was_quarantined(run: Run) -> None:
    """What these clients send is readable, all of it."""
    assert run.quarantined == 0


@every_client
@every_answer
def test_what_was_accepted_is_there_once(meeting: Meeting) -> None:
    """What was answered 200, or would have been, is in the warehouse once under the client's id; nothing else is."""
    accepted = {one for exchange in meeting.port.exchanges if exchange.stored for one in exchange.ids}
    assert Counter(row["message_id"] for row in meeting.rows) == Counter(accepted)


@every_client
@every_answer
def test_a_call_is_lost_only_by_a_final_answer(meeting: Meeting, answer: str) -> None:
    """Trouble that passes costs no event; a final answer costs those that met it and no others."""
    missing = set(meeting.ids.values()) - {row["message_id"] for row in meeting.rows}
    assert missing <= (meeting.first if answer in FINAL else set())
    assert len(meeting.ids) == len(meeting.client.calls)


@every_client
@every_answer
def test_a_final_answer_is_not_argued_with(meeting: Meeting, answer: str) -> None:
    """After 400 and 401 no client sends the same events again; our answer's form is one that each of them reads."""
    if answer in ("400", "401"):
        sent = Counter(one for each in meeting.port.exchanges for one in each.ids)
        assert {sent[one] for one in meeting.first} == {1}


@every_client
def test_an_answer_that_was_lost_doubles_nothing(run: Run, client: Client) -> None:
    """After a lost answer a client sends again what is already stored; the warehouse has it once."""
    meeting = run.meetings[client, "reset-after"]
    stored = Counter(one for each in meeting.port.exchanges if each.stored for one in each.ids)
    assert all(stored[one] >= 2 for one in meeting.first)
    assert len(meeting.rows) == len(meeting.ids)


@every_client
@every_answer
def test_what_arrives_is_what_was_called(meeting: Meeting, client: Client) -> None:
    """Ids, times, context, properties and traits are as the program gave them."""
    rows = {row["message_id"]: row for row in meeting.rows}
    for call in (call for wave in waves(client.calls) for call in wave):
        row = rows.get(meeting.ids[call["call"]])
        assert row is None or differences(client, call, row) == []


def test_the_table_is_what_happened(run: Run) -> None:
    """docs/other_clients.md shows this run; TRACKWAY_UPDATE_GOLDEN=1 writes a new table."""
    if os.environ.get("TRACKWAY_UPDATE_GOLDEN"):
        matrix.write_page(matrix.table(run))
    assert matrix.read_page() == matrix.table(run)
