"""What a run would do, without doing it."""

from igcli.cli.attribute.inputs import find
from igcli.cli.attribute.request import RunRequest, earlier_of, prepared_for
from igcli.cli.terminal import say
from igcli.pipeline.resume.earlier import count_results


def dry_run(asked: RunRequest) -> int:
    """Say how many images are left and how long they would take; return the exit code.

    Raises:
        IgcliError: As in the run itself.
    """
    images, _ = find(asked.arguments, asked.place, asked.settings.targets)
    earlier = earlier_of(asked)
    prepared = prepared_for(asked)
    earlier.refuse_other_model(asked.place, prepared.model.sha256)
    from igcli.pipeline.calibration.timing import evaluations_for, seconds_for

    evaluations = evaluations_for(images, asked.settings, prepared)
    before = 0 if earlier.record is None else count_results(asked.place, images)
    left = images.total - before
    seconds = seconds_for(left, evaluations, prepared.engine)
    say(
        f"{left:,} images{f' ({before:,} more before)' if before else ''}, "
        f"about {left * evaluations:,} gradients and {seconds:,.0f} s; nothing was written"
    )
    return 0
