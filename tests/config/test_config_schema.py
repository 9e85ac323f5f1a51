"""What holds for every key of the schema, and for every file that is shipped."""

from pathlib import Path

import pytest

from igcli.config.keys import Key, convert, walk
from igcli.config.load import load_settings
from igcli.config.schema import KEYS
from igcli.config.validation_messages import metavar, words

ROOT = Path(__file__).parents[2]
EVERY = {key.name: key for key in walk(KEYS)}


def test_every_shipped_file_loads() -> None:
    for file in sorted(ROOT.glob("configs/*")):
        assert load_settings(str(file), {}).chosen


@pytest.mark.parametrize("key", EVERY.values(), ids=EVERY)
def test_every_key_says_what_it_is(key: Key) -> None:
    assert key.help.endswith((".", ")"))
    assert key.alternatives
    assert words(key.alternatives)
    assert isinstance(key.default, bool) or key.children or metavar(key.scalars)


@pytest.mark.parametrize("key", EVERY.values(), ids=EVERY)
def test_every_key_without_a_default_has_an_example(key: Key) -> None:
    assert key.default is not None or key.examples or key.is_switch


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", "50", 50),
        ("steps", "-5", -5),
        ("steps", "1e3", "1e3"),
        ("steps", "9" * 500, "9" * 500),
        ("steps", "٣", "٣"),
        ("batch_size", "auto", "auto"),
        ("batch_size", "8", 8),
        ("output", "8", "8"),
        ("output", "a,b", "a,b"),
        ("model.preprocess", "tf", "tf"),
        ("model.preprocess.mean", "117", 117.0),
        ("model.preprocess.mean", "-1.5e2", -150.0),
        ("model.preprocess.std", "1e3", 1000.0),
        ("model.size", "224, 192", (224, 192)),
        ("model.size", "224,x", (224, "x")),
        ("panel.columns", "image,label", ("image", "label")),
    ],
)
def test_texts_of_the_command_line(name: str, text: str, value: object) -> None:
    converted = convert(text, EVERY[name].scalars)
    assert converted == value
    assert type(converted) is type(value)
