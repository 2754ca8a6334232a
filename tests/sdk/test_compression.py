"""How batches are compressed, and what happens where a collector cannot read that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.sdk.loopback import Loopback, Scripted, refusal
from trackway import ConfigurationError, Options, Tracker
from trackway._delivery.compression import compress, decompress
from trackway.testing import RecordingTransport

MakeTracker = Callable[..., Tracker]
NOTE = "x" * 2000
UNKNOWN = refusal(400, "unknown_encoding")


@pytest.mark.parametrize(("compression", "header"), [("gzip", "gzip"), ("zstd", "zstd"), ("none", None)])
def test_a_large_batch_is_compressed_as_asked_for(
    make_tracker: MakeTracker, compression: str, header: str | None
) -> None:
    """gzip by default; what arrives is what was tracked, and a small batch is not worth it."""
    with Loopback() as collector:
        tracker = make_tracker(host=collector.url, compression=compression, gzip_over_bytes=1000)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
        tracker.track("Paid", {"note": NOTE}, user_id="ana")
        assert tracker.flush()
    small, large = collector.seen
    assert small.headers.get("Content-Encoding") is None
    assert large.headers.get("Content-Encoding") == header
    assert large.batch["batch"][0]["properties"]["note"] == NOTE
    assert (int(large.headers["Content-Length"]) < 1000) == (header is not None)


@pytest.mark.parametrize("trouble", [UNKNOWN, refusal(400, "bad_encoding"), Scripted(415, b"<html>")])
def test_a_collector_that_cannot_read_zstd_gets_gzip_for_good(make_tracker: MakeTracker, trouble: Scripted) -> None:
    """Nothing is lost and nothing waits: the same events again at once, and the later ones right away."""
    with Loopback(trouble) as collector:
        tracker = make_tracker(host=collector.url, compression="zstd", gzip_over_bytes=0, backoff_base_s=60)
        first = tracker.track("Paid", user_id="ana")
        assert tracker.flush()
        second = tracker.track("Paid", user_id="ben")
        assert tracker.flush()
    assert [(seen.headers["Content-Encoding"], seen.ids) for seen in collector.seen] == [
        ("zstd", [first]),
        ("gzip", [first]),
        ("gzip", [second]),
    ]
    assert all("X-Retry-Count" not in seen.headers for seen in collector.seen)
    stats = tracker.stats()
    assert (stats.acked, stats.requests, stats.retries, stats.balanced) == (2, 3, 0, True)


def test_a_collector_that_reads_no_encoding_gets_plain_json(
    make_tracker: MakeTracker, caplog: pytest.LogCaptureFixture
) -> None:
    """From zstd over gzip to none, each said once; what is refused even then is refused for good."""
    with Loopback(UNKNOWN, UNKNOWN, Scripted(), UNKNOWN) as collector:
        tracker = make_tracker(host=collector.url, compression="zstd", gzip_over_bytes=0)
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
        tracker.track("Paid", user_id="ben")
        assert tracker.flush()
    assert [seen.headers.get("Content-Encoding") for seen in collector.seen] == ["zstd", "gzip", None, None]
    assert [event["userId"] for event in collector.stored] == ["ana"]
    assert dict(tracker.stats().rejected_by_reason) == {"unknown_encoding": 1}
    assert [record.message for record in caplog.records if "cannot read" in record.message] == [
        "The collector cannot read zstd; gzip is sent from now on.",
        "The collector cannot read gzip; plain JSON is sent from now on.",
    ]


def test_compression_can_be_chosen_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every setting can."""
    monkeypatch.setenv("TRACKWAY_COMPRESSION", "zstd")
    transport = RecordingTransport()
    with Tracker("shop-key", transport=transport, gzip_over_bytes=0) as tracker:
        tracker.track("Paid", user_id="ana")
        assert tracker.flush()
    assert transport.requests[0].headers["Content-Encoding"] == "zstd"
    assert [event["userId"] for event in transport.events] == ["ana"]


def test_zstd_that_is_not_there_raises_at_once_and_says_what_to_install() -> None:
    """Before a single event is tracked, with what was looked for and where the setting came from."""
    program = """
import os, sys
sys.modules["compression.zstd"] = sys.modules["backports.zstd"] = None
from trackway import ConfigurationError, Tracker
for settings in ({"compression": "zstd"}, {}):
    os.environ["TRACKWAY_COMPRESSION"] = "zstd"
    try:
        Tracker("shop-key", **settings)
    except ConfigurationError as error:
        print(error)
Tracker("shop-key", compression="gzip").close()
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.count("looked for the module compression.zstd") == 2
    assert said.count("pip install 'trackway[zstd]'") == 2
    assert "It came from the argument `compression`." in said
    assert "It came from the environment variable TRACKWAY_COMPRESSION." in said


def test_zstd_is_not_imported_unless_it_is_asked_for() -> None:
    """A program that sends gzip pays nothing for what it does not use."""
    program = "import sys, trackway; trackway.Tracker('k').close(); print([m for m in sys.modules if 'zstd' in m])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("value", ["br", "", "GZIP", 7])
def test_a_compression_that_is_not_known_raises(value: object) -> None:
    """The message names those that are."""
    with pytest.raises(ConfigurationError, match="known ways: gzip, zstd, none"):
        Options(write_key="k", compression=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_what_is_compressed_can_be_read_again(encoding: str) -> None:
    """Both ways are lossless, for nothing and for much."""
    for body in (b"", b"{}", NOTE.encode() * 1000):
        assert decompress(compress(body, encoding), encoding) == body
