"""One image from its file to its record, on a network that is known in closed form."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from igcli.config.schema import Settings
from igcli.integration.baseline_sampler import BaselineSampler
from igcli.models.load import Model
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.pipeline.image.context import Context
from igcli.pipeline.image.job import attribute_image
from igcli.pipeline.image.outcome import Outcome
from igcli.records import Record, Source
from support.networks import ClosedForm

SHAPE = (8, 8, 3)
STEPS = 4


class Network(ClosedForm):
    """The closed form with what a model says of its network."""

    outputs, precision = 2, "float32"


class Output:
    """A folder, a journal and an index that note in which order they are used."""

    is_remote = False

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.records: list[Record] = []
        self.events: list[str] = []

    def has(self, name: str) -> bool:
        return name in self.files

    def write(self, name: str, data: bytes) -> None:
        self.files[name] = data
        self.events.append(f"write {name}")

    def remove(self, name: str) -> None:
        del self.files[name]
        self.events.append(f"remove {name}")

    def append(self, record: Record) -> None:
        self.records.append(record)
        self.events.append(f"record {record['image']}")

    def find(self, image: str) -> Record | None:
        records = [record for record in self.records if record["image"] == image]
        return records[-1] if records else None


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def image(tmp_path: Path) -> Source:
    return write_image(tmp_path / "a.png", seed=1)


def write_image(path: Path, *, seed: int) -> Source:
    pixels = np.random.default_rng(seed).integers(0, 256, SHAPE, np.uint8)
    Image.fromarray(pixels).save(path)
    return Source(str(path), path.name)


def context_of(output: Output, **settings: Any) -> Context:
    options = Settings.model_validate({"steps": STEPS, **settings})
    spec = AttributionSpec(
        ("integrated_gradients",),
        options,
        BaselineSampler.from_options(options.baseline, seed=0),
        interior=options.gif is not None,
    )
    network: Any = Network(SHAPE)
    model = Model("net", network, None, "model hash", "CPU:0")
    return Context(options, "config hash", model, spec, output, output, True, index=output)


def run(context: Context, image: Source) -> Outcome:
    engine = Engine(context.model.network, batch_size=8)
    [outcome] = engine.run([attribute_image(image, context)])
    return outcome


def test_files_are_written_before_the_record_that_names_them(output: Output, image: Source) -> None:
    outcome = run(context_of(output, gif={}, arrays=True), image)
    files = ("panels/a.png.jpg", "gifs/a.png.gif", "arrays/a.png.npz")
    panel, gif, arrays = (f"write {name}" for name in files)
    assert output.events == [gif, arrays, panel, "record a.png"]
    assert outcome.files == files
    record = outcome.record
    assert output.records == [record]
    assert tuple(record[kind] for kind in ("panel", "gif", "arrays")) == files
    assert record["gradient_evaluations"] == STEPS + 1
    assert (record["model_sha256"], record["config_sha256"]) == ("model hash", "config hash")
    assert record["image_sha256"] == hashlib.sha256(Path(image.path).read_bytes()).hexdigest()


def test_an_image_that_is_up_to_date_is_not_explained_again(output: Output, image: Source) -> None:
    first = run(context_of(output), image)
    output.events.clear()
    context = context_of(output)
    second = run(context, image)
    assert second == Outcome(first.record, up_to_date=True)
    assert output.events == []
    network: Any = context.model.network
    assert (network.predictions, network.batches) == (0, [])


def test_a_missing_file_is_written_again_and_others_stay_recorded(
    output: Output, image: Source
) -> None:
    run(context_of(output, gif={}), image)
    del output.files["panels/a.png.jpg"]
    outcome = run(context_of(output), image)
    assert (outcome.up_to_date, outcome.redone) == (False, False)
    assert outcome.files == ("panels/a.png.jpg",)
    assert outcome.record["gif"] == "gifs/a.png.gif"


def test_changed_content_is_redone_and_its_outdated_files_are_removed(
    output: Output, image: Source
) -> None:
    run(context_of(output, gif={}), image)
    write_image(Path(image.path), seed=2)
    output.events.clear()
    outcome = run(context_of(output), image)
    assert outcome.redone
    panel = "write panels/a.png.jpg"
    assert output.events == [panel, "remove gifs/a.png.gif", "record a.png"]
    assert outcome.record["gif"] is None


def test_a_failure_is_recorded_once_and_retried_on_request(output: Output, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"no image")
    broken = Source(str(path), path.name)
    context = context_of(output)
    first = run(context, broken)
    assert first.failed
    assert first.record["image_sha256"] == hashlib.sha256(b"no image").hexdigest()
    assert run(context, broken) == Outcome(first.record, up_to_date=True)
    assert run(replace(context, retry_failed=True), broken) == first
    assert output.records == [first.record]
