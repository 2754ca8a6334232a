"""
The `trackway` command: one name, with subcommands loaded from whichever package has them, when they are used.

The bare `pip install trackway` is the SDK alone, so each subcommand knows which extra brings what it needs, and says
so instead of failing with an ImportError.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from trackway._version import __version__

if TYPE_CHECKING:
    import click

# name → (where the click command lives, the extra that brings what it imports)
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("trackway_collector.cli:up", "all"),
    "demo": ("trackway_analytics.demo.cli:demo", "all"),
    "tail": ("trackway_collector.cli:tail", "collector"),
    "try": ("trackway_analytics.cli:try_file", "all"),
    "plan": ("trackway_plan.cli:plan", "plan"),
    "quarantine": ("trackway_collector.quarantine.command:quarantine", "collector"),
    "collector": ("trackway_collector.cli:collector", "collector"),
    "import": ("trackway_collector.imports.command:import_files", "collector"),
    "warehouse": ("trackway_collector.cli:warehouse", "collector"),
    "query": ("trackway_analytics.cli:query", "analytics"),
    "doctor": ("trackway._doctor.command:doctor", "cli"),
}

# Long enough for every summary whole: click wraps it, and a summary cut at its own 45 says too little.
SUMMARY_LIMIT = 100


def main() -> None:
    """Run the `trackway` command line; exits 2 with the missing extra when click is not installed."""
    try:
        import click  # noqa: F401
    except ImportError:
        sys.exit(_missing("cli", "click"))
    _group()(prog_name="trackway")


def _group() -> click.Group:
    import click

    class LazyGroup(click.Group):
        """A group that imports a subcommand's package only when the subcommand is named."""

        def list_commands(self, ctx: click.Context) -> list[str]:
            return list(COMMANDS)

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            if cmd_name not in COMMANDS:
                return None
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            try:
                command: Any = getattr(importlib.import_module(module), attribute)
            except ModuleNotFoundError as error:
                raise _unless_ours(error, cmd_name) from error
            assert isinstance(command, click.Command)  # noqa: S101
            return command

        def invoke(self, ctx: click.Context) -> Any:
            try:
                return super().invoke(ctx)
            except ModuleNotFoundError as error:  # what a command imports when it runs, not when it is named
                raise _unless_ours(error, ctx.invoked_subcommand or "") from error

        def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            # The help page must work with any subset of the extras, so it imports what it can.
            rows = []
            for name, (_, extra) in COMMANDS.items():
                try:
                    command = self.get_command(ctx, name)
                    summary = command.get_short_help_str(SUMMARY_LIMIT) if command else ""
                except click.UsageError:
                    summary = f"(needs: pip install 'trackway[{extra}]')"
                rows.append((name, summary))
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    group = LazyGroup(help="Event tracking that a team owns end to end.", no_args_is_help=True)
    return click.version_option(__version__, message="trackway %(version)s")(group)


def _unless_ours(error: ModuleNotFoundError, command: str) -> Exception:
    """Return what to raise: the missing extra, or the error itself where a package of Trackway's own is missing."""
    import click

    if error.name is None or command not in COMMANDS or error.name.partition(".")[0].startswith("trackway"):
        return error
    return click.UsageError(_missing(COMMANDS[command][1], error.name, command=command))


def _missing(extra: str, module: str, command: str | None = None) -> str:
    what = f"`trackway {command}`" if command else "The `trackway` command"
    return f"{what} needs `{module}`, which is not installed.\n  Write: pip install 'trackway[{extra}]'"


if __name__ == "__main__":
    main()
