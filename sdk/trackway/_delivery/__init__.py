"""
How events get to the collector: queued and batched (`outbox`), closed in time (`core`), sent (`sender`, over a
`transport`), and what the answers mean (`answers`). `outbox`, `core` and `answers` are pure: no clock, lock or network.
"""
