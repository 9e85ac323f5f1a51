"""The command `igcli evaluate`: measure how faithful attributions are, beside controls."""

import logging
import math
import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from tqdm import tqdm

from igcli.cli.attribute.command import attribute_images, dry_run
from igcli.cli.attribute.options import run_options
from igcli.cli.attribute.report import join_names
from igcli.cli.attribute.request import RunRequest, resolve_request
from igcli.cli.attribute.shard_option import parse_shard
from igcli.cli.completion import Names, PathType, names_in
from igcli.cli.help_sections import SectionedCommand, long_name
from igcli.cli.setting_options import group_options
from igcli.cli.terminal import NOTICE, ProgressLines, say
from igcli.errors import FINDINGS, NoImagesError, UsageError
from igcli.evaluate.options import DEFAULT_METRICS, EvaluationOptions, metrics_with_masks
from igcli.methods import METHODS
from igcli.metrics import METRICS, MetricOptions
from igcli.outputs import journal
from igcli.outputs.folder import OutputFolder
from igcli.outputs.open import output_at
from igcli.outputs.run_files import EVALUATION, EVALUATION_LINES, is_page
from igcli.outputs.shards import started_shards
from igcli.registry import unknown_name

if TYPE_CHECKING:
    from igcli.evaluate.evaluation import Evaluation
    from igcli.evaluate.image import EvaluatedImage
    from igcli.evaluate.summary import EvaluationSummary

OF_A_FINISHED_RUN = frozenset(
    (
        *("images", "shard", "as_json", "quiet", "verbose", "log_file", "trust_model"),
        *("metrics", "masks", "controls", "minima", "maxima"),
        *("setting__device", "setting__batch_size"),
    )
)
"""Parameters that may be given with the output of a finished run, beside those of metrics."""

METRIC_PARAMETERS = tuple(f"setting__{name}__" for name in MetricOptions.model_fields)
"""Beginnings of the names of metrics' parameters."""

TOO_FEW_SHARDS = (
    "the part is done; once all are, `igcli evaluate {folder}` without --shard writes the summary"
)


@click.command(cls=SectionedCommand)
@click.option(
    "--methods",
    type=Names(METHODS, files=False),
    metavar="NAME,...",
    help="Attribute IMAGES by these methods; by default --method alone.",
)
@click.option(
    "--metrics",
    type=Names(METRICS, files=False),
    metavar="NAME,...",
    help=f"What to measure: {', '.join(METRICS)}.  [default: {','.join(DEFAULT_METRICS)}, and "
    "with --masks those that need masks]",
)
@click.option(
    "--masks",
    type=PathType(home=True),
    metavar="FOLDER",
    help="Folder of masks of the objects: FOLDER/cats/a.png for cats/a.jpg.",
)
@click.option(
    "--controls/--no-controls",
    default=True,
    help="Evaluate the controls beside the methods.  [default: on]",
)
@click.option(
    "--min",
    "minima",
    multiple=True,
    metavar="METRIC=VALUE",
    help="Exit with code 3 if the mean of a method is lower; repeatable.",
)
@click.option(
    "--max",
    "maxima",
    multiple=True,
    metavar="METRIC=VALUE",
    help="Exit with code 3 if the mean of a method is higher; repeatable.",
)
@group_options(MetricOptions, "metric_options")
@run_options
def evaluate(**options: Any) -> None:
    """Measure how faithful attributions are, and whether methods beat simple controls.

    IMAGES are attributed first, as by igcli attribute with --arrays; or name one OUTPUT, the
    folder of a finished run with --arrays, to evaluate what is there. The evaluation goes into
    the same folder: evaluation.jsonl has a line for each image and method, evaluation.json the
    means with their 95% intervals.
    """
    names = ("methods", "metrics", "masks", "controls", "minima", "maxima", "metric_options")
    own = {name: options.pop(name) for name in names}
    methods = names_in(own.pop("methods"), METHODS, "--methods")
    evaluation_options = _evaluation_options(**own)
    as_json, quiet = options["as_json"], options["quiet"]
    folder = _finished_run(options["images"])
    if folder is not None:
        _refuse_settings()
        shard, exit_code = parse_shard(options["shard"], folder), 0
        if shard is not None and (evaluation_options.minima or evaluation_options.maxima):
            raise UsageError(
                "--min and --max apply to the means over all images: give them without --shard, "
                "once all parts are done"
            )
        overrides = options["overrides"]
    else:
        request = _request(options, methods)
        if request.arguments.dry_run:
            click.get_current_context().exit(dry_run(request))
        exit_code = attribute_images(request)
        folder, shard = request.location.folder, None
        overrides = {name: getattr(request.settings, name) for name in ("device", "batch_size")}
    # Imported once all that can be known without NumPy is checked.
    from igcli.evaluate import report
    from igcli.evaluate.evaluation import Evaluation, open_run
    from igcli.gallery.run_page import write_gallery

    run = open_run(folder, overrides)
    evaluation = Evaluation(
        run, evaluation_options, shard=shard, trust_model=options["trust_model"]
    )
    if not evaluation.records:
        raise NoImagesError(f"no images of {folder.path!r} are in this shard")
    with evaluation:
        say(_how_many(evaluation), NOTICE)
        summary = _evaluated(evaluation, as_json=as_json, quiet=quiet)
        if shard is None:
            summary.write(folder)
            if is_page(folder):
                write_gallery(folder)
    if as_json:
        click.echo(journal.to_json(summary.record()))
    else:
        statistics = summary.statistics()
        width = shutil.get_terminal_size().columns
        for line in (*report.table(statistics, width=width), *report.findings(statistics)):
            click.echo(line)
    if shard is None:
        say(f"the evaluation is in {folder.path}: {EVALUATION}, {EVALUATION_LINES}", NOTICE)
    else:
        say(TOO_FEW_SHARDS.format(folder=folder.path), NOTICE)
    click.get_current_context().exit(exit_code or _exit_code(summary))


