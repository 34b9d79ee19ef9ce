"""Ground that is not flat: heights, requests with them, and feet that stand on slopes and steps."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from genmo.runtime.constraints import constraints_from
from genmo.runtime.errors import RequestError
from genmo.runtime.ground import Ground, flattened, heights_at
from genmo.runtime.metrics import measure
from genmo.runtime.request import Keyframe, MotionRequest, Path, Pin, Prompt
from genmo.runtime.skeleton import CONTACT_JOINTS, FLOOR_OFFSET, INDEX, JOINT_NAMES
from genmo.runtime.terrain import stand
from genmo.tests.runtime.walking import walk

WALK = Prompt("a person walks", 0, 120)


def steps(rise: float, run: float = 0.5, count: int = 12) -> Ground:
    """Stairs along z that begin at z = 0.5."""
    rows = [rise * max(0.0, np.floor((0.05 * index - 0.5) / run) + 1.0) for index in range(round(count * run / 0.05))]
    return Ground((-1.0, 0.0), 0.05, tuple((float(height),) * 41 for height in rows))


def slope(angle: float) -> Ground:
    """A ramp along z."""
    return Ground((-1.0, -2.0), 0.1, tuple((float(np.tan(angle) * 0.1 * (index - 20)),) * 21 for index in range(140)))


def test_heights_are_straight_on_slopes_and_sharp_at_edges() -> None:
    ramp = Ground((0.0, 0.0), 1.0, ((0.0, 0.05), (0.05, 0.1)))  # a tenth of a metre in two
    assert heights_at(ramp, (0.5, 0.5)) == pytest.approx(0.05)
    assert heights_at(ramp, [(0.25, 0.0), (0.0, 0.5)]) == pytest.approx([0.0125, 0.025])
    assert heights_at(ramp, (-5.0, 9.0, 7.0)) == pytest.approx(0.05)  # beyond the edge, and a point in space
    step = Ground((0.0, 0.0), 0.1, ((0.0, 0.5),))
    assert heights_at(step, [(0.04, 0.0), (0.06, 0.0)]) == pytest.approx([0.0, 0.5])


def test_json_and_what_is_wrong_with_it() -> None:
    request = MotionRequest(120, prompts=(WALK,), ground=Ground((0.0, 1.0), 0.5, ((0.0, 0.1), (0.2, 0.3))))
    assert MotionRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
    assert "ground" not in MotionRequest(120, prompts=(WALK,)).to_json()
    for wrong, words in (
        ({"origin": [0, 0], "step": 0.5, "heights": [[0, 1], [0]]}, "rows of the same length"),
        ({"origin": [0, 0], "step": 0.5, "heights": []}, "rows of the same length"),
        ({"origin": [0, 0], "step": 0, "heights": [[0]]}, "step"),
        ({"origin": [0, 0], "heights": [[0]]}, "step"),
        ({"origin": [0, 0], "step": 1, "heights": [[float("nan")]]}, "heights"),
    ):
        with pytest.raises(RequestError, match=words):
            MotionRequest.from_json({"frames": 10, "ground": wrong})


def test_over_a_flat_floor_the_request_comes_down_by_the_ground() -> None:
    ground = steps(0.2)
    upright = dict.fromkeys(JOINT_NAMES, (1.0, 0.0, 0.0, 0.0))
    request = MotionRequest(
        120,
        keyframes=(
            Keyframe(0, JOINT_NAMES, (0.0, 0.9, 0.0), upright),
            Keyframe(119, JOINT_NAMES, (0.0, 1.9, 2.7), upright),
        ),
        pins=(Pin("l_foot", 60, 70, (0.1, 0.62, 1.7)), Pin("r_wrist", 119, 120, (0.2, 2.2, 2.9))),
        ground=ground,
    )
    flat = flattened(request)
    assert flat.ground is None
    assert [key.root_position[1] for key in flat.keyframes if key.root_position] == pytest.approx([0.9, 0.9])
    assert [pin.position[1] for pin in flat.pins] == pytest.approx([0.02, 1.2])


@pytest.mark.parametrize(
    "ground",
    [steps(0.12), steps(0.18), steps(-0.15), slope(0.15), slope(-0.2)],
    ids=["low steps", "high steps", "down", "ramp up", "ramp down"],
)
def test_a_walk_stands_on_the_ground(ground: Ground) -> None:
    flat = walk(120)
    request = MotionRequest(120, prompts=(WALK,), ground=ground)
    motion = stand(replace(flat, request=None), request)
    assert motion.request == request
    points = motion.positions[:, [INDEX["l_foot"], INDEX["r_foot"]]]
    planted = motion.contacts[:, [CONTACT_JOINTS.index("l_foot"), CONTACT_JOINTS.index("r_foot")]] > 0.5
    over = points[..., 1] - heights_at(ground, points)
    before = flat.positions[:, [INDEX["l_foot"], INDEX["r_foot"]], 1]
    assert np.abs((over - before)[planted]).max() < 0.02
    assert np.median(np.abs((over - before)[planted])) < 0.005
    assert (over > FLOOR_OFFSET - 0.03).all()
    found, recorded = measure(motion), measure(replace(flat, request=None))
    assert found["foot_skate_contact"] < recorded["foot_skate_contact"] + 3.0
    assert found["jitter"] < 4.0 * recorded["jitter"] + 10.0
    climbed = motion.root_positions[-1, 1] - motion.root_positions[0, 1]
    assert climbed == pytest.approx(float(heights_at(ground, motion.root_positions[-1])), abs=0.2)


def test_constraints_are_met_on_the_ground() -> None:
    ground, flat = steps(0.15), walk(120)
    end = flat.positions[119, 0]
    key = Keyframe(
        119,
        JOINT_NAMES,
        (float(end[0]), float(end[1] + heights_at(ground, end)), float(end[2])),
        {name: tuple(flat.local_rotations[119, joint].tolist()) for joint, name in enumerate(JOINT_NAMES)},
    )
    points = flat.root_positions[[0, 60]][:, [0, 2]].tolist()
    path = Path((0, 60), tuple((x, z) for x, z in points))
    request = MotionRequest(120, keyframes=(key,), path=path, ground=ground)
    errors = measure(stand(flat, request), request)
    assert errors["key_position_error_mm"] < 0.01
    assert errors["key_rotation_error_deg"] < 0.001
    assert errors["path_error_mm"] < 0.01
    assert constraints_from(request).root_positions[119, 1] > 1.0


def test_flat_ground_changes_nothing() -> None:
    flat = walk(90)
    request = MotionRequest(90, prompts=(WALK,), ground=Ground((0.0, 0.0), 1.0, ((0.0,),)))
    motion = stand(flat, request)
    assert np.abs(motion.positions - flat.positions).max() < 0.02
