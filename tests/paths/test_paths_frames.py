import numpy as np

from igcli.paths.frames import frames


def test_few_points_are_all_shown() -> None:
    assert frames(np.linspace(0, 1, 51)).all()


def test_many_points_are_thinned_evenly() -> None:
    alphas = np.linspace(0, 1, 201)
    np.testing.assert_allclose(alphas[frames(alphas)], np.linspace(0, 1, 51), atol=1e-12)


def test_crowded_points_give_fewer_frames() -> None:
    alphas = np.concatenate([[0], np.linspace(0.9, 1, 99)])
    chosen = alphas[frames(alphas)]
    assert len(chosen) <= 51
    assert {0, 0.9, 1} <= set(chosen)
