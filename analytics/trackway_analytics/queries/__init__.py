"""
From a question to rows: question → SQL and bound parameters → warehouse → answer.

Read in this order: `fields` (columns and properties), `where` (the small filter language), `fragments` (the
few pieces of SQL that vary), `timelines` (each unit's events in order), then one module and `.sql` file per
question.
"""
