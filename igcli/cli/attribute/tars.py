"""What goes together with `--input-format tar`."""

from igcli.cli.attribute.options import Arguments
from igcli.config.schema import Settings
from igcli.errors import UsageError


def refuse_for_tars(arguments: Arguments, settings: Settings, *, panels: bool) -> None:
    """Refuse what a run over tar archives cannot do.

    Raises:
        UsageError: One line for the first of it.
    """
    if arguments.input_format != "tar":
        return
    reasons = {
        "--engine ray hands out single images: split archives with --shard I/N": (
            arguments.engine == "ray"
        ),
        "--dry-run counts files, and nothing tells how many images an archive holds": (
            arguments.dry_run
        ),
        "gallery: a page cannot link pictures that lie in archives": settings.gallery,
        "precision: auto is settled by single images: write float32 or bfloat16": (
            settings.precision == "auto"
        ),
        "panel.scale: shared is settled by single images: give a number": (
            panels and settings.panel.scale == "shared"
        ),
    }
    for reason, holds in reasons.items():
        if holds:
            raise UsageError(f"{reason} (--input-format tar)")
