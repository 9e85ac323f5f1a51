"""Reading YAML: places of values, plain data only, limits."""

import time
from pathlib import Path

import pytest

from igcli.config.problems import ConfigError
from igcli.config.yaml_source import Document, Mark, read_yaml


def read(tmp_path: Path, content: str | bytes) -> Document:
    file = tmp_path / "igcli.yaml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_yaml(str(file))


def refusal(tmp_path: Path, content: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    (line,) = caught.value.lines
    return line.removeprefix(f"{tmp_path}/")


def problems(tmp_path: Path, content: str) -> list[str]:
    return [problem.at("f") for problem in read(tmp_path, content).problems]


def test_values_and_places(tmp_path: Path) -> None:
    document = read(tmp_path, "# c\nsteps: 50\npanel:\n  columns: [image, 'label']\n  x: 1.5\n")
    assert document.values == {
        "steps": 50,
        "panel": {"columns": ("image", "label"), "x": 1.5},
    }
    assert document.marks[("steps",)] == Mark(2, 8)
    assert document.key_marks[("panel", "columns")] == Mark(4, 3)
    assert document.marks[("panel", "columns", 1)] == Mark(4, 20)
    assert not document.problems


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("50", 50),
        ("-3", -3),
        ("0", 0),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("true", True),
        ("no", False),
        ("'50'", "50"),
        ("1e3", "1e3"),
        ("08", "08"),
        ("1:30", "1:30"),
        ("2024-01-31", "2024-01-31"),
        ("a b", "a b"),
        ("|\n  two\n  lines", "two\nlines"),
        ('"\\uDCFF"', "\udcff"),
        ("{}", {}),
        ("[]", ()),
    ],
)
def test_scalars(tmp_path: Path, written: str, value: object) -> None:
    read_value = read(tmp_path, f"key: {written}").values["key"]
    assert read_value == value
    assert type(read_value) is type(value)


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n", "\ufeff"])
def test_an_empty_file_says_nothing(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content).values == {}


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    document = read(tmp_path, "\ufeffsteps: 50\r\n")
    assert document.values == {"steps": 50}
    assert document.key_marks[("steps",)] == Mark(1, 1)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("- a\n", "igcli.yaml: must be a mapping of keys, such as 'steps: 50'"),
        ("text", "igcli.yaml: must be a mapping of keys, such as 'steps: 50'"),
        ("a: 1\n---\nb: 2\n", "igcli.yaml:2:1: a second YAML document: keep only one"),
        ("a:\n\tb: 1\n", "igcli.yaml:2:1: a tab cannot indent YAML: use spaces"),
        ("\ta: 1\n", "igcli.yaml:1:1: a tab cannot indent YAML: use spaces"),
        ("a: [1, 2\nb: 3\n", "igcli.yaml:2:2: expected ',' or ']', but got ':'"),
        ("a: 1\nb: x\0y\n", "igcli.yaml:2:5: the character 0x00 is not allowed: remove it"),
        (b"a: \xff\n", "igcli.yaml: is not UTF-8 text at byte 4: save it as UTF-8"),
        ("a: 1".encode("utf-16"), "igcli.yaml: is not UTF-8 text at byte 1: save it as UTF-8"),
        (
            "a: &x [1]\nb: *x\n",
            "igcli.yaml:1:4: anchors (&) and aliases (*) are not allowed: repeat the value",
        ),
        (
            "a: !!python/object:os.system x\n",
            "igcli.yaml:1:4: tags (!) are not allowed: write the plain value",
        ),
        ("a: !!int '5'\n", "igcli.yaml:1:4: tags (!) are not allowed: write the plain value"),
        ("a: " + "[" * 30 + "]" * 30, "igcli.yaml:1:24: more than 20 levels: use fewer"),
        (
            "".join(" " * n + "a:\n" for n in range(30)),
            "igcli.yaml:21:21: more than 20 levels: use fewer",
        ),
        ("a: 1\n" * 419_431, "igcli.yaml: is larger than 1 MiB: name an igcli configuration"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_refused(tmp_path: Path, content: str | bytes, line: str) -> None:
    assert refusal(tmp_path, content) == line


def test_twenty_levels_are_read(tmp_path: Path) -> None:
    document = read(tmp_path, "a: " + "[" * 19 + "1" + "]" * 19)
    value = document.values["a"]
    for _ in range(19):
        assert isinstance(value, tuple)
        (value,) = value
    assert value == 1


def test_a_file_that_is_not_there_or_a_folder(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as caught:
            read_yaml(str(path))
        assert caught.value.lines[0].startswith(f"{path}: cannot be read: {reason}")


def test_an_alias_bomb_is_refused_at_once(tmp_path: Path) -> None:
    rows = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9)]
    bomb = "l0: &l0 [lol]\n" + "\n".join(rows)
    start = time.monotonic()
    assert "anchors" in refusal(tmp_path, bomb)
    assert time.monotonic() - start < 1


def test_a_large_file_of_many_values_is_refused_soon(tmp_path: Path) -> None:
    start = time.monotonic()
    assert "more than 10,000 values" in refusal(tmp_path, f"a: [{'1,' * 500_000}]")
    assert time.monotonic() - start < 5


def test_duplicate_keys_name_both_places(tmp_path: Path) -> None:
    content = "a: 1\nb:\n  c: 1\n  c: 2\na: 3\n"
    assert problems(tmp_path, content) == [
        "f:4:3: b.c: occurs twice, first at 3:3: remove one",
        "f:5:1: a: occurs twice, first at 1:1: remove one",
    ]


def test_keys_must_be_text(tmp_path: Path) -> None:
    assert problems(tmp_path, "1: 2\nb:\n  true: 3\n? [a]\n: 3\n<<: {a: 1}\n") == [
        "f:1:1: a key must be text",
        "f:3:3: b: a key must be text",
        "f:4:3: a key must be text",
        "f:6:1: a key must be text",
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            "baseline: #808080\n",
            "f:1:10: baseline: has no value: give one or remove the key; "
            "# starts a comment, so quote the value: baseline: '#808080'",
        ),
        (
            "a:\n  b: null\n",
            "f:2:6: a.b: has no value: give one or remove the key; "
            "a value that starts with # must be quoted",
        ),
        (
            "a: [1, ~]\n",
            "f:1:8: a[1]: has no value: give one or remove the key; "
            "a value that starts with # must be quoted",
        ),
        ("steps: 010\n", "f:1:8: steps: 010 means the octal number 8: write 8 or, for text, '010'"),
        ("steps: 0x_\n", "f:1:8: steps: 0x_ is not a number: quote it if it is text"),
        ("steps: " + "9" * 5000, "f:1:8: steps: has too many digits"),
        ("steps: 0" + "7" * 5000, "f:1:8: steps: has too many digits"),
        ("steps: 0x" + "f" * 5000, "f:1:8: steps: has too many digits"),
    ],
    ids=lambda value: value[:20],
)
def test_values_that_mean_nothing_or_something_else(
    tmp_path: Path, content: str, line: str
) -> None:
    document = read(tmp_path, content)
    assert [problem.at("f") for problem in document.problems] == [line]
