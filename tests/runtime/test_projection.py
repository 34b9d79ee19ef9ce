"""Projection: constraints are exact, judged by forward kinematics, and nothing pops or depends on the place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genmo.runtime import rotation, skeleton
from genmo.runtime.constraints import Constraints, constraints_from
from genmo.runtime.metrics import key_acceleration_ratio
from genmo.runtime.motion import Motion
from genmo.runtime.projection import project
from genmo.runtime.request import Keyframe, MotionRequest, Path, Pin
from genmo.runtime.skeleton import INDEX, JOINT_NAMES, Array
from genmo.tests.runtime.walking import accelerations, key_of, swaying

MILLIMETRE = 1e-3
TENTH_OF_A_DEGREE = np.radians(0.1)


def errors(root: Array, local: Array, constraints: Constraints) -> tuple[float, float]:
    """Largest error of all constraints: metres and radians."""
    positions, worlds = skeleton.forward_kinematics(root, local)
    fixed = constraints.root_mask
    metres = [np.abs(root - constraints.root_positions)[fixed]]
    turns = [
        rotation.angle(local, constraints.pose_rotations)[constraints.pose_mask],
        np.abs(wrapped(rotation.heading(local[:, 0]) - constraints.headings))[constraints.heading_mask],
    ]
    for pin in constraints.pins:
        held = slice(pin.start, pin.stop)
        metres.append(np.linalg.norm(positions[held, pin.joint] - pin.position, axis=-1))
        if pin.rotation is not None:
            turns.append(rotation.angle(worlds[held, pin.joint], pin.rotation))
    return np.concatenate(metres).max(initial=0.0), np.concatenate(turns).max(initial=0.0)


def wrapped(angles: Array) -> Array:
    return (angles + np.pi) % (2.0 * np.pi) - np.pi


def random_request(seed: int) -> tuple[MotionRequest, Array, Array]:
    """Anything at once, and an estimate; every pin can be reached and no two constraints contradict each other."""
    random = np.random.default_rng(seed)
    frames = int(random.choice([1, 2, 3, 17, 60, 121]))
    root, local = swaying(frames, seed)
    wish_root, wish_local = swaying(frames, seed + 1000, size=0.5)
    choice = random.integers(0, 8)
    keyed = {0, frames - 1, *(int(frame) for frame in random.integers(0, frames, 3))} if choice & 1 else set()
    keyed |= {frame + 1 for frame in list(keyed)[:1] if frame + 1 < frames}
    keys = tuple(key_of(wish_root, wish_local, frame) for frame in sorted(keyed))
    path = None
    if choice & 2:
        at = sorted({int(frame) for frame in random.integers(0, frames, 4)})
        points = tuple((float(x), float(z)) for x, z in wish_root[at][:, (0, 2)])
        headings = tuple(random.uniform(-3.0, 3.0, len(at))) if random.random() < 0.5 else None
        path = Path(tuple(at), points, headings, dense=bool(random.random() < 0.3))
    pins: tuple[Pin, ...] = ()
    if choice & 4 and not keys and path is None:
        pins = random_pins(random, root, local)
    return MotionRequest(frames, keyframes=keys, path=path, pins=pins), root, local


def random_pins(random: np.random.Generator, root: Array, local: Array) -> tuple[Pin, ...]:
    """Up to three pins of different limbs near where the joints are anyway, overlapping in time."""
    positions, worlds = skeleton.forward_kinematics(root, local)
    groups = (("l_wrist",), ("r_wrist",), ("l_ankle", "l_foot"), ("r_ankle", "r_foot"), ("head", "l_elbow", "r_knee"))
    pins = []
    for group in random.permutation(len(groups))[:3]:
        joint = str(random.choice(groups[group]))
        start = int(random.integers(0, len(root)))
        stop = min(start + int(random.integers(1, 25)), len(root))
        middle = (start + stop) // 2
        place = positions[middle, INDEX[joint]] + random.uniform(-0.1, 0.1, 3)
        turn = tuple(rotation.multiply(worlds[middle, INDEX[joint]], rotation.about_y(0.3)))
        pins.append(Pin(joint, start, stop, tuple(place), turn if random.random() < 0.5 else None))
    return tuple(pins)


@pytest.mark.parametrize("seed", range(60))
def test_random_requests_are_met_exactly_and_once(seed: int) -> None:
    request, root, local = random_request(seed)
    constraints = constraints_from(request)
    once = project(root, local, constraints)
    metres, turns = errors(*once, constraints)
    assert metres < MILLIMETRE / 100
    assert turns < TENTH_OF_A_DEGREE / 10
    assert np.isfinite(once[0]).all()
    assert np.isfinite(once[1]).all()
    assert np.allclose(np.linalg.norm(once[1], axis=-1), 1.0)
    twice = project(*once, constraints)
    assert np.abs(twice[0] - once[0]).max() < 1e-6
    assert rotation.angle(twice[1], once[1]).max() < 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_everything_at_once_keeps_keys_and_path_exact(seed: int) -> None:
    """Pins wherever they like, on top of keys one frame apart and a path: what wins is exact, the rest is finite."""
    random = np.random.default_rng(seed)
    root, local = swaying(90, seed)
    wish_root, wish_local = swaying(90, seed + 500, size=0.5)
    keys = tuple(key_of(wish_root, wish_local, frame) for frame in (0, 40, 41, 89))
    path = Path((20, 60), tuple((x, z) for x, _, z in wish_root[[20, 60]]), (0.3, -2.0))
    pins = random_pins(random, wish_root, wish_local) + random_pins(random, root, local)
    constraints = constraints_from(MotionRequest(90, keyframes=keys, path=path, pins=pins))
    result = project(root, local, constraints)
    metres, turns = errors(*result, replace(constraints, pins=()))
    assert metres < 1e-9
    assert turns < 1e-6
    assert np.isfinite(result[0]).all()
    assert np.isfinite(result[1]).all()


def test_no_constraints_change_nothing() -> None:
    root, local = swaying(30)
    result = project(root, local, constraints_from(MotionRequest(30)))
    assert np.array_equal(result[0], root)
    assert np.array_equal(result[1], local)


@pytest.mark.parametrize("joint", JOINT_NAMES)
def test_every_joint_can_be_pinned_with_its_rotation(joint: str) -> None:
    root, local = swaying(60, seed=3)
    place = skeleton.forward_kinematics(root, local)[0][30, INDEX[joint]] + [0.05, -0.04, 0.06]
    pin = Pin(joint, 20, 40, tuple(place), tuple(rotation.from_axis_angle([0.2, 0.4, 0.1])))
    constraints = constraints_from(MotionRequest(60, pins=(pin,)))
    metres, turns = errors(*project(root, local, constraints), constraints)
    assert metres < MILLIMETRE
    assert turns < TENTH_OF_A_DEGREE


@pytest.mark.parametrize("joint", ["head", "neck", "l_collar", "r_shoulder", "l_wrist", "l_elbow", "r_ankle"])
def test_a_fixed_root_stays_while_a_joint_is_pinned(joint: str) -> None:
    root, local = swaying(60, seed=4)
    stand = np.tile(root[:1], (60, 1))
    # Where the joint comes by itself; a little lower for the spine, which is almost straight.
    place = skeleton.forward_kinematics(stand, local)[0][36, INDEX[joint]] - [0.0, 0.02 * (joint != "r_ankle"), 0.0]
    path = Path((0, 59), ((stand[0, 0], stand[0, 2]),) * 2, dense=True)
    keys = tuple(Keyframe(frame, (), tuple(stand[0])) for frame in range(60))
    request = MotionRequest(60, keyframes=keys, path=path, pins=(Pin(joint, 34, 38, tuple(place)),))
    constraints = constraints_from(request)
    metres, _ = errors(*project(stand, local, constraints), constraints)
    assert metres < MILLIMETRE


def test_heel_and_ball_pins_hold_the_whole_foot() -> None:
    root, local = swaying(50, seed=5)
    positions = skeleton.forward_kinematics(root, local)[0][25]
    pins = tuple(Pin(name, 15, 35, tuple(positions[INDEX[name]])) for name in ("l_ankle", "l_foot"))
    constraints = constraints_from(MotionRequest(50, pins=pins))
    assert errors(*project(root, local, constraints), constraints)[0] < MILLIMETRE


def test_knee_and_ankle_pins_are_met_together() -> None:
    root, local = swaying(50, seed=6)
    positions = skeleton.forward_kinematics(root, local)[0][25]
    pins = tuple(Pin(name, 15, 35, tuple(positions[INDEX[name]])) for name in ("r_knee", "r_ankle"))
    constraints = constraints_from(MotionRequest(50, pins=pins))
    assert errors(*project(root, local, constraints), constraints)[0] < MILLIMETRE


def test_the_body_follows_a_pin_out_of_reach_smoothly() -> None:
    root, local = swaying(120, seed=7)
    place = skeleton.forward_kinematics(root, local)[0][60, INDEX["r_wrist"]] + [-0.9, 0.0, 0.9]
    constraints = constraints_from(MotionRequest(120, pins=(Pin("r_wrist", 50, 70, tuple(place)),)))
    result = project(root, local, constraints)
    assert errors(*result, constraints)[0] < MILLIMETRE
    assert np.linalg.norm(result[0][60] - root[60]) > 0.1
    assert np.abs(result[0][:15] - root[:15]).max() < 0.05
    assert accelerations(result[0][:, None]).max() < 25.0


def test_a_pin_that_a_fixed_root_forbids_is_approached() -> None:
    root, local = swaying(80, seed=8)
    far = root[40] + [3.0, 0.5, 0.0]
    path = Path(tuple(range(80)), tuple((x, z) for x, _, z in root))
    constraints = constraints_from(MotionRequest(80, path=path, pins=(Pin("l_wrist", 30, 50, tuple(far)),)))
    result = project(root, local, constraints)
    before = skeleton.forward_kinematics(root, local)[0][40, INDEX["l_wrist"]]
    after = skeleton.forward_kinematics(*result)[0][40, INDEX["l_wrist"]]
    assert np.array_equal(result[0], root)
    assert np.linalg.norm(after - far) < np.linalg.norm(before - far)


def test_a_key_wins_over_a_pin_without_a_jump() -> None:
    root, local = swaying(100, seed=9)
    positions = skeleton.forward_kinematics(root, local)[0]
    pin = Pin("l_wrist", 40, 70, tuple(positions[50, INDEX["l_wrist"]] + [0.0, 0.2, 0.1]))
    request = MotionRequest(100, keyframes=(key_of(root, local, 55),), pins=(pin,))
    result = project(root, local, constraints_from(request))
    assert rotation.angle(result[1][55], local[55]).max() < 1e-9
    hand = skeleton.forward_kinematics(*result)[0][:, INDEX["l_wrist"]]
    assert np.linalg.norm(np.diff(hand[48:62], axis=0), axis=-1).max() < 0.04
    assert np.linalg.norm(hand[41] - pin.position) < 0.12


def test_a_key_that_agrees_with_a_pin_is_left_alone() -> None:
    root, local = swaying(100, seed=10)
    place = skeleton.forward_kinematics(root, local)[0][55, INDEX["r_ankle"]]
    request = MotionRequest(100, keyframes=(key_of(root, local, 55),), pins=(Pin("r_ankle", 50, 60, tuple(place)),))
    constraints = constraints_from(request)
    metres, turns = errors(*project(root, local, constraints), constraints)
    assert metres < MILLIMETRE
    assert turns < TENTH_OF_A_DEGREE


@pytest.mark.parametrize("seed", range(8))
def test_keys_do_not_pop(seed: int) -> None:
    root, local = swaying(200, seed)
    other_root, other_local = swaying(200, seed, size=0.4)
    keys = tuple(key_of(other_root, other_local, frame) for frame in (20, 75, 130, 180))
    request = MotionRequest(200, keyframes=keys)
    motion = Motion(30.0, *project(root, local, constraints_from(request)), np.zeros((200, 6)))
    ratio = key_acceleration_ratio(motion, request)
    assert ratio is not None
    assert ratio < 2.0


def test_the_root_keeps_its_pace_through_a_waypoint() -> None:
    """A waypoint off the way bends it; the correction has no kink at the frame itself."""
    root = np.stack([np.zeros(120), np.full(120, 0.9), 0.04 * np.arange(120)], axis=1)
    local = rotation.identity(120, 22)
    path = Path((0, 60, 119), ((0.0, 0.0), (1.0, 2.4), (0.0, 4.76)))
    result, _ = project(root, local, constraints_from(MotionRequest(120, path=path)))
    assert np.allclose(result[[0, 60, 119]][:, (0, 2)], path.points)
    bend = np.linalg.norm(np.diff(result, 2, axis=0), axis=-1)
    assert bend.max() < 0.0035  # a kink would be 1 m / 60 frames * 2 = 0.033 in one frame


def test_one_high_key_does_not_lift_the_whole_clip() -> None:
    root, local = swaying(200)
    key = Keyframe(100, (), tuple(root[100] + [0.0, 0.4, 0.0]))
    result, _ = project(root, local, constraints_from(MotionRequest(200, keyframes=(key,))))
    assert result[100, 1] == pytest.approx(root[100, 1] + 0.4)
    assert np.abs(result[[50, 150], 1] - root[[50, 150], 1]).max() < 0.01


def test_the_way_turns_with_the_heading() -> None:
    """Only headings are asked for: a walk along +Z becomes a walk along +X."""
    root = np.stack([np.zeros(60), np.full(60, 0.9), 0.04 * np.arange(60)], axis=1)
    key = Keyframe(0, ("pelvis",), None, {"pelvis": tuple(rotation.about_y(np.pi / 2))})
    result, _ = project(root, rotation.identity(60, 22), constraints_from(MotionRequest(60, keyframes=(key,))))
    assert np.allclose(result[:, 0], 0.04 * np.arange(60))
    assert np.allclose(result[:, 2], 0.0)


def test_headings_take_the_short_way_over_the_seam() -> None:
    root, _ = swaying(90)
    path = Path((0, 45, 89), ((0.0, 0.0),) * 3, (3.0, -3.0, 3.1))
    constraints = constraints_from(MotionRequest(90, path=path))
    start = rotation.about_y(np.full(90, 3.0))
    level = rotation.identity(90, 22)
    level[:, 0] = start
    _, turned = project(root, level, constraints)
    assert np.abs(np.diff(np.unwrap(rotation.heading(turned[:, 0])))).max() < 0.05


def moved_request(request: MotionRequest, turn: Array, shift: Array) -> MotionRequest:
    """The request turned by a quaternion about Y, then shifted."""
    angle = float(rotation.heading(turn))

    def place(point: tuple[float, ...] | None) -> tuple[float, float, float] | None:
        return None if point is None else tuple(rotation.rotate(turn, np.array(point)) + shift)

    keys = tuple(
        Keyframe(
            key.frame, key.joints, place(key.root_position),
            {name: tuple(rotation.multiply(turn, q)) if name == "pelvis" else q for name, q in key.rotations.items()},
        )
        for key in request.keyframes
    )  # fmt: skip
    path = request.path
    if path is not None:
        points = [place((x, 0.0, z)) for x, z in path.points]
        headings = None if path.headings is None else tuple(heading + angle for heading in path.headings)
        path = Path(path.frames, tuple((p[0], p[2]) for p in points if p), headings, path.dense)
    pins = tuple(
        Pin(
            pin.joint, pin.start, pin.stop, place(pin.position) or (0.0, 0.0, 0.0),
            None if pin.rotation is None else tuple(rotation.multiply(turn, pin.rotation)),
        )
        for pin in request.pins
    )  # fmt: skip
    return MotionRequest(request.frames, keyframes=keys, path=path, pins=pins)


@pytest.mark.parametrize("seed", range(12))
def test_a_moved_request_gives_the_moved_result(seed: int) -> None:
    request, root, local = random_request(seed)
    turn, shift = rotation.about_y(1.1), np.array([2.0, 0.0, -1.0])
    moved_local = local.copy()
    moved_local[:, 0] = rotation.multiply(turn, local[:, 0])
    plain = project(root, local, constraints_from(request))
    moved = project(
        rotation.rotate(turn, root) + shift, moved_local, constraints_from(moved_request(request, turn, shift))
    )
    assert np.allclose(moved[0], rotation.rotate(turn, plain[0]) + shift, atol=1e-6)
    assert rotation.angle(moved[1][:, 1:], plain[1][:, 1:]).max() < 1e-6


def test_broken_quaternions_and_single_frames_give_numbers() -> None:
    key = Keyframe(0, ("l_knee",), (0.0, 1.0, 0.0), {"l_knee": (0.0, 1.0, 0.0, 0.0)})
    request = MotionRequest(1, keyframes=(key,), pins=(Pin("head", 0, 1, (0.0, 1.5, 0.0)),))
    root, local = project(np.zeros((1, 3)), np.zeros((1, 22, 4)), constraints_from(request))
    assert np.isfinite(root).all()
    assert np.isfinite(local).all()
