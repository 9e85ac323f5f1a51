"""The command `igcli`: finds the subcommand, and turns errors into one line and an exit code."""

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

from igcli.cli.terminal import open_terminal, print_line, print_traceback, say
from igcli.config.problems import ConfigError
from igcli.errors import IgcliError, UsageError
from igcli.registry import suggestion

COMPLETION = "_IGCLI_COMPLETE"
"""Environment variable by which shells request completions from Click."""

INTERRUPTED, CLOSED_OUTPUT, TERMINATED = 130, 141, 143
RESEND_SECONDS = 0.05
SIGNAL_CODES = 128
"""Exit codes above it mean that a signal stopped the run."""

COMMANDS = {
    "attribute": (
        "igcli.cli.attribute.command:attribute",
        "Write panels, and on request GIFs and arrays, of images.",
    ),
    "gif": ("igcli.cli.attribute.command:gif", "Write GIFs of the interior gradients of images."),
    "models": ("igcli.cli.models:models", "List, describe, fetch or check networks."),
    "config": ("igcli.cli.config:config", "Write, show or check a YAML file of settings."),
    "gallery": ("igcli.cli.gallery:gallery", "Write an HTML page to browse a run."),
    "compare": ("igcli.cli.compare:compare", "Compare the attributions of two runs."),
    "sanity": ("igcli.cli.sanity:sanity", "Test attributions with the weights randomized."),
    "evaluate": (
        "igcli.cli.evaluate:evaluate",
        "Measure how faithful attributions are, beside controls.",
    ),
    "status": ("igcli.cli.status:status", "Show what is done, failed and missing, by shard."),
    "merge": ("igcli.cli.merge:merge", "Merge the records of shards into one set."),
}
"""Module, function and help of each subcommand, so that `igcli --help` imports none of them."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, after which the same is cleaned up as after Ctrl-C."""


class LazyGroup(click.Group):
    """Imports a subcommand only when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a subcommand; where there is none of this name, name the nearest one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}{suggestion(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        packages = (("igcli", "igcli"), ("TensorFlow", "tensorflow"), ("Keras", "keras"))
        click.echo(", ".join(f"{name} {_installed(package)}" for name, package in packages))
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
        print_traceback(error)
        code = IgcliError.exit_code
    finally:
        _flush(sys.stdout)
        _flush(sys.stderr)
    if code > SIGNAL_CODES and threading.active_count() > 1:
        os._exit(code)  # Python would wait for the running batch.
    return code


def _prepare() -> None:
    if sys.stderr is None:
        # Otherwise the next opened file would become standard error.
        os.dup2(os.open(os.devnull, os.O_RDWR), 2)
        sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115
    open_terminal()
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # A shell's "&" ignores it.
        signal.signal(signal.SIGINT, _interrupt)
    sys.excepthook = _report_bug
    sys.unraisablehook = _send_ignored_signal_again


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
        command = getattr(error, "ctx", None)
        hint = f" (see {command.command_path} -h)" if command else ""
        say(f"{_usage_message(error)}{hint}")
        return error.exit_code
    except ConfigError as error:
        for line in error.lines:
            if line.startswith("--"):
                say(line)
            else:
                print_line(line)  # Starts with a file, line and column.
        if error.__cause__ is not None:
            print_traceback(error.__cause__)
        return error.exit_code
    except IgcliError as error:
        say(str(error))
        print_traceback(error)
        return error.exit_code
    return 0


def _usage_message(error: click.ClickException) -> str:
    """Return what Click says of a mistake, about the value of an option as of that of a setting."""
    if type(error) is click.BadParameter and isinstance(error.param, click.Option):
        return f"{error.param.opts[-1]}: {error.message}"
    return error.format_message().removesuffix(".")


def _complete(instruction: str) -> int:
    """Print completions for a shell, as `click.Command.main` does, which is not called here.

    Raises:
        UsageError: The instruction is not one of Click's.
    """
    try:
        code = shell_complete(igcli, {}, "igcli", COMPLETION, instruction)
    except (KeyError, ValueError):  # The shell's other variables are missing.
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
    _ignore_further_sigterm()
    raise Terminated


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    _ignore_further_sigterm()
    raise KeyboardInterrupt


def _send_ignored_signal_again(unraisable: "sys.UnraisableHookArgs") -> None:
    """Send a signal again whose exception was raised where Python ignores exceptions.

    Handlers run between any two instructions, also in the callback of a weak reference.
    """
    error = unraisable.exc_value
    if not isinstance(error, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    is_sigterm = isinstance(error, Terminated)
    number = signal.SIGTERM if is_sigterm else signal.SIGINT
    signal.signal(number, _terminate if is_sigterm else _interrupt)
    again = threading.Timer(RESEND_SECONDS, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _ignore_further_sigterm() -> None:
    # `timeout` sends SIGTERM twice, and the second must not interrupt the cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, _exit_at_once)


def _exit_at_once(_number: int, _frame: FrameType | None) -> NoReturn:
    """Exit at once, even during cleaning up."""
    os._exit(INTERRUPTED)


def _report_bug(
    kind: type[BaseException], error: BaseException, _traceback: TracebackType | None
) -> None:
    text = "".join(str(error).splitlines()[:1])
    say(f"internal error, a bug in igcli: {kind.__name__}: {text} (rerun with -v for a traceback)")
    print_traceback(error)


def _flush(stream: TextIO) -> None:
    """Flush a stream; if nobody reads it, keep Python from complaining at exit."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
