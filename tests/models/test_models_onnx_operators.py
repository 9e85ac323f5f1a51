"""Every operator of ONNX that is read, against the node tests of the `onnx` package."""

import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import numpy_helper
from onnx.backend.test import loader

from igcli.errors import ModelError
from igcli.models.onnx.file import DOMAINS, OLDEST_OPSET, with_known_operators
from igcli.models.onnx.graph import run_nodes
from igcli.models.onnx.node import array_of, node_of
from igcli.models.onnx.operators import OPERATORS
from igcli.models.onnx.values import Value, constant, last_axes

EXCLUDED = (
    ("training_dropout", "training mode"),
    ("(FLOAT8|FLOAT4|INT4|INT2|E8M0)", "numbers of 8 bits and less are not computed with"),
    ("maxpool_with_argmax", "indices of maxima"),
    ("resize_tf_crop_and_resize", "crops by boxes"),
    ("scatternd_multiply", "products have no gradient in TensorFlow's scatter"),
    ("reduce_max_empty_set_bool", "the maximum of no truth values"),
    ("mod_mixed_sign_float16", "remainders of 16-bit numbers, computed in 32"),
    ("range_.*float", "a range between graph inputs of floating point"),
    ("(hamming|hann|blackman)window", "windows of signals, by a range as above"),
    ("attention_4d_.*padded_kv", "padding by a graph input"),
    ("attention_local_window_ext_cache_.*mask_expanded", "padding by a graph input"),
)
"""Patterns of names of tests that are left out, and why."""

LEAST_PASSED = 1117
"""Node tests of onnx 1.23; later versions have more."""


@cache
def all_tests() -> list[Any]:
    """All node tests, which the package makes with overflows and divisions by zero."""
    with warnings.catch_warnings(action="ignore"):
        return [converted(case) for case in loader.load_model_tests(kind="node")]


def converted(case: Any) -> Any:
    """Return a node test as its file would be read: `onnx` converts operators of an old version."""
    opsets = case.model.opset_import if case.model is not None else ()
    if all(entry.version >= OLDEST_OPSET for entry in opsets if entry.domain in DOMAINS):
        return case
    try:
        return replace(case, model=with_known_operators(case.model, case.name))
    except ModelError:  # Of an operator that is not supported.
        return case


@cache
def node_tests() -> dict[str, list[Any]]:
    """The applicable node tests by operator."""
    tests = defaultdict(list)
    for case in all_tests():
        nodes = case.model.graph.node if case.model is not None else ()
        types = {node.op_type if node.domain in DOMAINS else node.domain for node in nodes}
        is_excluded = any(re.search(pattern, case.name) for pattern, _ in EXCLUDED)
        if types and types <= set(OPERATORS) and not is_excluded:
            for kind in types if len(nodes) == 1 else ["several"]:
                tests[kind].append(case)
    return tests


def array(value: Any) -> Any:
    data = numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
    data = np.asarray(data)
    return data.astype(np.float32) if data.dtype.name in ("float16", "bfloat16") else data


def run(model: onnx.ModelProto, inputs: Sequence[Any], *, channels_last: bool) -> list[Any]:
    """Compute a model: images and activations as tensors, settings as constants."""
    graph = model.graph
    opset = next(entry.version for entry in model.opset_import if entry.domain in DOMAINS)
    nodes = [node_of(proto, opset) for proto in graph.node]
    constants = {tensor.name: constant(array_of(tensor)) for tensor in graph.initializer}
    arrays = dict(zip([value.name for value in graph.input], inputs, strict=False))
    takes_integers = nodes[0].type in ("Cast", "CastLike", "Identity", "Not")
    tensors = {
        name: data
        for index, (name, data) in enumerate(arrays.items())
        if (data.dtype.kind == "f" and (index == 0 or data.ndim > 1))
        or (index == 0 and takes_integers)
    }
    constants |= {name: constant(data) for name, data in arrays.items() if name not in tensors}

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def compute(given: dict[str, Any]) -> list[Any]:
        values = dict(constants)
        for name, tensor in given.items():
            if channels_last and tensor.shape.rank > 2:
                tensor = tf.transpose(tensor, last_axes(tensor.shape.rank))
                values[name] = Value(tensor, tensors[name].shape, channels_last=True)
            else:
                values[name] = Value(tensor, tensors[name].shape)
        values = run_nodes(nodes, values, shapes={}, images=None)
        return [tf.convert_to_tensor(values[out.name].declared().data) for out in graph.output]

    outputs = compute({name: tf.constant(data) for name, data in tensors.items()})
    return [output.numpy() for output in outputs]


def check(case: Any) -> None:
    for inputs, outputs in case.data_sets:
        arrays = [array(value) for value in inputs]
        is_short = any(
            value.elem_type in (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
            for value in (output.type.tensor_type for output in case.model.graph.output)
        )
        has_layouts = len(case.model.graph.node) == 1 and any(data.ndim > 2 for data in arrays)
        for channels_last in {False, has_layouts}:
            results = run(case.model, arrays, channels_last=channels_last)
            for result, expected in zip(results, map(array, outputs), strict=True):
                assert result.shape == expected.shape, case.name
                assert (result.dtype.kind == "b") == (expected.dtype.kind == "b"), case.name
                np.testing.assert_allclose(
                    result.astype(np.float64),
                    expected.astype(np.float64),
                    rtol=0.01 if is_short else max(case.rtol, 1e-3),
                    atol=1e-3 if is_short else max(case.atol, 1e-6),
                    err_msg=case.name,
                )


@pytest.mark.parametrize("kind", sorted({*OPERATORS, "several"}))
def test_operators_compute_what_the_node_tests_say(kind: str) -> None:
    assert node_tests()[kind], f"no node test of {kind}"
    for case in node_tests()[kind]:
        check(case)


def test_the_number_of_node_tests() -> None:
    count = sum(map(len, node_tests().values()))
    print(f"{count} node tests of onnx {onnx.__version__}")  # noqa: T201
    assert count >= LEAST_PASSED


def test_what_is_left_out_exists() -> None:
    names = [case.name for case in all_tests()]
    for pattern, reason in EXCLUDED:
        assert any(re.search(pattern, name) for name in names), reason
