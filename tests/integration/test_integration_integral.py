import numpy as np

from igcli.integration.integral import FrameCollector, choose_frames


def test_few_points_are_all_shown() -> None:
    assert choose_frames(np.linspace(0, 1, 51)).all()


def test_many_points_are_thinned_evenly() -> None:
    alphas = np.linspace(0, 1, 201)
    np.testing.assert_allclose(alphas[choose_frames(alphas)], np.linspace(0, 1, 51), atol=1e-12)


def test_crowded_points_give_fewer_frames() -> None:
    alphas = np.concatenate([[0], np.linspace(0.9, 1, 99)])
    chosen = alphas[choose_frames(alphas)]
    assert len(chosen) <= 51
    assert {0, 0.9, 1} <= set(chosen)


def test_frames_of_points_that_keep_coming_are_those_of_all_points() -> None:
    random = np.random.default_rng(5)
    alphas = np.concatenate([np.linspace(0, 1, 9), random.uniform(0.2, 0.4, 300)])
    kept = FrameCollector()
    for first in range(0, len(alphas), 4):
        part = alphas[first : first + 4]
        kept.add(part, np.repeat(part, 6).reshape(-1, 2, 3).astype(np.float32))
    rising = np.sort(alphas)
    interior = kept.result()
    np.testing.assert_array_equal(interior.alphas, rising[choose_frames(rising)])
    np.testing.assert_array_equal(interior.maps[:, 1, 2], interior.alphas.astype(np.float32))
    assert len(interior.alphas) <= 51


def test_few_points_that_keep_coming_are_all_shown() -> None:
    kept = FrameCollector()
    for alpha in (0.0, 1.0, 0.5):
        kept.add(np.array([alpha]), np.full((1, 2, 2), alpha, np.float32))
    np.testing.assert_array_equal(kept.result().alphas, [0, 0.5, 1])
