"""
How events get to the collector: queued and batched (`outbox`), sent (`sender`, over a `transport`), and what the
answers mean (`answers`).
"""
