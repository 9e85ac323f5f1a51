"""The command itself: what it imports, exit codes, signals, closed streams, bugs."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from igcli.cli.main import COMMANDS, igcli
from igcli.printable import printable

HEAVY = {"numpy", "pydantic", "tensorflow", "keras", "yaml", "PIL", "tqdm"}
COMMAND = """
import logging, os, pathlib, sys, time
import click
from igcli.cli.terminal import verbosity
from igcli.config.problems import ConfigError
from igcli.errors import IgcliError, NoImagesError

@click.command()
@click.argument("what")
@click.argument("seconds", type=float, default=0.3)
@verbosity
def fake(what, seconds, quiet):
    log = logging.getLogger("igcli.somewhere")
    if what == "wait":
        try:
            print("ready", flush=True)
            time.sleep(60)
        finally:
            time.sleep(seconds)
            print("cleaned up")
    if what == "bug":
        raise ValueError("first\\x1b[31m\\nsecond")
    if what == "error":
        raise IgcliError("a\\nb \\x1b[31m \\udcff: try c")
    if what == "none":
        raise NoImagesError("nothing there")
    if what == "config":
        raise ConfigError(["f:1:2: a\\nb: wrong", "g: wrong too"])
    if what == "file":
        open("/nowhere/at/all")
    if what == "disk":
        raise OSError(28, "No space left on device")
    if what == "log":
        log.warning("warned\\n%s", quiet)
        log.info("informed")
    if what == "code":
        click.get_current_context().exit(3)
    if what == "exit":
        sys.exit(4)
    print("done")
