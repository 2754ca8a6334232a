"""`trackway plan …`, one module a verb; `cli.plan` loads each when it is named."""
