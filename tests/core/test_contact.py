"""Soles of a rig's own shape: planted skin stands still, soles are flat, toes bend, hands touch, trunks lean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from genmo.genmo_blender.core import contact, footlock, retarget
from genmo.genmo_blender.core.carrying import way_of
from genmo.genmo_blender.core.output import Output, blend_weights
from genmo.genmo_blender.core.retarget import Options, solve
from genmo.genmo_blender.core.soles import FOOT, TOES, Sole, bare_sole, mesh_sole
from genmo.genmo_blender.core.target import Target, build_target
from genmo.runtime import rotation
from genmo.runtime.errors import UserError
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import INDEX
from genmo.tests.core.bodies import body, joint_points, walking


def skin(target: Target, side: str, *, long: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and weights of a box-shaped shoe."""
    ankle, ball = target.heads[target.first(side + "ankle")], target.balls["lr".index(side[0])]
    front = (ball - ankle)[2]
    z = np.linspace(-0.4 * front, 1.8 * front * long, 24)
    x, y = np.array([-0.03, 0.03]), np.array([0.0, 0.02])
    grid = np.array([[ankle[0] + a, target.floor + b, ankle[2] + c] for a in x for b in y for c in z])
    on_toes = grid[:, 2] > ball[2]
    weights = np.zeros((len(grid), 3))
    weights[np.arange(len(grid)), np.where(on_toes, TOES, FOOT)] = 1.0
    return grid, weights


def shod(**shape: float) -> tuple[Target, tuple[Sole, Sole]]:
    """A rig with shoes."""
    target = build_target(*body(joint_points(**shape)))
    left, right = (mesh_sole(target, side, *skin(target, side)) for side in ("l_", "r_"))
    return target, (left, right)


def places(target: Target, posed: footlock.Posed, points: np.ndarray, joint: str) -> np.ndarray:
    """(T, n, 3) points that a joint's bone carries."""
    bone = target.last(joint)
    heads = footlock.bone_heads(posed, target)[:, bone]
    return heads[:, None] + rotation.rotate(posed.turns[:, bone][:, None], points - target.heads[bone])


def test_a_mesh_says_where_heel_and_ball_are() -> None:
    target, (left, _) = shod()
    ankle, ball = target.heads[target.first("l_ankle")], target.balls[0]
    assert left.has_mesh
    assert left.heel.place[2] < ankle[2] < ball[2] < left.ball.place[2]
    assert left.ball.weights[TOES] == 1.0
    assert np.abs(left.levels).max() < 0.025
    few = mesh_sole(target, "l_", np.zeros((3, 3)), np.zeros((3, 3)))
    assert not few.has_mesh


@pytest.mark.parametrize("shape", [{"leg": 1.2}, {"leg": 0.7}])
def test_the_planted_skin_stands_still_and_flat_on_the_floor(shape: dict[str, float]) -> None:
    target, soles = shod(**shape)
    posed = solve(walking(), target, soles=soles).posed
    points, _ = skin(target, "l_")
    low = points[points[:, 1] < target.floor + 0.01]
    for joint, rows in (("l_ankle", low[:, 2] < target.balls[0][2]), ("l_foot", low[:, 2] > target.balls[0][2])):
        seen = places(target, posed, low[rows], joint)
        assert np.ptp(seen, axis=0).max() < 1e-3
        assert np.abs(seen[..., 1] - target.floor).max() < 1e-3


def test_toes_bend_when_the_foot_rolls_over_them() -> None:
    target, soles = shod()
    motion = walking(planted=("l_foot",))
    local = motion.local_rotations.copy()
    tip = np.radians(40.0) / 2.0
    local[:, INDEX["l_ankle"]] = rotation.multiply(local[:, INDEX["l_ankle"]], [np.cos(tip), np.sin(tip), 0.0, 0.0])
    tipped = Motion(30.0, motion.root_positions, local, motion.contacts)
    posed = solve(tipped, target, soles=soles).posed
    points, weights = skin(target, "l_")
    seen = places(target, posed, points[weights[:, TOES] > 0.5], "l_foot")
    assert seen[..., 1].min() > target.floor - 2e-3
    assert np.ptp(seen[:, :, 0], axis=0).max() < 2e-3


def test_a_slide_of_the_source_is_not_made_larger() -> None:
    target = build_target(*body(joint_points()))
    motion = walking()
    glide = Motion(30.0, motion.root_positions + np.linspace(0.0, 0.3, 90)[:, None] * [1.0, 0.0, 0.0],
                   motion.local_rotations, motion.contacts)  # fmt: skip
    travelled = []
    for metres in (1.0, 4.0):
        posed = solve(glide, target, metres=metres).posed
        ball = footlock.bone_heads(posed, target)[:, target.first("l_foot")]
        travelled.append(float(np.linalg.norm(ball[-1] - ball[0])) * metres)
    assert travelled[0] == pytest.approx(0.3, abs=0.01)
    assert travelled[1] == pytest.approx(0.3, abs=0.05)