"""
RUN = """
import signal, sys
from igcli.cli import main
from igcli.cli.main import COMMANDS
signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell's "&" ignores it.
COMMANDS["fake"] = ("fake:fake", "Only in tests.")
sys.argv = ["igcli", "fake", *sys.argv[1:]]
sys.exit(main())
"""
Start = Callable[..., "subprocess.Popen[str]"]


def run(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "igcli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    (tmp_path / "fake.py").write_text(COMMAND)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def start(*arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", RUN, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    return start


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_help_names_every_command() -> None:
    for arguments in (["-h"], ["--help"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        for name, (_, text) in COMMANDS.items():
            assert f"  {name} " in done.stdout
            assert text.split(".")[0][:30] in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_the_table_says(name: str) -> None:
    command = igcli.get_command(click.Context(igcli), name)
    assert command is not None
    assert command.name == name
    assert command.help


def imported(*arguments: str) -> set[str]:
    code = (
        "import sys; from igcli.cli import main; "
        f"sys.argv = ['igcli', *{arguments!r}]; main(); print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_imports_nothing_heavy(argument: str) -> None:
    assert not imported(argument) & HEAVY


@pytest.mark.parametrize("command", [*COMMANDS, "config show", "config init", "config check"])
def test_no_help_imports_tensorflow(command: str) -> None:
    assert not imported(*command.split(), "--help") & {"tensorflow", "keras"}


def test_config_commands_import_no_tensorflow() -> None:
    arguments = ("config", "show", "-q", "-c", os.devnull)
    assert not imported(*arguments) & {"tensorflow", "keras", "numpy"}


def test_help_is_quick() -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 0.3


def test_version() -> None:
    done = run("--version")
    words = done.stdout.replace(",", "").split()
    assert done.returncode == 0
    assert words[::2] == ["igcli", "TensorFlow", "Keras"]
    assert all(word[0].isdigit() for word in words[1::2])


def test_no_command_is_a_usage_error_with_the_help() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: igcli ")


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["atribute"], "igcli: No such command 'atribute'; did you mean attribute? (see igcli -h)"),
        (["--nix"], "igcli: No such option '--nix'"),
        (["config", "show", "--stps", "5"], "igcli: No such option '--stps'"),
        (["config", "show", "--steps"], "igcli: Option '--steps' requires an argument"),
        (["config", "check"], "igcli: Missing argument 'FILE'"),
        (["config", "show", "--\x1b[31m"], "igcli: No such option '--\\x1b[31m'"),
    ],
)
def test_usage_errors_are_one_line(arguments: list[str], start: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(start.replace("'", "")) or done.stderr.startswith(start)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("what", "code", "err"),
    [
        ("error", 1, "igcli: a\\nb \\x1b[31m \\xff: try c\n"),
        ("none", 4, "igcli: nothing there\n"),
        ("config", 2, "f:1:2: a\\nb: wrong\ng: wrong too\n"),
        ("file", 1, "igcli: /nowhere/at/all: No such file or directory\n"),
        ("disk", 1, "igcli: No space left on device\n"),
        ("code", 3, ""),
        ("exit", 4, ""),
        ("ok", 0, ""),
    ],
)
def test_errors_become_lines_and_codes(start: Start, what: str, code: int, err: str) -> None:
    assert finish(start(what)) == (code, "done\n" if what == "ok" else "", err)


def test_a_bug_is_one_line_and_a_traceback_only_with_v(start: Start) -> None:
    code, out, err = finish(start("bug"))
    line = (
        "igcli: internal error, a bug in igcli: ValueError: first\\x1b[31m "
        "(rerun with -v for a traceback)\n"
    )
    assert (code, out, err) == (1, "", line)
    code, out, err = finish(start("-v", "bug"))
    assert (code, out) == (1, "")
    assert err.startswith(line)
    assert "Traceback (most recent call last)" in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("option", "err"),
    [
        ([], "igcli: warned\\nFalse\n"),
        (["-q"], ""),
        (["-v"], "igcli: warned\\nFalse\nigcli: informed\n"),
    ],
)
def test_the_log_is_said_as_loud_as_asked(start: Start, option: list[str], err: str) -> None:
    assert finish(start(*option, "log")) == (0, "done\n", err)


def test_a_log_file_keeps_everything_with_time_and_level(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "igcli.log"
    for options in ([], ["-q"], ["-v"]):
        assert finish(start(*options, "--log-file", str(path), "log"))[0] == 0
    code, _, err = finish(start("--log-file", str(path), "bug"))
    assert (code, err.count("\n")) == (1, 1)
    lines = path.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3} [A-Z]+ ", line) for line in lines)
    said = [line.partition(" ")[2] for line in lines]
    assert said[:6] == [
        "WARNING igcli: warned\\nFalse", "INFO igcli: informed",
        "WARNING igcli: warned\\nTrue", "INFO igcli: informed",
        "WARNING igcli: warned\\nFalse", "INFO igcli: informed",
    ]  # fmt: skip
    assert said[6].startswith("ERROR igcli: internal error, a bug in igcli: ValueError: first\\x1b")
    assert "DEBUG Traceback (most recent call last):" in said
    assert "\x1b" not in path.read_text()


def test_a_log_file_that_cannot_be_written_is_a_usage_error(start: Start, tmp_path: Path) -> None:
    code, out, err = finish(start("--log-file", str(tmp_path / "no" / "log"), "ok"))
    assert (code, out) == (2, "")
    assert re.fullmatch(r"igcli: --log-file .*/no/log: No such file or directory\n", err)


def test_a_log_on_a_full_disk_stops_nothing(start: Start) -> None:
    assert finish(start("--log-file", "/dev/full", "log")) == (
        0,
        "done\n",
        "igcli: warned\\nFalse\n",
    )


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_leaves_at_once(start: Start, first: int) -> None:
    process = start("wait", "5")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(first)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    before = time.monotonic()
    assert finish(process) == (130, "", "")
    assert time.monotonic() - before < 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_clean_up_and_say_nothing(start: Start, number: int, code: int) -> None:
    process = start("wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    assert finish(process) == (code, "cleaned up\n", "")


def test_a_second_sigterm_does_not_stop_the_cleaning_up(start: Start) -> None:
    process = start("wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    assert finish(process) == (143, "cleaned up\n", "")


@pytest.mark.parametrize(
    ("redirection", "code", "err"),
    [
        ("| true", "141", ""),
        (">&-", "141", ""),
        ("> /dev/full", "1", "igcli: No space left on device\n"),
        ("2>&- >/dev/null", "0", ""),
        ("<&- >/dev/null", "0", ""),
    ],
)
def test_streams_that_nobody_reads(redirection: str, code: str, err: str) -> None:
    # The sleep lets `true` close the pipe first.
    script = f"(sleep 0.2; '{sys.executable}' -m igcli config init -; echo $? >&3) {redirection}"
    command = ["bash", "-c", f"exec 3>&1; {script}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (code, err)


def test_help_into_a_closed_pipe_is_quiet_too() -> None:
    script = f"(sleep 0.2; '{sys.executable}' -m igcli --help; echo $? >&3) | true"
    command = ["bash", "-c", f"exec 3>&1; {script}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, größer, 名前, 😀", "plain, größer, 名前, 😀"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31m\x07\x7f\x9b", "\\x1b[31m\\x07\\x7f\\x9b"),
        ("\udcff\ud800", "\\xff\\ud800"),
        ("\u2028\u202e\u200f", "\\u2028\\u202e\\u200f"),
        ("a\u200db", "a\u200db"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


def completed(*words: str, shell: str = "bash_complete") -> list[str]:
    """Return what a shell is told of how the last of some words may go on."""
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = run(env={**os.environ, "_IGCLI_COMPLETE": shell, **asked})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_the_shell_completes_commands_options_names_and_files() -> None:
    assert completed("igcli", "att") == ["plain,attribute"]
    assert completed("igcli", "attribute", "--panel-st") == ["plain,--panel-style"]
    assert completed("igcli", "attribute", "--panel-style", "win") == ["plain,windowing"]
    assert completed("igcli", "attribute", "pho") == ["file,pho"]
    assert completed("igcli", "gif", "--model-labels", "na") == ["file,na"]
    assert "complete" in "".join(completed("igcli", shell="bash_source"))


def test_completion_that_no_shell_asks_for_is_one_line() -> None:
    for asked in ("csh_source", "bash_complete"):
        done = run(env={**os.environ, "_IGCLI_COMPLETE": asked})
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"igcli: _IGCLI_COMPLETE={asked}: expected bash_source")


@pytest.mark.parametrize("given", [["-"], ["--files-from", "-"]])
def test_a_closed_standard_input_is_no_list(given: list[str], tmp_path: Path) -> None:
    script = f"'{sys.executable}' -m igcli attribute {' '.join(given)} <&-"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("igcli: standard input is closed: there is no list of images to read\n")


IGNORED = """
import os, signal, sys, time, types, weakref
import click
from igcli.cli.main import COMMANDS, main

@click.command()
def hang():
    class Value:
        pass
    value = Value()
    reference = weakref.ref(value, lambda _: [os.kill(os.getpid(), {signal}), sum(range(10000))])
    del value
    time.sleep(20)
    print("not stopped")

sys.modules["hanging"] = types.SimpleNamespace(hang=hang)
COMMANDS["hang"] = ("hanging:hang", "")
sys.argv = ["igcli", "hang"]
sys.exit(main())
"""


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_that_python_ignores_stops_the_command(name: str, code: int) -> None:
    script = IGNORED.replace("{signal}", f"signal.{name}")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == code
    assert b"Exception ignored" not in done.stderr
    assert b"not stopped" not in done.stdout