def _evaluation_options(
    *,
    metrics: str | None,
    masks: str | None,
    controls: bool,
    minima: Iterable[str],
    maxima: Iterable[str],
    metric_options: MetricOptions,
) -> EvaluationOptions:
    """Return what to compute.

    Raises:
        UsageError: A metric is unknown, needs masks, or has a threshold without being computed.
    """
    with_masks = metrics_with_masks()
    names = names_in(metrics, METRICS, "--metrics")
    if not names:
        names = (*DEFAULT_METRICS, *(with_masks if masks is not None else ()))
    unmasked = [name for name in names if name in with_masks and masks is None]
    if unmasked:
        raise UsageError(f"--metrics: {unmasked[0]} needs --masks FOLDER")
    for parameter in _given_parameters():
        if not str(parameter.name).startswith(METRIC_PARAMETERS):
            continue
        metric = str(parameter.name).split("__")[1]
        if not {metric, f"{metric}_lerf"} & {*names}:
            raise UsageError(
                f"{metric} has options here but is not measured: name it with --metrics"
            )
    thresholds = [
        dict(_threshold(text, option, names) for text in texts)
        for option, texts in (("--min", minima), ("--max", maxima))
    ]
    return EvaluationOptions(
        names, metric_options, controls, masks, minima=thresholds[0], maxima=thresholds[1]
    )


def _given_parameters() -> Iterator[click.Parameter]:
    """Yield the parameters that are given on the command line."""
    context = click.get_current_context()
    for parameter in context.command.params:
        if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE:
            yield parameter


def _threshold(text: str, option: str, metrics: Sequence[str]) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"{option} {text}: expected METRIC=VALUE, such as insertion=0.2")
    if name not in METRICS:
        raise UsageError(f"{option} {text}: {unknown_name(name, METRICS)}")
    if name not in metrics:
        raise UsageError(
            f"{option} {text}: {name!r} is not measured; choose one of {', '.join(metrics)}, or "
            "name it with --metrics"
        )
    return name, number


def _finished_run(arguments: Sequence[str]) -> OutputFolder | None:
    """Return the output that is the only argument; None if the arguments are images.

    Raises:
        UsageError: There is an output among several arguments.
    """
    runs = [folder for argument in arguments if (folder := _run_at(argument)) is not None]
    if runs and len(arguments) > 1:
        raise UsageError(
            f"{runs[0].path!r} is the output of a run: evaluate one output alone, or name images"
        )
    return runs[0] if runs else None


def _run_at(argument: str) -> OutputFolder | None:
    """Return the output that an argument names, if it is one."""
    if argument == "-":
        return None
    try:
        folder = output_at(argument)
    except UsageError:
        return None  # Images may lie where igcli cannot write.
    is_run = folder.exists() and (journal.exists(folder) or started_shards(folder))
    return folder if is_run else None