def test_hands_that_touch_go_on_touching() -> None:
    motion = walking()
    local = motion.local_rotations.copy()
    for side, sign in (("l", 1.0), ("r", -1.0)):  # both hands in front of the chest
        local[:, INDEX[f"{side}_shoulder"]] = rotation.from_axis_angle([0.0, -sign * 0.9, -sign * 0.7])
        local[:, INDEX[f"{side}_elbow"]] = rotation.from_axis_angle([0.0, -sign * 1.25, 0.0])
    praying = Motion(30.0, motion.root_positions, local, motion.contacts)
    apart = np.linalg.norm(praying.positions[:, INDEX["l_wrist"]] - praying.positions[:, INDEX["r_wrist"]], axis=-1)
    assert apart.max() < 0.16
    target = build_target(*body(joint_points(arm=1.3)))
    gaps = []
    for hands in (False, True):
        heads = footlock.bone_heads(solve(praying, target, Options(hands=hands)).posed, target)
        gap = heads[:, target.first("l_wrist")] - heads[:, target.first("r_wrist")]
        gaps.append(np.abs(np.linalg.norm(gap, axis=-1) / target.size - apart).max())
    assert gaps[1] < 2e-3 < gaps[0]


def test_a_trunk_leans_for_a_pin_and_not_without() -> None:
    target = build_target(*body(joint_points(arm=0.75)))
    motion = walking(planted=())
    held = solve(motion, target, holds=[retarget.Hold("l_wrist", 20, 50)]).posed
    plain = solve(motion, target).posed
    spine = target.last("spine3")
    angle = rotation.angle(held.turns[:, spine], plain.turns[:, spine])
    heads = footlock.bone_heads(held, target)[:, target.first("l_wrist")]
    wish = motion.positions[:, INDEX["l_wrist"]] * target.size + [0.0, target.floor, 0.0]
    assert np.linalg.norm(heads - wish, axis=-1)[20:50].max() < 1e-3
    assert angle[20:50].max() > 0.01
    assert angle[80:].max() < 0.02
    firm = solve(motion, target, holds=[retarget.Hold("l_wrist", 20, 50)], firm=[30]).posed
    assert float(rotation.angle(firm.turns[30, spine], plain.turns[30, spine])) < 1e-6


def test_laying_flat_keeps_the_way_a_foot_faces() -> None:
    turns = rotation.multiply(rotation.about_y(np.full(9, 0.7)), rotation.from_axis_angle([0.2, 0.0, 0.15]))
    forward = np.array([0.0, -0.05, 0.13])
    stands = np.zeros(9, dtype=bool)
    stands[3:6] = True
    flat = rotation.multiply(
        contact.lay_flat(turns, forward, stands, ~stands & False, 30.0, contact.TILTED_FOOT), turns
    )
    up = rotation.rotate(flat, [0.0, 1.0, 0.0])
    assert up[3:7, 1].min() > 1.0 - 1e-9
    faces, before = (rotation.rotate(each, forward) * [1.0, 0.0, 1.0] for each in (flat[4], turns[4]))
    assert np.cross(faces, before)[1] == pytest.approx(0.0, abs=1e-9)
    still = contact.lay_flat(turns, forward, stands, np.ones(9, dtype=bool), 30.0, contact.TILTED_FOOT)
    assert np.abs(still - rotation.identity(9)).max() < 1e-12


def test_the_way_of_a_straight_walk_is_straight() -> None:
    places_ = np.stack([0.03 * np.sin(np.arange(60.0)), np.full(60, 0.9), 0.04 * np.arange(60.0)], axis=1)
    way = way_of(rotation.identity(60), places_, 30.0)
    assert np.abs(way.headings).max() < 1e-9
    assert np.abs(np.diff(way.places[:, 2], n=2)).max() < 1e-9
    assert np.abs(way.places[:, 0]).max() < 0.02
    assert np.abs(way.places[:, 1]).max() == 0.0


def test_blend_weights_and_ranges() -> None:
    weights = blend_weights(10, 3, 4)
    assert (weights[0], weights[-1], weights[4]) == (0.0, 0.0, 1.0)
    assert (np.diff(weights[:4]) > 0.0).all()
    assert (blend_weights(5, 0, 0) == 1.0).all()
    assert Output(frame_range=(5, 20)).span(10, 100) == (10, 20)
    with pytest.raises(UserError, match="nothing in the range"):
        Output(frame_range=(5, 10)).span(10, 100)
    assert Output(joints=("head",)).takes("b", "head")
    assert not Output(joints=("head",), bones=("x",)).takes("b", "head")


def test_bare_soles_are_the_joints() -> None:
    target = build_target(*body(joint_points()))
    sole = bare_sole(target, "l_")
    assert np.allclose(sole.heel.place, target.heads[target.first("l_ankle")])
    assert np.allclose(sole.ball.place, target.balls[0])
    assert replace(sole, has_mesh=True).has_mesh
