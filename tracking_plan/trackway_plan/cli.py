"""
`trackway plan …`: the tracking plan from the command line. Everything here works without a network.

Exit codes: 0 fine · 1 findings · 2 usage · 3 the plan cannot be loaded · 4 the warehouse cannot be reached.
"""

from __future__ import annotations

import importlib

import click

COMMANDS: dict[str, str] = {
    "init": "trackway_plan.commands.init:init",
    "fmt": "trackway_plan.commands.fmt:fmt",
    "validate": "trackway_plan.commands.validate:validate",
    "lint": "trackway_plan.commands.lint:lint",
    "diff": "trackway_plan.commands.diff:diff",
    "breaking": "trackway_plan.commands.breaking:breaking",
    "impact": "trackway_plan.commands.impact:impact",
    "accept": "trackway_plan.commands.accept:accept",
    "review": "trackway_plan.commands.review:review",
    "generate": "trackway_plan.commands.generate:generate",
    "coverage": "trackway_plan.commands.coverage:coverage",
    "release": "trackway_plan.commands.release:release",
    "infer": "trackway_analytics.plan_data.commands:infer",
    "drift": "trackway_analytics.plan_data.commands:drift",
    "ddl": "trackway_collector.warehouse.plan_ddl_command:ddl",
    "replay": "trackway_collector.replay.command:replay",
    "import": "trackway_plan.commands.import_:import_plan",
    "export": "trackway_plan.commands.export:export",
    "docs": "trackway_plan.commands.docs:docs",
}
"""
Verb → where its click command lives. Verbs that read data live with the data, in packages that this one must not
import; they are loaded by name when they are used.
"""


class _Verbs(click.Group):
    """A group that imports a verb's module only when the verb is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101
        return command


@click.group(cls=_Verbs)
def plan() -> None:
    """Check, review and release the tracking plan, and ask the data about it."""
