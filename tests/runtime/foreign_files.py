"""BVH files of other skeletons than the model's, made from the model's motions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from genmo.runtime import rotation
from genmo.runtime.bvh import euler_zyx
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES, PARENTS, Array

MIXAMO = {
    "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase", "collar": "Shoulder", "shoulder": "Arm",
    "elbow": "ForeArm", "wrist": "Hand",
}  # fmt: skip
SIDES = {"l": "Left", "r": "Right"}


def mixamo_name(joint: str) -> str:
    """The name of a joint of the model in a Mixamo rig."""
    side, _, part = joint.partition("_")
    if not part:
        return f"mixamorig:{MIXAMO[joint]}"
    return f"mixamorig:{SIDES[side]}{MIXAMO[part]}"


def hanging_arms(degrees: float) -> Array:
    """(22, 4) turns of a rest pose whose arms point down by an angle: 45 is an A-pose."""
    turns = rotation.identity(JOINT_COUNT)
    for sign, side in ((-1.0, "l"), (1.0, "r")):
        down = rotation.from_axis_angle([0.0, 0.0, sign * np.radians(degrees)])
        turns[[INDEX[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist")]] = down
    return turns


def along_x(offsets: Array) -> Array:
    """(22, 4) turns of a "pose" in which every bone lies along +X, as LAFAN1's files have it."""
    turns = rotation.identity(JOINT_COUNT)
    children = {PARENTS[joint]: joint for joint in range(JOINT_COUNT - 1, 0, -1)}
    for joint in range(JOINT_COUNT):
        if joint in children and joint:
            turns[joint] = rotation.between(offsets[children[joint]], [1.0, 0.0, 0.0])
        elif joint:
            turns[joint] = turns[PARENTS[joint]]
    return turns


def write_foreign_bvh(
    motion: Motion,
    path: Path,
    *,
    zero: Array | None = None,
    unit: float = 0.01,
    up: str = "y",
    names: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
) -> None:
    """Write a motion with another skeleton's names, rest pose, unit and axes.

    Args:
        motion: the motion.
        path: file to write.
        zero: (22, 4) turn of each joint from the T-pose to the pose that the file calls zero.
        unit: metres in one unit of the file.
        up: "y" or "z".
        names: joint -> name; None takes Mixamo's.
        without: joints that the file lacks; what hangs on them hangs on the joint above.
    """
    called = names or {joint: mixamo_name(joint) for joint in JOINT_NAMES}
    rest = rotation.identity(JOINT_COUNT) if zero is None else zero
    axes = rotation.from_axis_angle([np.pi / 2, 0.0, 0.0]) if up == "z" else rotation.identity(1)[0]
    kept = [joint for joint, name in enumerate(JOINT_NAMES) if name not in without]
    above = {joint: _kept_above(joint, kept) for joint in kept}
    heads = np.zeros((JOINT_COUNT, 3))
    for joint in range(1, JOINT_COUNT):
        heads[joint] = heads[PARENTS[joint]] + rotation.rotate(rest[PARENTS[joint]], motion.rest_offsets[joint])
    turns = rotation.multiply(motion.world_rotations, rotation.conjugate(rest))
    turns = rotation.multiply(rotation.multiply(axes, turns), rotation.conjugate(axes))
    heads = rotation.rotate(axes, heads) / unit
    lines, order = ["HIERARCHY"], list[int]()
    _joint_lines(0, lines, order, heads, above, called, "")
    local = turns.copy()
    for joint in order[1:]:
        local[:, joint] = rotation.multiply(rotation.conjugate(turns[:, above[joint]]), turns[:, joint])
    angles = np.degrees(euler_zyx(local[:, order])).reshape(motion.frames, -1)
    root = rotation.rotate(axes, motion.root_positions) / unit
    lines += ["MOTION", f"Frames: {motion.frames}", f"Frame Time: {1.0 / motion.fps:.8f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in np.concatenate([root, angles], axis=1)]
    path.write_text("\n".join(lines) + "\n")


def _kept_above(joint: int, kept: Sequence[int]) -> int:
    parent = PARENTS[joint]
    while parent >= 0 and parent not in kept:
        parent = PARENTS[parent]
    return parent


def _joint_lines(
    joint: int, lines: list[str], order: list[int], heads: Array, above: Mapping[int, int], names: Mapping[str, str],
    indent: str,
) -> None:  # fmt: skip
    order.append(joint)
    offset = heads[joint] - (heads[above[joint]] if joint else 0.0)
    places = "Xposition Yposition Zposition " if joint == 0 else ""
    lines += [
        f"{indent}{'JOINT' if joint else 'ROOT'} {names[JOINT_NAMES[joint]]}", f"{indent}{{",
        f"{indent}  OFFSET {' '.join(f'{value:.6f}' for value in offset)}",
        f"{indent}  CHANNELS {3 if joint else 6} {places}Zrotation Yrotation Xrotation",
    ]  # fmt: skip
    children = [child for child, parent in above.items() if parent == joint]
    for child in children:
        _joint_lines(child, lines, order, heads, above, names, indent + "  ")
    if not children:
        lines += [f"{indent}  End Site", f"{indent}  {{", f"{indent}    OFFSET 0 5 0", f"{indent}  }}"]
    lines.append(f"{indent}}}")
