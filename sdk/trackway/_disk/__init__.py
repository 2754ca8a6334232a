"""
The disk queue: events that wait where a killed process cannot take them along.

A queue's directory holds one directory per destination (host and write key, hashed), and in it the logs of all
processes that send there, each under a name of its own:

    <log>.lock                whose it is: locked by the kernel for as long as the owner lives
    <log>.00000001.events     a segment: a header, then one record per event, appended by one write each
    <log>.00000001.done       which of its records need not be sent any longer, as ranges

Who holds the lock owns the log. A dead process's lock is free, and who takes it *adopts* the log: reads it where it
lies, to its end, and deletes it. Nothing is renamed or copied, and an adopter that is killed leaves it to the next. A
forked child closes the descriptors it inherited and begins a log of its own.

A record is with the kernel when `append` returns, and synced to the disk within a second by a thread that exists only
while there is something to do. `layout` has the bytes, `locks` the lock, `place` the directory, `ages` the time,
`segment` and `reader` the files, and `queue` puts them together.
"""

from trackway._disk.queue import Chunk, DiskQueue, QueueFull

__all__ = ["Chunk", "DiskQueue", "QueueFull"]
