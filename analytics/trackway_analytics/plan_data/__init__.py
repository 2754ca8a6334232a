"""
What the stored events say about the plan: evidence for a change, volumes, a first draft, drift, personal data.

    warehouse ── .sql ─▶ stored      what was sent, as far as storage tells
                           ├▶ evidence           would a proposed plan refuse it?
                           └▶ profile ─▶ infer   a draft of a plan
                                     └▶ drift    what departs and what changed, and what to write
              ── .sql ─▶ census      who still sends what

A window is always of `received_at`, the collector's clock: the plan is about what clients out there send now, and a
client's own clock may say anything. The verbs are loaded by name from `trackway_plan.cli.COMMANDS`.
"""
