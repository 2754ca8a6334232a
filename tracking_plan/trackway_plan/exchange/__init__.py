"""
Plans from and to what other tools write: Segment, RudderStack, JSON Schema, Iglu and CSV.

    files ─ readers of a format ─▶ Plan + losses ─ write_yaml ─▶ plan directory
    plan directory ─ load ─▶ Plan ─ writers of a format ─▶ files + losses

What a format cannot say is never dropped in silence: every such thing is a `Loss`, with its place and the reason.
An import is never stricter than its source: what the plan language cannot state exactly becomes looser, and is told.
"""
