import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from igcli.errors import ModelError
from igcli.integration.network import PointGradients, Points
from igcli.models.load import load
from igcli.models.network.device_arrays import AcceleratorArrays, DeviceArrays, HostArrays
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.options import ModelOptions
from igcli.pipeline.calibration.batch_size import CANDIDATES
from igcli.records import Array

SHAPE = (12, 10, 3)


@pytest.fixture(scope="module")
def classifier() -> Any:
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(5, 3, activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def network(classifier: Any) -> TensorFlowNetwork:
    return TensorFlowNetwork(lambda x: classifier(x / 255, training=False), SHAPE)


def pixels(count: int) -> Array:
    return np.random.default_rng(5).uniform(0, 255, (count, *SHAPE)).astype(np.float32)


def points(network: TensorFlowNetwork, order: list[int]) -> Points:
    starts, ends = pixels(2), pixels(4)[2:]
    line = np.array([0, 0, 0, 1, 1, 1], np.int32)[order]
    alpha = np.array([0, 0.3, 1, 0, 0.6, 1], np.float32)[order]
    target = np.array([1, 1, 1, 3, 3, 3], np.int32)[order]
    lines = [network.place(*line) for line in zip(starts, ends - starts, strict=True)]
    return Points(lines, line, alpha, target)


def inputs_of(batch: Points) -> Array:
    wide = batch.alpha[:, None, None, None]
    start, direction = ends_of(batch)
    inputs: Array = start + wide * direction
    return inputs


def ends_of(batch: Points) -> tuple[Array, Array]:
    """Return start and direction of each point's line."""
    start, direction = zip(*(line.ends for line in batch.lines), strict=True)
    return np.stack(start)[batch.line], np.stack(direction)[batch.line]


def test_scores_are_the_networks(network: TensorFlowNetwork, classifier: Any) -> None:
    images = pixels(3)
    expected = classifier(images / 255, training=False).numpy()
    np.testing.assert_allclose(network.predict(images), expected, rtol=1e-5)
    assert network.outputs == 4


def test_gradients_are_those_of_a_plain_tape(network: TensorFlowNetwork, classifier: Any) -> None:
    batch = points(network, [0, 1, 2, 3, 4, 5])
    x = tf.constant(inputs_of(batch))
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = tf.gather(classifier(x / 255, training=False), batch.target, batch_dims=1)
    expected = tape.gradient(scores, x).numpy()
    answer = network.gradients(batch, per_point=True, slopes=True, interior=True)
    assert answer.slopes is not None
    assert answer.interior is not None
    np.testing.assert_allclose(answer.scores, scores, rtol=1e-5)
    np.testing.assert_allclose(answer.gradients, expected, rtol=1e-3, atol=1e-9)
    start, direction = ends_of(batch)
    np.testing.assert_allclose(
        answer.slopes, (expected * direction).sum((1, 2, 3)), rtol=1e-3, atol=1e-6
    )
    np.testing.assert_allclose(
        answer.interior, (expected * (start + direction)).mean(-1), rtol=1e-3, atol=1e-8
    )


def test_a_point_does_not_depend_on_its_place_in_the_batch(network: TensorFlowNetwork) -> None:
    first = network.gradients(points(network, [0, 1, 2, 3, 4, 5]), per_point=True, slopes=True)
    order = [4, 2, 5, 0, 3, 1]
    again = network.gradients(points(network, order), per_point=True, slopes=True)
    assert first.slopes is not None
    np.testing.assert_array_equal(again.gradients, first.gradients[order])
    np.testing.assert_array_equal(again.summands, first.summands[order])
    np.testing.assert_array_equal(again.scores, first.scores[order])
    np.testing.assert_array_equal(again.slopes, first.slopes[order])


def test_one_shape_of_batch_is_traced_once(classifier: Any) -> None:
    traces = 0

    def counted(x: Any) -> Any:
        nonlocal traces
        traces += 1
        return classifier(x, training=False)

    network = TensorFlowNetwork(counted, SHAPE)
    for _ in range(3):
        network.gradients(points(network, [0, 1, 2, 3, 4, 5]))
    assert traces == 1
    assert len(network._functions) == 1


def test_several_threads_may_trace_at_once(classifier: Any) -> None:
    wanted = [
        {"per_point": per_point, "interior": maps}
        for per_point in (False, True)
        for maps in (False, True)
    ]
    network = TensorFlowNetwork(lambda x: classifier(x / 255), SHAPE)
    batch = points(network, [0, 1, 2, 3, 4, 5])
    start = threading.Barrier(len(wanted))

    def answer_to(flags: dict[str, bool]) -> Any:
        start.wait()
        return network.gradients(batch, **flags).summands

    with ThreadPoolExecutor(len(wanted)) as pool:
        first, *others = pool.map(answer_to, wanted)
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("arrays", [HostArrays(), AcceleratorArrays("CPU:0")])
def test_sums_are_in_order_whatever_the_cuts(arrays: DeviceArrays) -> None:
    rng = np.random.default_rng(2)
    gradients = rng.normal(size=(9, *SHAPE)).astype(np.float32)
    weights = rng.uniform(size=9).astype(np.float32)
    whole = arrays.fetch(arrays.accumulate(None, placed(arrays, gradients), weights))
    total = None
    for part in (slice(0, 2), slice(2, 3), slice(3, 9)):
        total = arrays.accumulate(total, placed(arrays, gradients[part]), weights[part])
    np.testing.assert_array_equal(arrays.fetch(total), whole)
    np.testing.assert_allclose(whole, np.tensordot(weights, gradients, 1), rtol=1e-4, atol=1e-5)


def placed(arrays: DeviceArrays, array: Array) -> Any:
    return array if isinstance(arrays, HostArrays) else arrays.place(array)


def test_a_line_is_placed_once_while_it_is_in_use(network: TensorFlowNetwork) -> None:
    start, direction = pixels(2)
    first = network.place(start, direction)
    again, moved = network.place(start, direction), network.place(direction, direction)
    assert again.start is first.start
    assert again.direction is first.direction
    assert not np.array_equal(moved.start, first.start)
    stem = network._traced_stem
    assert stem is not None
    held = len(stem._lines)
    del first, again, moved, direction
    assert len(stem._lines) == held - 1


def test_an_output_that_is_no_row_of_scores_is_refused() -> None:
    def of_any_size(x: Any) -> Any:
        return tf.boolean_mask(x, tf.reduce_sum(x, [0, 2, 3]) > 0, axis=1)

    with pytest.raises(ModelError, match="expected \\(images, classes\\)"):
        TensorFlowNetwork(of_any_size, SHAPE)


def test_a_network_without_gradient_is_refused() -> None:
    network = TensorFlowNetwork(lambda x: tf.round(tf.reduce_sum(x, [1, 2])) * 0 + 1, SHAPE)
    blind = TensorFlowNetwork(lambda x: tf.stop_gradient(tf.reduce_sum(x, [1, 2])), SHAPE)
    assert network.outputs == 3
    with pytest.raises(ModelError, match="no gradient"):
        blind.gradients(points(blind, [0, 1, 2, 3, 4, 5]))


def test_a_point_does_not_depend_on_the_number_of_lines(classifier: Any) -> None:
    ends = pixels(6)
    line, alpha = np.zeros(6, np.int32), np.linspace(0, 1, 6, dtype=np.float32)
    target = np.ones(6, np.int32)

    def answer_of(network: TensorFlowNetwork, lines: int) -> Any:
        pairs = zip(ends[:lines], ends[::-1][:lines], strict=True)
        batch = Points([network.place(*pair) for pair in pairs], line, alpha, target)
        result = network.gradients(batch, per_point=True, slopes=True, interior=True)
        return tuple(getattr(result, field.name) for field in fields(PointGradients))

    networks = [TensorFlowNetwork(lambda x: classifier(x / 255), SHAPE) for _ in range(2)]
    results = [answer_of(networks[0], lines) for lines in (1, 2, 4, 6, 1)]
    results += [answer_of(networks[1], lines) for lines in (5, 1, 3)]
    for result in results:
        for one, other in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(one, other)
    assert [len(network._functions) for network in networks] == [1, 1]


def test_batches_of_several_sizes_share_a_network(network: TensorFlowNetwork) -> None:
    first = network.gradients(points(network, [0, 1, 2, 3, 4, 5]), per_point=True)
    for order in ([0, 3, 1, 2], [5, 0], [4]):
        again = network.gradients(points(network, order), per_point=True)
        np.testing.assert_allclose(again.gradients, first.gradients[order], rtol=1e-3, atol=1e-9)


def test_bfloat16_agrees_and_does_not_reach_other_networks(classifier: Any) -> None:
    exact = TensorFlowNetwork(lambda x: classifier(x / 255, training=False), SHAPE)
    rounded = TensorFlowNetwork(lambda x: classifier(x / 255, training=False), SHAPE)
    rounded.precision = "bfloat16"
    order = [0, 1, 2, 3, 4, 5]
    before = exact.gradients(points(exact, order), per_point=True, slopes=True)
    answer = rounded.gradients(points(rounded, order), per_point=True, slopes=True)
    after = exact.gradients(points(exact, order), per_point=True, slopes=True)
    np.testing.assert_array_equal(after.gradients, before.gradients)
    scale = np.abs(before.gradients).max()
    np.testing.assert_allclose(answer.gradients, before.gradients, rtol=0, atol=0.05 * scale)
    assert answer.slopes is not None
    assert before.slopes is not None
    np.testing.assert_allclose(answer.slopes, before.slopes, rtol=0.05, atol=1e-3)
    np.testing.assert_array_equal(rounded.predict(pixels(2)), exact.predict(pixels(2)))


@pytest.fixture
def on_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have networks compute as on a GPU: compiled by XLA, on arrays of the device's."""
    monkeypatch.setattr("igcli.models.network.network.arrays_on", AcceleratorArrays)


@pytest.mark.usefixtures("on_device")
def test_an_accelerators_way_gives_the_same(classifier: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("igcli.models.network.network.arrays_on", lambda _: HostArrays())
        host = TensorFlowNetwork(partial(classifier, training=False), SHAPE)
    device = TensorFlowNetwork(partial(classifier, training=False), SHAPE)
    order = [0, 1, 2, 3, 4, 5]
    wanted = {"per_point": True, "slopes": True, "interior": True}
    expected = host.gradients(points(host, order), **wanted)
    answer = device.gradients(points(device, order), **wanted)
    for name in (field.name for field in fields(PointGradients)):
        values = device.fetch(getattr(answer, name))
        np.testing.assert_allclose(values, getattr(expected, name), rtol=1e-4, atol=1e-6)
    assert device._is_fused


@pytest.mark.usefixtures("on_device")
def test_what_xla_does_not_know_is_computed_without_it() -> None:
    def unknown(x: Any) -> Any:
        python = tf.numpy_function(np.zeros_like, [x], tf.float32)
        scores = tf.reduce_sum(x * x + tf.stop_gradient(tf.reshape(python, tf.shape(x))), [1, 2])
        return tf.concat([scores, scores], 1)

    network = TensorFlowNetwork(unknown, SHAPE)
    answer = network.gradients(points(network, [0, 1, 2, 3, 4, 5]))
    assert np.isfinite(network.fetch(answer.scores)).all()
    assert not network._is_fused


def test_a_baseline_is_brought_to_the_device_once() -> None:
    device = AcceleratorArrays("CPU:0")
    baseline = np.zeros(SHAPE, np.float32)
    first = device.place(baseline)
    for _ in range(3):
        assert device.place(np.ones(SHAPE, np.float32)) is not first
        assert device.place(baseline) is first


def test_few_numbers_of_lines_reach_the_compiler() -> None:
    device = AcceleratorArrays("CPU:0")
    lines = [device.place(np.full(SHAPE, value, np.float32)) for value in range(7)]
    assert [len(device.stack(lines[:count])) for count in range(1, 8)] == [1, 2, 4, 4, 8, 8, 8]
    np.testing.assert_array_equal(device.stack(lines[:3])[2], lines[2])


@pytest.mark.parametrize("size", CANDIDATES["CPU"])
def test_the_demos_bits_do_not_depend_on_the_place_in_a_batch(size: int) -> None:
    network = load(ModelOptions(), device="cpu").network
    rng = np.random.default_rng(7)
    image = rng.uniform(0, 255, network.input_shape).astype(np.float32)
    start = np.zeros_like(image)
    line = np.zeros(size, np.int32)
    alpha = np.linspace(0, 1, size, dtype=np.float32)
    placed = [network.place(start, image)]
    first = network.gradients(Points(placed, line, alpha, line), per_point=True)
    for shift in (1, size // 2):
        moved = Points(placed, line, np.roll(alpha, shift), line)
        again = network.gradients(moved, per_point=True)
        np.testing.assert_array_equal(again.summands, np.roll(first.summands, shift, 0))
        np.testing.assert_array_equal(again.gradients, np.roll(first.gradients, shift, 0))
        np.testing.assert_array_equal(again.scores, np.roll(first.scores, shift))
