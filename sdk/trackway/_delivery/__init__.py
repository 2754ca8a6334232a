"""
How events get to the collector: queued and batched (`outbox`), closed in time (`core`), sent by a thread (`sender`),
by the caller (`direct`) or by a task in a loop (`task`), over a `transport`, and what the answers mean (`answers`).
`outbox`, `core` and `answers` are pure: no clock, lock or network.
"""
