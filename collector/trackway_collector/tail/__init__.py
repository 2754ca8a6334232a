"""`trackway tail`: see events arrive with their verdicts, and what to paste into the plan where a name is not in it."""
