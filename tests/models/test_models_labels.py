import json
from pathlib import Path
from typing import Any

import pytest

from igcli.errors import ModelError
from igcli.models import labels

PETS = ("cat", "dog", "horse")
TENCH = {"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}
CONFIG = {"architectures": ["ViT"], "id2label": {"1": "dog", "0": "cat"}, "label2id": {"cat": 0}}


def read(folder: Path, content: str | bytes, outputs: int, name: str = "labels.txt") -> Any:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return labels.read(str(path), outputs)


@pytest.mark.parametrize(
    "content",
    [
        "cat\ndog\nhorse",
        "cat\ndog\nhorse\n",
        "cat\r\ndog\r\nhorse\r\n",
        "cat\rdog\rhorse\r",
        "cat \n\tdog\nhorse\n\n \n\n",
        "cat\r\ndog\r\nhorse\r\n\r\n\r\n",
        "\ufeffcat\ndog\nhorse\n",
        "\ufeffcat\r\ndog\r\nhorse\r\n".encode("utf-16-le"),
        "\ufeffcat\r\ndog\r\nhorse\r\n".encode("utf-16-be"),
        "cat\ndog\nhorse\n".encode("utf-32"),
        "0 cat\n1 dog\n2 horse\n",
        "0 cat\r\n1 dog\r\n2 horse\r\n\r\n",
        "0\tcat\n1\tdog\n2\thorse\n",
        "0: cat\n1: dog\n2: horse\n",
        "0:cat\n1:dog\n2:horse\n",
        "0 : cat\n1 : dog\n2 : horse\n",
        "0. cat\n1. dog\n2. horse\n",
        "0 - cat\n1 - dog\n2 - horse\n",
        "0,cat\n1,dog\n2,horse\n",
        "0, cat\n1, dog\n2, horse\n",
        "0;cat\n1;dog\n2;horse\n",
        "1 cat\n2 dog\n3 horse\n",
        "2 horse\n0 cat\n1 dog\n",
        "0 cat\n\n1 dog\n\n2 horse\n",
        "\ufeff0 cat\n1 dog\n2 horse\n",
        "index,label\n0,cat\n1,dog\n2,horse\n",
        '"index","label"\r\n"0","cat"\r\n"1","dog"\r\n"2","horse"\r\n',
        '"","x"\n"1","cat"\n"2","dog"\n"3","horse"\n',
        ",label\n0,cat\n1,dog\n2,horse\n",
        "id\tname\n0\tcat\n1\tdog\n2\thorse\n",
        "n02121808 cat\nn02084071 dog\nn02374451 horse\n",
        "0 n02121808 cat\n1 n02084071 dog\n2 n02374451 horse\n",
        "n02121808 1 cat\nn02084071 2 dog\nn02374451 3 horse\n",
        "0,n02121808,cat\n1,n02084071,dog\n2,n02374451,horse\n",
        '["cat", "dog", "horse"]',
        '\ufeff["cat", "dog", "horse"]\r\n',
        '[["n02121808", "cat"], ["n02084071", "dog"], ["n02374451", "horse"]]',
        '{"0": "cat", "1": "dog", "2": "horse"}',
        '{"2": "horse", "0": "cat", "1": "dog"}',
        '{"1": "cat", "2": "dog", "3": "horse"}',
        '{"0": ["n02121808", "cat"], "1": ["n02084071", "dog"], "2": ["n02374451", "horse"]}',
        '{"cat": 0, "dog": 1, "horse": 2}',
        '{"horse": 2, "cat": 0, "dog": 1}',
        '{"cat": "0", "dog": "1", "horse": "2"}',
        '{"model_type": "vit", "id2label": {"0": "cat", "1": "dog", "2": "horse"}}',
        "{0: 'cat',\n 1: 'dog',\n 2: 'horse'}\n",
        "['cat', 'dog', 'horse']\n",
    ],
)
@pytest.mark.parametrize("name", ["labels.txt", "labels"])
def test_the_forms_that_people_keep_names_in_are_read(
    tmp_path: Path, content: str | bytes, name: str
) -> None:
    assert read(tmp_path, content, 3, name) == PETS


@pytest.mark.parametrize(
    "names",
    [
        tuple("0123456789"),
        ("7 up", "cola", "8 ball"),
        ("0 point", "cola"),
        ("7 up", "8 ball"),
        ("1 star", "2 stars", "3 stars", "4 stars", "5 stars"),
        ("0-9 years", "10-19 years", "20-29 years"),
        ("0.5", "1.5", "2.5"),
        ("10 euro", "20 euro", "50 euro"),
        ("001.Black_footed_Albatross", "002.Laysan_Albatross"),
        ("jack-o'-lantern", "tench, Tinca tinca", 'a "quoted" one'),
        ("n01440764", "n01443537"),
        ("[unknown]", "cat"),
        ("{a", "b}"),
        ("猫", "犬", "ein\u2028e"),
        ("cat", "", "dog"),
    ],
)
def test_names_that_look_like_a_form_are_not_misread(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    assert read(tmp_path, "\n".join(names) + "\n", len(names)) == names
    assert read(tmp_path, json.dumps(names), len(names), "labels.json") == names
    by_index = {str(index): name for index, name in enumerate(names)}
    assert read(tmp_path, json.dumps(by_index), len(names), "labels.json") == names


def test_names_that_are_numbers_are_told_from_indices(tmp_path: Path) -> None:
    # As a Keras generator sorts folders called 0 to 10.
    folders = sorted(map(str, range(11)))
    content = json.dumps({name: index for index, name in enumerate(folders)})
    assert read(tmp_path, content, 11, "class_indices.json") == tuple(folders)
    assert read(tmp_path, "[0, 1, 2]", 3, "labels.json") == ("0", "1", "2")


def test_commas_within_names_stay(tmp_path: Path) -> None:
    names = ("tench, Tinca tinca", "goldfish, Carassius auratus", 'the "great" white')
    quoted = "index,label\n" + "".join(
        f'{place},"{name.replace(chr(34), chr(34) * 2)}"\n' for place, name in enumerate(names)
    )
    assert read(tmp_path, quoted, 3, "labels.csv") == names
    assert read(tmp_path, "".join(f"{i}: {name}\n" for i, name in enumerate(names)), 3) == names
    synsets = "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n"
    assert read(tmp_path, synsets, 2) == names[:2]


def test_imagenets_names_keep_those_that_come_twice(tmp_path: Path, shared: Path) -> None:
    file = shared / "models" / "imagenet_labels.txt"
    names = file.read_text().splitlines()
    assert len(set(names)) < len(names)
    assert labels.read(str(file), 1000) == tuple(names)
    numbered = "".join(f"{place} {name}\n" for place, name in enumerate(names))
    assert read(tmp_path, numbered, 1000) == tuple(names)


@pytest.mark.parametrize(
    ("content", "read_names"),
    [
        ("cat\ndog\nhorse\n", "3 names (one per line: cat ... horse)"),
        ("0 cat\n1 dog\n", "2 names (numbered lines: cat ... dog)"),
        ("0 cat\n2 dog\n", "2 names (one per line: 0 cat ... 2 dog)"),
        ('["cat"]', "1 name (list: cat ... cat)"),
        (json.dumps(TENCH), "2 names (mapping of index to name: tench ... goldfish)"),
        ('{"dog": 1, "cat": 0}', "2 names (mapping of name to index: cat ... dog)"),
        (json.dumps(CONFIG), "2 names (id2label: cat ... dog)"),
        ("x" * 99, f"1 name (one per line: {'x' * 37}... ... {'x' * 37}...)"),
        ("", "no names"),
        ("\n \n", "no names"),
        ("[]", "no names"),
        ("{}", "no names"),
    ],
)
def test_a_wrong_number_says_what_was_read(tmp_path: Path, content: str, read_names: str) -> None:
    with pytest.raises(ModelError) as error:
        read(tmp_path, content, 1000)
    file = tmp_path / "labels.txt"
    message = f"{file}: read {read_names}, but the network has 1,000 outputs: give one"
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"0": "cat", "2": "dog"}', "index 1 has no name"),
        ('{"2": "cat", "3": "dog"}', "index 0 has no name"),
        ('{"cat": 0, "dog": 0}', "an index is repeated"),
        ('{"cat": 0, "cat": 1}', "cat is repeated"),
        ('{"0": "cat", "dog": "x"}', "dog is not an index"),
        ('{"architectures": ["ViT"]}', "architectures is not an index"),
        ('{"0": {"name": "cat"}}', "{'name': 'cat'} is not a class name"),
        ('["cat", null]', "None is not a class name"),
        ('["cat", true]', "True is not a class name"),
        ('["cat", []]', "[] is not a class name"),
        ('["cat", "do', "not a JSON file of names"),
        ('"cat"', "not a JSON file of names"),
        ("[" * 100_000, "not a JSON file of names"),
        ("[" + "9" * 5000 + "]", "not a JSON file of names"),
        (b"caf\xe9\n", "not UTF-8 text: save it as UTF-8"),
        (b"\xff\xfec", "not UTF-8 text: save it as UTF-8"),
        ("cat\n".encode("utf-16-le"), "not UTF-8 text: save it as UTF-8"),
        (bytes(range(256)), "not UTF-8 text: save it as UTF-8"),
    ],
)
def test_what_holds_no_names_is_refused_in_one_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    with pytest.raises(ModelError) as error:
        read(tmp_path, content, 2, "labels.json")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
