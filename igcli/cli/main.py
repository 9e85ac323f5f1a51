"""The command `igcli`: finds the subcommand, and turns what goes wrong into one line and a code."""

import importlib
import importlib.metadata
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import NoReturn, TextIO

import click
from click.exceptions import NoArgsIsHelpError
from click.shell_completion import shell_complete

from igcli.cli.terminal import open_terminal, say, tell, tell_traceback
from igcli.config.problems import ConfigError
from igcli.errors import IgcliError, UsageError

COMPLETION = "_IGCLI_COMPLETE"
"""Set by shells that ask how a line may go on, as Click has it."""

INTERRUPTED, CLOSED_OUTPUT, TERMINATED = 130, 141, 143
SIGNALS = 128
"""Codes above it say that something stopped the run."""

COMMANDS = {
    "attribute": (
        "igcli.cli.attribute.command:attribute",
        "Panels, and on request GIFs and arrays, for every image.",
    ),
    "gif": ("igcli.cli.attribute.command:gif", "GIFs of the interior gradients for every image."),
    "models": ("igcli.cli.models:models", "List, describe, fetch or check networks."),
    "config": ("igcli.cli.config:config", "Write, show or check a YAML file of settings."),
    "gallery": ("igcli.cli.gallery:gallery", "A page to look at a run."),
    "compare": ("igcli.cli.compare:compare", "How far two runs' attributions agree."),
    "status": ("igcli.cli.status:status", "What is done, failed and missing, per shard."),
    "merge": ("igcli.cli.merge:merge", "One set of records out of the shards'."),
}
"""Where each subcommand is, and its line of help: neither is imported for `igcli --help`."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what a Ctrl-C cleans up is cleaned up."""


class LazyGroup(click.Group):
    """Imports a subcommand when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        named = (("igcli", "igcli"), ("TensorFlow", "tensorflow"), ("Keras", "keras"))
        click.echo(", ".join(f"{name} {_installed(package)}" for name, package in named))
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the versions of igcli, TensorFlow and Keras, and exit.",
)
def igcli() -> None:
    """Show what an image classifier's prediction rests on."""


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.stdout is None:
        return CLOSED_OUTPUT
    _prepare()
    try:
        code = _run()
        sys.stdout.flush()
    except KeyboardInterrupt as stop:
        code = TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
    except BrokenPipeError:
        code = CLOSED_OUTPUT
    except OSError as error:
        say(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
        tell_traceback(error)
        code = IgcliError.exit_code
    finally:
        _settle(sys.stdout)
        _settle(sys.stderr)
    if code > SIGNALS and threading.active_count() > 1:
        os._exit(code)  # Python would wait for the batch under way.
    return code


def _prepare() -> None:
    if sys.stderr is None:
        # Otherwise the next file that is opened would become standard error.
        os.dup2(os.open(os.devnull, os.O_RDWR), 2)
        sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115
    open_terminal()
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # As a shell's "&" has it.
        signal.signal(signal.SIGINT, _interrupt)
    sys.excepthook = _tell_bug


def _run() -> int:
    try:
        if instruction := os.environ.get(COMPLETION):
            return _complete(instruction)
        with igcli.make_context("igcli", sys.argv[1:]) as context:
            igcli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except SystemExit as stop:
        return int(stop.code or 0)
    except NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        called = getattr(error, "ctx", None)
        hint = f" (see {called.command_path} -h)" if called else ""
        say(f"{error.format_message().removesuffix('.')}{hint}")
        return error.exit_code
    except ConfigError as error:
        for line in error.lines:
            if line.startswith("--"):
                say(line)  # Of an option; others begin with a file and a place in it.
            else:
                tell(line)
        return error.exit_code
    except IgcliError as error:
        say(str(error))
        tell_traceback(error)
        return error.exit_code
    return 0


def _complete(instruction: str) -> int:
    """Answer a shell; `click.Command.main` would do it, which is not called here.

    Raises:
        UsageError: No shell asks like this.
    """
    try:
        code = shell_complete(igcli, {}, "igcli", COMPLETION, instruction)
    except (KeyError, ValueError):  # What shells set beside it is not there.
        code = 1
    if code:
        raise UsageError(
            f"{COMPLETION}={instruction}: expected bash_source, zsh_source, fish_source"
        )
    return code


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    _let_clean_up()
    raise Terminated


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    _let_clean_up()
    raise KeyboardInterrupt


def _let_clean_up() -> None:
    # `timeout` sends SIGTERM twice, and the second must not stop the cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, _leave)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """Leave at once, whatever is still being cleaned up."""
    os._exit(INTERRUPTED)


def _tell_bug(
    kind: type[BaseException], error: BaseException, _place: TracebackType | None
) -> None:
    text = "".join(str(error).splitlines()[:1])
    say(f"internal error, a bug in igcli: {kind.__name__}: {text} (-v shows where)")
    tell_traceback(error)


def _settle(stream: TextIO) -> None:
    """Flush a stream; where nobody reads it, keep Python from complaining at its end."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