def _refuse_settings() -> None:
    """Refuse options that cannot apply to attributions that exist.

    Raises:
        UsageError: One is given.
    """
    for parameter in _given_parameters():
        name = str(parameter.name)
        if name not in OF_A_FINISHED_RUN and not name.startswith(METRIC_PARAMETERS):
            raise UsageError(
                f"{long_name(parameter)}: the attributions of a finished run are evaluated as they "
                "are; to make others, give IMAGES and --output"
            )


def _request(options: dict[str, Any], methods: Sequence[str]) -> RunRequest:
    """Return the request to attribute the images, with arrays of all methods."""
    if options["shard"] is not None:
        raise UsageError(
            "--shard: attribute the images in shards first (igcli attribute --arrays), merge them, "
            "then evaluate the output with --shard"
        )
    if options["input_format"] == "tar":
        raise UsageError("--input-format tar: arrays in tar files are not evaluated")
    overrides = options["overrides"]
    overrides["arrays"] = True
    if methods:
        overrides["method"] = methods[0]
        overrides.setdefault("panel.columns", ("image", "label", *methods))
    request = resolve_request(options, panels=True)
    report_options = replace(request.report_options, as_json=False, results=False)
    return replace(request, report_options=report_options)


def _evaluated(evaluation: "Evaluation", *, as_json: bool, quiet: bool) -> "EvaluationSummary":
    """Evaluate the images, print what happens and return the summary."""
    from igcli.evaluate.summary import EvaluationSummary

    summary = EvaluationSummary(evaluation.options, evaluation.seed)
    done, total = 0, len(evaluation.records)
    progress = closing(_with_progress(evaluation, quiet=quiet))
    with _saying_how_far(lambda: done, total), progress as outcomes:
        for outcome in outcomes:
            done += 1
            summary.add(outcome)
            if outcome.error:
                say(f"{outcome.image}: not evaluated: {outcome.error}")
                if as_json:
                    click.echo(journal.to_json({"image": outcome.image, "error": outcome.error}))
            for warning in _warnings(outcome, evaluation.options.metrics):
                say(f"{outcome.image}: warning: {warning}", logging.WARNING)
            if as_json:
                for line in outcome.lines:
                    click.echo(journal.to_json(line.record()))
    return summary


def _how_many(evaluation: "Evaluation") -> str:
    """Return how many images there are to evaluate."""
    total = len(evaluation.records)
    if not evaluation.left:
        return f"nothing is left to compute: all {total:,} images are evaluated"
    if evaluation.left < total:
        return f"evaluating {evaluation.left:,} of {total:,} images; the others are done"
    return f"evaluating {total:,} images"


@contextmanager
def _saying_how_far(done: Callable[[], int], total: int) -> Iterator[None]:
    """Say how many images were done if a signal stops the evaluation."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"stopped; {done():,} of {total:,} images done; run it again to continue", NOTICE)
        raise


def _warnings(outcome: "EvaluatedImage", metrics: Sequence[str]) -> Iterator[str]:
    """Yield the warnings about an image, each once, with the methods if it is not about all."""
    yield from outcome.warnings
    methods: dict[str, list[str]] = {}
    for line in outcome.lines:
        for warning in line.warnings:
            if warning.partition(":")[0] in metrics:
                methods.setdefault(warning, []).append(line.method)
    for warning, names in methods.items():
        is_about_all = len(names) == len(outcome.lines)
        yield warning if is_about_all else f"{warning} ({', '.join(dict.fromkeys(names))})"


def _with_progress(evaluation: "Evaluation", *, quiet: bool) -> "Generator[EvaluatedImage]":
    """Yield outcomes, with a progress bar on a terminal and a line now and then elsewhere.

    The bar names the metric that was begun last: some take seconds for an image.
    """
    total = len(evaluation.records)
    # None leaves it to tqdm: no bar outside a terminal, and TQDM_DISABLE works.
    bar = tqdm(total=total, unit=" images", disable=True if quiet else None, file=sys.stderr)
    lines = ProgressLines(total) if bar.disable else None
    with bar, closing(evaluation.outcomes(bar.set_postfix_str)) as outcomes:
        for outcome in outcomes:
            bar.update()
            if lines is not None:
                lines.tick()
            yield outcome


def _exit_code(summary: "EvaluationSummary") -> int:
    """Return 3 if a mean is beyond its threshold or an image could not be evaluated."""
    findings = [*summary.beyond()]
    for finding in findings:
        say(finding)
    if summary.failed:
        names = join_names(summary.failed, len(summary.failed))
        plural = "s" if len(summary.failed) > 1 else ""
        say(f"{len(summary.failed):,} image{plural} not evaluated: {names}")
    return FINDINGS if findings or summary.failed else 0
