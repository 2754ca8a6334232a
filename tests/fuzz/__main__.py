"""
Search for bytes that break the decoder: `make fuzz`, or `python -m tests.fuzz --seconds 60`.

With atheris, which sees which branches an input takes, and without it by chance alone. What breaks is written to
`--found` and printed; put it into tests/data/fuzz_corpus when it is mended, where every test run tries it again.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "data" / "fuzz_corpus"

PIECES = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\ud800", b"NaN", b"Infinity", b"-", b"1e999",
    b"0.", b"null", b"true", b"\xff", b"\0", b'"batch":', b'"type":', b'"track"', b'"event":', b'"signed_up"',
    b'"messageId":', b'"userId":', b'"anonymousId":', b'"timestamp":', b'"properties":', b'"traits":',
    b'"context":', b'"sentAt":', b'"writeKey":', b'"integrations":', b'"seats":', b'"price":', b'"plan":',
    b'"code":', b'"email":', b'"2026-05-01T10:00:00Z"', b'"protocols":', b'"rev":', b'"library":', b'"page":',
    b'"campaign":', b"9" * 40, b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd",
)  # fmt: skip


def by_chance(seconds: float, found: Path, examine: Callable[[bytes], None], seed: int) -> int:
    """Change, cut and join inputs of the corpus at random for that long; return how many were tried."""
    chance = random.Random(seed)
    corpus = [path.read_bytes() for path in sorted(CORPUS.iterdir())]
    tried, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = changed(chance, corpus)
        try:
            examine(data)
        except Exception:
            found.mkdir(parents=True, exist_ok=True)
            path = found / f"found-{tried}"
            path.write_bytes(data)
            print(f"{path} breaks it", file=sys.stderr)
            raise
        tried += 1
    return tried


def changed(chance: random.Random, corpus: list[bytes]) -> bytes:
    """Return an input that grew out of one or two of the corpus."""
    data = bytearray(chance.choice(corpus)[:20_000])
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(data))
        to = at + chance.choice((0, 0, 1, 1, 2, chance.randint(0, 40)))
        other = chance.choice(corpus)
        start = chance.randint(0, len(other))
        data[at:to] = chance.choice(
            (chance.choice(PIECES), chance.choice(PIECES) * chance.randint(1, 30), chance.randbytes(2),
             other[start : start + chance.randint(0, 200)], bytes(data[at:to]) * 2)
        )  # fmt: skip
    return bytes(data)


def by_coverage(seconds: float, found: Path) -> None:
    """Run atheris; it ends the process when the time is over, or when it has found something."""
    import atheris

    with atheris.instrument_imports(include=["trackway_collector", "trackway_plan"]):
        from tests.fuzz.target import examine
    found.mkdir(parents=True, exist_ok=True)
    scratch = found / "corpus"
    scratch.mkdir(exist_ok=True)
    options = [f"-max_total_time={seconds:.0f}", "-max_len=20000", "-timeout=10", "-rss_limit_mb=2000"]
    options += ["-len_control=0", "-reload=0", f"-artifact_prefix={found}/found-", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(scratch), str(CORPUS)], examine)
    atheris.Fuzz()


def main() -> None:
    """Search for as long as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--found", type=Path, default=Path(".fuzz"), help="where broken inputs and its own corpus go")
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="of the search by chance")
    parser.add_argument("--by-chance", action="store_true", help="do not use atheris")
    given = parser.parse_args()
    try:
        import atheris  # noqa: F401
    except ImportError:
        given.by_chance = True
    if not given.by_chance:
        by_coverage(given.seconds, given.found)
        return
    from tests.fuzz.target import examine

    tried = by_chance(given.seconds, given.found, examine, given.seed)
    print(f"{tried:,} inputs by chance in {given.seconds:.0f} s (seed {given.seed}): nothing found")


if __name__ == "__main__":
    main()
