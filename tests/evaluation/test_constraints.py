"""Constraint errors against distances that are put in."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.evaluation import constraints
from genmo.evaluation.constraints import Summary


def motion(frames: int = 40, joints: int = 22) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(frames, joints, 3))


def test_full_body_errors_are_distances_of_all_joints_on_keyed_frames() -> None:
    made, keyed = motion(), [3, 17]
    targets = made[keyed].copy()
    targets[0, 4] += [0.003, 0.0, 0.004]
    targets[1, 9] -= [0.0, 0.01, 0.0]
    expected = np.zeros((2, 22))
    expected[0, 4], expected[1, 9] = 5.0, 10.0
    assert np.allclose(constraints.full_body_errors(made, keyed, targets), expected, atol=1e-9)


def test_effector_errors_take_one_joint_for_each_goal() -> None:
    made = motion()
    targets = np.stack([made[5, 20] + [0.0, 0.0, 0.02], made[6, 20], made[6, 7] + [0.03, 0.04, 0.0]])
    found = constraints.effector_errors(made, [5, 6, 6], [20, 20, 7], targets)
    assert np.allclose(found, [20.0, 0.0, 50.0], atol=1e-9)


def test_the_path_lies_on_the_ground() -> None:
    roots = motion()[:, 0]
    points = roots[[0, 10]][:, [0, 2]] + [[0.03, 0.04], [0.0, 0.0]]
    assert np.allclose(constraints.root_path_errors(roots, [0, 10], points), [50.0, 0.0], atol=1e-9)
    raised = roots + np.array([0.0, 1.0, 0.0])
    assert np.allclose(constraints.root_path_errors(raised, [0, 10], points), [50.0, 0.0], atol=1e-9)


def test_means_are_over_the_clips_that_have_the_constraint() -> None:
    """Kimodo's first tables divided by all clips: 13 groups of which 5 had key poses gave 5/13 of the error."""
    keyed = [{"full_body": np.full((2, 22), 29.29)} for _ in range(5)]
    others = [{"root_path": [10.0, 30.0]} for _ in range(7)] + [{"full_body": np.empty((0, 22)), "root_path": [20.0]}]
    found = constraints.summaries([*keyed, *others])
    assert found["full_body"] == Summary(pytest.approx(29.29), pytest.approx(29.29), pytest.approx(29.29), 5)
    assert found["full_body"].mean * 5 / 13 == pytest.approx(11.26, abs=0.01)  # what they printed, in mm
    assert found["root_path"].mean == pytest.approx(20.0)
    assert found["root_path"].clips == 8


def test_clips_weigh_the_same_however_many_frames_they_hold() -> None:
    found = constraints.summaries([{"effector": [10.0]}, {"effector": [20.0, 40.0, 60.0]}])["effector"]
    assert found.mean == pytest.approx((10.0 + 40.0) / 2)
    assert found.p95 == pytest.approx(10.0 + 0.95 * 30.0)
    assert found.p95_frames == pytest.approx(40.0 + 0.85 * 20.0)


def test_no_constraints_no_numbers() -> None:
    assert constraints.summaries([]) == {}
    made = motion()
    assert constraints.full_body_errors(made, [], made[:0]).shape == (0, 22)
    assert constraints.effector_errors(made, [], [], made[:0, 0]).shape == (0,)
    assert constraints.root_path_errors(made[:, 0], [], made[:0, 0, :2]).shape == (0,)


@pytest.mark.parametrize("frame", [-1, 40])
def test_frames_outside_the_motion_are_refused(frame: int) -> None:
    made = motion()
    with pytest.raises(ValueError, match="frames"):
        constraints.full_body_errors(made, [frame], made[:1])
    with pytest.raises(ValueError, match="frames"):
        constraints.effector_errors(made, [frame], [0], made[0, :1])
    with pytest.raises(ValueError, match="frames"):
        constraints.root_path_errors(made[:, 0], [frame], made[0, :1, :2])


def test_goals_that_do_not_fit_are_refused() -> None:
    made = motion()
    with pytest.raises(ValueError, match="targets"):
        constraints.full_body_errors(made, [0], made[:2])
    with pytest.raises(ValueError, match="targets"):
        constraints.root_path_errors(made[:, 0], [0], made[:1, 0])
    with pytest.raises(ValueError, match="joints"):
        constraints.effector_errors(made, [0], [22], made[:1, 0])
    with pytest.raises(ValueError, match="2 frames but 1 joints"):
        constraints.effector_errors(made, [0, 1], [0], made[:2, 0])
