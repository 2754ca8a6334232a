"""The spool against a simple model: whatever was acknowledged before a crash is read back after it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackway_collector.spool import Checkpoint, Record, SpoolReader, SpoolWriter, load_checkpoint, save_checkpoint
from trackway_collector.spool.layout import segment_path
from trackway_collector.spool.record import encode_record

ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.binary(max_size=300), min_size=1, max_size=4)),
        st.tuples(st.just("crash"), st.binary(max_size=90)),
        st.tuples(st.just("load"), st.integers(1, 6)),
    ),
    max_size=14,
)


class Model:
    """A spool, what it has acknowledged, and what a loader has read so far."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.acknowledged: list[bytes] = []
        self.loaded: list[bytes] = []

    async def play(self, actions: list[tuple[str, object]]) -> None:
        """Play the actions; then load to the end."""
        writer = self._writer()
        for name, argument in actions:
            if name == "append":
                await self._append(writer, argument)  # type: ignore[arg-type]
            elif name == "load":
                self._load(argument)  # type: ignore[arg-type]
            else:
                await writer.close()
                self._tear(writer, argument)  # type: ignore[arg-type]
                writer = self._writer()
        await writer.close()
        while self._load(1_000):
            pass

    def _writer(self) -> SpoolWriter:
        writer = SpoolWriter(self.directory, segment_bytes=500)
        writer.start()
        return writer

    async def _append(self, writer: SpoolWriter, bodies: list[bytes]) -> None:
        meta = encode_record(Record("web", 1, 1, "ok"))
        await asyncio.gather(*(writer.append(meta, body, 1) for body in bodies))
        self.acknowledged += bodies

    def _tear(self, writer: SpoolWriter, garbage: bytes) -> None:
        # A crash may leave any bytes behind the last fsync: the beginning of a block, or whatever the disk held.
        if writer._segment:
            with segment_path(self.directory, writer._segment).open("ab") as file:
                file.write(b"TWBK" + garbage if len(garbage) % 2 else garbage)

    def _load(self, max_events: int) -> bool:
        at = load_checkpoint(self.directory)
        chunk = SpoolReader(self.directory).read(at.segment, at.byte, max_events=max_events)
        if chunk is None:
            return False
        self.loaded += [body for block in chunk.blocks for _, body in block.records()]
        save_checkpoint(self.directory, Checkpoint(chunk.segment, chunk.to_byte))
        return True


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTIONS)
def test_acknowledged_is_loaded_once_and_in_order(actions: list[tuple[str, object]]) -> None:
    """Over any sequence of appends, crashes with torn tails, and partial loads: loaded = acknowledged, in order."""
    with tempfile.TemporaryDirectory() as tmp:
        model = Model(Path(tmp) / "w0")

        asyncio.run(model.play(actions))

        assert model.acknowledged == model.loaded
