"""Help of commands with many options: in sections, the everyday options first."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

import click

from igcli.methods import METHODS
from igcli.metrics import METRICS

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Everyday": (
        "--config",
        "--model",
        "--method",
        "--baseline",
        "--target",
        "--steps",
        "--panel-style",
        "--gif",
        "--arrays",
        "--gallery",
        "--output",
        "--limit",
        "--dry-run",
    ),
    "Evaluation": (
        "--methods",
        "--metrics",
        "--masks",
        "--controls",
        "--min",
        "--max",
        "--mode",
        "--layers",
        "--max-correlation",
        "--max-ssim",
        *(f"--{metric.replace('_', '-')}-*" for metric in METRICS),
    ),
    "Input": (
        "--files-from",
        "--null",
        "--input-format",
        "--follow-symlinks",
        "--targets",
        "--max-pixels",
        "--max-bytes",
        "--icc",
    ),
    "Model": ("--model-*", "--trust-model"),
    "Path": ("--baseline-*", "--rule", "--tolerance", "--max-steps", "--seed"),
    "Methods": ("--explain", *(f"--{method.replace('_', '-')}-*" for method in METHODS)),
    "Panels": ("--panel-*",),
    "GIFs": ("--gif-*",),
    "Output": ("--on-existing", "--retry-failed", "--json"),
    "Running": ("*",),
}
"""Patterns of option names by section. The first section with a matching pattern has the option."""


class SectionedCommand(click.Command):
    """A command whose help lists its options in the sections of `SECTIONS`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section, in the order of the sections' patterns."""
        sections: dict[str, dict[str, list[tuple[str, str]]]] = {
            title: {pattern: [] for pattern in patterns} for title, patterns in SECTIONS.items()
        }
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                title, pattern = section_of(param)
                sections[title][pattern].append(record)
        for title, by_pattern in sections.items():
            records = [record for records in by_pattern.values() for record in records]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def long_name(option: click.Parameter) -> str:
    """Return the name of an option as messages and the sections have it: "--output", not "-o"."""
    return next((name for name in option.opts if name.startswith("--")), option.opts[0])


def section_of(option: click.Option) -> tuple[str, str]:
    """Return the title of an option's section and the pattern that matches the option."""
    name = long_name(option)
    return next(
        (title, pattern)
        for title, patterns in SECTIONS.items()
        for pattern in patterns
        if fnmatchcase(name, pattern)
    )
