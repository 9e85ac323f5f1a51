"""The message about an unknown name."""

import pytest

from igcli.registry import either, suggestion, unknown_name

KNOWN = ("grad_cam", "gradients", "integrated_gradients", "probability", "auto")


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("gradcam", "grad_cam"),
        ("Gradient", "gradients"),
        # Too far from any, but the beginning of one alone.
        ("prob", "probability"),
        ("int", "integrated_gradients"),
        ("gr", None),
        ("", None),
        ("nix", None),
    ],
)
def test_the_nearest_name(written: str, nearest: str | None) -> None:
    assert suggestion(written, KNOWN) == (f"; did you mean {nearest}?" if nearest else "")


def test_the_nearest_name_comes_before_all_others() -> None:
    assert unknown_name("gradcam", ("auto", "grad_cam")) == (
        "unknown name 'gradcam'; did you mean grad_cam? (expected auto or grad_cam)"
    )
    assert unknown_name("nix", ("auto", "grad_cam"), "auto or a number") == (
        "must be auto or a number, not 'nix'"
    )
    assert unknown_name("x" * 99, ("auto",)) == f"must be auto, not '{'x' * 57}...'"


@pytest.mark.parametrize(
    ("names", "text"), [(["a"], "a"), (["a", "b"], "a or b"), ("abca", "a, b or c")]
)
def test_names_as_a_sentence_lists_them(names: list[str], text: str) -> None:
    assert either(names) == text
