"""What the collector says of single events: what is sent again, what is not, and what the books say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trackway import Tracker
from trackway._books import Books, Dropped
from trackway._delivery.answers import MAX_CODES, Acked, Answer, Recode, Rejected, Retry, Split, Verdict, verdict
from trackway._delivery.outbox import Batch, Outbox
from trackway._options import Options
from trackway.testing import RecordingTransport

WORDS = ["ok", "flagged", "unplanned", "quarantined", "duplicate", "rejected", "retry", "archived", ""]


def events(*ids: str) -> list[bytes]:
    return [json.dumps({"type": "track", "messageId": name}).encode() for name in ids]


def said(*ids: str, **body: Any) -> Verdict:
    """Return the verdict on a batch of these ids, of a 200 with this body."""
    return verdict(Answer(200, json.dumps({"success": True, **body}).encode()), events(*ids), 0.0)


def test_what_is_not_named_ended_as_most_did() -> None:
    """`result` is said once for all events that `results` does not name."""
    assert said("m1", "m2", result="ok") == Acked(results=Counter(ok=2))
    assert said("m1", "m2", "m3", result="unplanned", results={"m2": "flagged"}) == Acked(
        results=Counter(unplanned=2, flagged=1)
    )


def test_only_what_is_to_be_retried_is_sent_again() -> None:
    """By position, in the order of the batch, whatever the order of the answer."""
    found = said("m1", "m2", "m3", "m4", result="ok", results={"m4": "retry", "m2": "retry", "m1": "flagged"})
    assert found == Acked(retry=(1, 3), results=Counter(ok=1, flagged=1))


def test_the_wait_before_the_retry_is_the_collectors() -> None:
    """`Retry-After` of a 200 is for the events that it wants again."""
    body = b'{"success":true,"results":{"m1":"retry"}}'
    assert verdict(Answer(200, body, "7"), events("m1"), 0.0) == Acked(retry=(0,), wait_s=7.0)


def test_a_rejected_event_is_counted_once_by_its_code() -> None:
    """It stands in both lists; without a code the word itself is the reason."""
    refused = [{"index": 1, "messageId": "m2", "code": "event_too_large"}]
    found = said("m1", "m2", "m3", result="ok", results={"m2": "rejected", "m3": "rejected"}, rejected=refused)
    assert found == Acked(Counter(event_too_large=1, rejected=1), results=Counter(ok=1))


def test_an_id_that_comes_twice_in_a_batch_ends_twice() -> None:
    """Each event has its end: the refused one takes the refusal, the kept one the result."""
    refused = [{"index": 0, "messageId": "m1", "code": "event_too_large"}]
    assert said("m1", "m1", result="ok", rejected=refused) == Acked(Counter(event_too_large=1), results=Counter(ok=1))
    assert said("m1", "m1", results={"m1": "retry"}) == Acked(retry=(0, 1))


def test_a_word_that_is_not_known_says_stored() -> None:
    """A 200 is the promise; later collectors may have more to say, and none of it is a reason to send again."""
    assert said("m1", "m2", result="archived", results={"m2": "sampled"}) == Acked(results=Counter(other=2))


@pytest.mark.parametrize(
    "body",
    [
        {"results": {"m1": 7}},
        {"results": ["retry"]},
        {"result": None},
        {"rejected": {"m1": "retry"}},
        {"rejected": [{"messageId": "m1", "code": 7}]},
    ],
    ids=str,
)
def test_results_that_cannot_be_read_promise_nothing(body: dict[str, Any]) -> None:
    """Some of them may have asked for a retry. What is sent twice is stored once; what is not, is lost."""
    assert said("m1", **body) == Retry("not_a_collector", stranger="HTTP 200")


def test_ids_of_others_count_for_nothing() -> None:
    """An answer about events that were not asked about changes no book."""
    strange = {f"x{n}": "retry" for n in range(5000)}
    refused = [{"messageId": f"y{n}", "code": "no"} for n in range(5000)]
    assert said("m1", result="ok", results=strange, rejected=refused) == Acked(results=Counter(ok=1))


def test_codes_cannot_fill_the_books_or_the_log() -> None:
    """A code is a short word, and there are some twenty of them; what a hostile server makes up shares one name."""
    ids = [f"m{n}" for n in range(200)]
    refused = [{"messageId": name, "code": f"code_{name}"} for name in ids]
    found = said(*ids, rejected=refused)
    assert isinstance(found, Acked)
    assert len(found.rejected) == MAX_CODES + 1
    assert found.rejected.total() == 200
    for code in ("a\nb", "x" * 65, "ein Fehler", "\u202e"):
        assert said("m1", rejected=[{"messageId": "m1", "code": code}]) == Acked(Counter(other=1))
    books = Books()
    for number in range(1000):
        books.reject(f"code_{number}", 1)
    assert len(books.rejected) == 101
    assert books.rejected.total() == 1000


def test_an_answer_nested_beyond_reason_is_no_answer() -> None:
    """Depth is not taken for a promise, and does not end the sender."""
    body = b'{"success":true,"x":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"
    assert verdict(Answer(200, body), events("m1"), 0.0) == Retry("not_a_collector", stranger="HTTP 200")


def test_an_encoding_that_is_not_read_is_another_attempt_in_another_encoding() -> None:
    """By status 415 or by code; but what was sent plain is refused as anything else is."""
    for status, body in ((415, b""), (400, b'{"code":"unknown_encoding"}'), (400, b'{"code":"bad_encoding"}')):
        assert verdict(Answer(status, body), events("m1"), 0.0, "zstd") == Recode("zstd")
        assert isinstance(verdict(Answer(status, body), events("m1"), 0.0), Rejected)


def test_flush_waits_for_what_is_sent_again() -> None:
    """What left ahead of an earlier event does not make up for it: the first of three is still to come."""
    books = Books()
    box = Outbox(Options(write_key="k"), books, wake=lambda: None, dice=lambda: 0.0)
    box.add(events("m1")[0])
    target = box.request_flush()
    for event in events("m2", "m3"):
        box.add(event)
    box.settle(box.take(0.0), Acked(retry=(0,)), 0.0)
    assert (books.acked, box.pending, box.settled < target) == (2, 1, True)
    again = box.take(0.0)
    assert again.events == events("m1")
    box.settle(again, Acked(), 0.0)
    assert (box.pending, box.pending_bytes, box.settled) == (0, 0, 3)


def test_the_books_show_what_the_collector_said(make_tracker: Callable[..., Tracker]) -> None:
    """Of five events one is sent again, alone, with its id, and everything is accounted for."""
    results = {"m2": "flagged", "m3": "retry", "m4": "quarantined", "m5": "rejected"}
    refused = [{"index": 4, "messageId": "m5", "code": "event_too_large"}]
    first = {"success": True, "result": "ok", "results": results, "rejected": refused}
    second = {"success": True, "result": "duplicate", "results": {}, "rejected": []}
    transport = RecordingTransport([Answer(200, json.dumps(body).encode()) for body in (first, second)])
    tracker = make_tracker(transport=transport, backoff_base_s=0.001)
    for number in range(1, 6):
        tracker.track("Paid", user_id="ana", message_id=f"m{number}")
    assert tracker.flush()
    assert [[event["messageId"] for event in batch["batch"]] for batch in transport.batches] == [
        ["m1", "m2", "m3", "m4", "m5"],
        ["m3"],
    ]
    stats = tracker.stats()
    assert (stats.enqueued, stats.acked, stats.rejected, stats.pending, stats.balanced) == (5, 4, 1, 0, True)
    assert dict(stats.acked_by_result) == {"ok": 1, "flagged": 1, "quarantined": 1, "duplicate": 1}
    assert dict(stats.rejected_by_reason) == {"event_too_large": 1}


_IDS = st.sampled_from([f"m{n}" for n in range(6)])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_BODIES = st.fixed_dictionaries(
    {},
    optional={
        "success": st.booleans() | _JSON,
        "code": st.sampled_from(["batch_too_large", "unknown_encoding", "no"]) | _JSON,
        "result": st.sampled_from(WORDS) | _JSON,
        "results": st.dictionaries(_IDS | st.text(max_size=3), st.sampled_from(WORDS) | st.text(max_size=3)) | _JSON,
        "rejected": st.lists(st.fixed_dictionaries({"messageId": _IDS, "code": st.text(max_size=4)})) | _JSON,
    },
)
_ANSWERS = st.builds(
    Answer,
    st.sampled_from([200, 200, 200, 200, 202, 302, 400, 401, 408, 413, 415, 429, 500, 501, 503]),
    st.one_of(_BODIES.map(lambda body: json.dumps(body).encode()), st.binary(max_size=30)),
    st.sampled_from([None, "3", "-1", "1e9", "nan", "inf", "soon", "Tue, 19 May 2026 12:00:10 GMT"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_IDS, min_size=1, max_size=8), _ANSWERS, st.sampled_from(["", "gzip", "zstd"]))
def test_every_event_of_a_batch_ends_once_or_is_sent_again(ids: list[str], answer: Answer, encoding: str) -> None:
    """Whatever is answered: a verdict, and within a 200 each event in one place."""
    found = verdict(answer, events(*ids), 0.0, encoding)
    assert isinstance(found, Acked | Rejected | Split | Retry | Recode)
    if isinstance(found, Acked):
        assert answer.status == 200
        assert list(found.retry) == sorted(set(found.retry))
        assert set(found.retry) <= set(range(len(ids)))
        assert found.rejected.total() + found.results.total() + len(found.retry) <= len(ids)
        assert "retry" not in found.results
    if isinstance(found, Acked | Retry):
        assert found.wait_s is None or 0 <= found.wait_s <= 300
    if isinstance(found, Split):
        assert len(ids) > 1
    if isinstance(found, Recode):
        assert found.encoding == encoding != ""


class AnswersAndOutbox(RuleBasedStateMachine):
    """
    A collector that stores some events of a batch, answers truly or lies in every way it can, and an outbox that
    believes the bytes it gets: each event ends once, what is sent again is what was asked for, in order.
    """

    @initialize(batch_events=st.integers(1, 6), queue=st.integers(3, 30), give_up=st.sampled_from([5.0, 1e5]))
    def start(self, batch_events: int, queue: int, give_up: float) -> None:
        options = Options(write_key="k", max_batch_events=batch_events, max_queue_events=queue, give_up_after_s=give_up)
        self.options = options
        self.books = Books()
        self.box = Outbox(options, self.books, wake=lambda: None)
        self.now = 0.0
        self.tracked: list[str] = []
        self.left: set[str] = set()
        self.out: Batch | None = None
        self.again: list[str] = []
        self.flushes: list[tuple[int, list[str]]] = []

    @rule()
    def track(self) -> None:
        self.books.enqueued += 1
        name = f"m{len(self.tracked)}"
        event = json.dumps({"messageId": name, "n": len(self.tracked)}).encode()
        if self.box.add(event):
            self.tracked.append(name)
        else:
            self.books.dropped[Dropped.QUEUE_FULL] += 1

    @rule()
    def flush(self) -> None:
        self.flushes.append((self.box.request_flush(), [name for name in self.tracked if name not in self.left]))

    @precondition(lambda self: self.out is None)
    @rule()
    def take(self) -> None:
        due_in = self.box.due_in(self.now)
        if due_in is None:
            return
        self.now += due_in
        self.out = self.box.take(self.now)
        names = self.names(self.out)
        assert names == [name for name in self.tracked if name not in self.left][: len(names)]
        if self.again:
            assert names == self.again

    @precondition(lambda self: self.out is not None)
    @rule(data=st.data(), default=st.sampled_from(["ok", "flagged", "retry", ""]), lies=st.booleans())
    def results(self, data: st.DataObject, default: str, lies: bool) -> None:
        assert self.out is not None
        names = self.names(self.out)
        words = data.draw(st.dictionaries(st.sampled_from(names), st.sampled_from([*WORDS, "retry", "retry"])))
        others = {"x1": "retry", "m999": "rejected"} if lies else {}
        body = {"success": True, "result": default, "results": words | others}
        self.settle(Answer(200, json.dumps(body).encode()))
        ends = {name: words.get(name, default) for name in names}
        wanted = [name for name in names if ends[name] == "retry"]
        self.left |= set(names) - set(wanted)
        self.again = wanted
        if len(wanted) and self.gave_up_now:
            self.left |= set(wanted)
            self.again = []

    @precondition(lambda self: self.out is not None)
    @rule(answer=_ANSWERS.filter(lambda answer: answer.status != 200), encoding=st.sampled_from(["", "zstd"]))
    def anything_else(self, answer: Answer, encoding: str) -> None:
        assert self.out is not None
        names = self.names(self.out)
        found = self.settle(answer, encoding)
        if isinstance(found, Rejected) or (isinstance(found, Retry) and self.gave_up_now):
            self.left |= set(names)
            self.again = []
        elif isinstance(found, Split):
            self.again = names[: len(names) // 2]
        else:
            self.again = names

    @rule()
    def abandon(self) -> None:
        self.box.abandon(Dropped.NOT_SENT_IN_TIME)
        self.out = None
        self.again = []
        self.left = set(self.tracked)

    def settle(self, answer: Answer, encoding: str = "") -> Verdict:
        assert self.out is not None
        found = verdict(answer, self.out.events, 0.0, encoding)
        gave_up = self.books.dropped[Dropped.GAVE_UP]
        self.box.settle(self.out, found, self.now)
        self.gave_up_now = self.books.dropped[Dropped.GAVE_UP] > gave_up
        self.out = None
        return found

    @staticmethod
    def names(batch: Batch) -> list[str]:
        return [json.loads(event)["messageId"] for event in batch.events]

    @invariant()
    def the_books_balance(self) -> None:
        if hasattr(self, "box"):
            stats = self.books.stats(self.box.pending)
            assert stats.balanced
            assert sum(stats.acked_by_result.values()) <= stats.acked
            assert self.box.pending == len(self.tracked) - len(self.left)
            sizes = [len(json.dumps({"messageId": name, "n": int(name[1:])})) for name in self.tracked]
            assert self.box.pending_bytes == sum(
                size for name, size in zip(self.tracked, sizes, strict=True) if name not in self.left
            )

    @invariant()
    def a_flush_that_is_through_has_sent_all_that_was_there(self) -> None:
        if hasattr(self, "box"):
            for target, names in self.flushes:
                # It may wait for what was in one batch with them, and no longer.
                assert self.box.settled < target or set(names) <= self.left
                assert self.box.settled >= target or self.box.pending


TestAnswersAndOutbox = AnswersAndOutbox.TestCase
TestAnswersAndOutbox.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
