"""Edits of a character's bone map: picking, mirroring, files, the T-pose. The editor and the operators call these."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..runtime.errors import UserError
from ..runtime.files import replace_file
from . import armature, changes, rest_hints, tracks
from .core import mapping_file
from .core.bone_names import mirrored
from .core.bonemap import BY_SHAPE, PRESETS, BoneMap, check_bone_map
from .core.mapping_state import JointState, joint_states, summary
from .core.restpose import RestPose, body_axes
from .properties import of_object

Rig = Any

FROM_FILE: Final = "file"
BY_HAND: Final = "hand"
SUFFIX: Final = ".json"
_LABELS: Final = {BY_SHAPE: "By Shape", FROM_FILE: "From File", BY_HAND: "By Hand"}
_states: dict[int, tuple[tuple[Any, ...], tuple[JointState, ...], tuple[str, ...]]] = {}


def label(preset: str) -> str:
    """How people call the kind of rig that was recognised; "" when none was."""
    return _LABELS.get(preset) or (PRESETS[preset].title if preset in PRESETS else "")


def states(item: Rig) -> tuple[tuple[JointState, ...], tuple[str, ...]]:
    """State of each joint, and what is wrong with the whole; remembered until something changes.

    Raises:
        UserError: the armature cannot be read, e.g. in Edit Mode.
    """
    key = (changes.count(), len(item.data.bones), item.mode == "EDIT", item.data.session_uid)
    known = _states.get(item.session_uid)
    if known is None or known[0] != key:
        rest, bone_map = armature.rest_pose(item), tracks.bone_map(item)
        known = (key, joint_states(bone_map, rest), summary(bone_map, rest))
        _states[item.session_uid] = known
    return known[1], known[2]


def pick(item: Rig, joint: str, bones: Sequence[str]) -> None:
    """Map bones to a joint, parents first; other joints lose them.

    Raises:
        UserError: no bone is given, or the bones are not in one line.
    """
    rest = armature.rest_pose(item)
    ordered = sorted(bones, key=lambda bone: len(rest.ancestors(rest.index(bone))))
    if not ordered:
        raise UserError("Select the bones of the joint in Pose Mode first")
    for above, below in itertools.pairwise(ordered):
        if rest.index(above) not in rest.ancestors(rest.index(below)):
            raise UserError(f"'{above}' and '{below}' are not in one line: select the bones of one chain")
    before = tracks.bone_map(item)
    kept = {each: tuple(bone for bone in own if bone not in ordered) for each, own in before.items()}
    tracks.store_bone_map(item, kept | {joint: tuple(ordered)}, of_object(item).preset or BY_HAND)


def mirror(item: Rig, side: str) -> int:
    """Map the other side as one side is mapped, by names or, where they do not tell, by places; returns how many.

    Args:
        item: the armature object.
        side: "l" or "r", the side to take.

    Raises:
        UserError: nothing is mapped on that side.
    """
    rest, bone_map = armature.rest_pose(item), tracks.bone_map(item)
    own = {joint: bones for joint, bones in bone_map.items() if joint.startswith(side + "_")}
    if not own:
        raise UserError(f"No joint of the {'left' if side == 'l' else 'right'} side is mapped")
    other = "r" if side == "l" else "l"
    result = {joint: bones for joint, bones in bone_map.items() if not joint.startswith(other + "_")}
    for joint, bones in own.items():
        twins = [_twin(rest, bone, bone_map) for bone in bones if bone in rest]
        if twins and None not in twins:
            result[other + joint[1:]] = tuple(twin for twin in twins if twin)
    tracks.store_bone_map(item, result, of_object(item).preset or BY_HAND)
    return sum(joint.startswith(other + "_") for joint in result)


def _twin(rest: RestPose, bone: str, bone_map: BoneMap) -> str | None:
    """The bone on the other side: by name, else the one in the mirrored place."""
    if named := mirrored(bone, rest.names):
        return named
    middles = [rest.heads[rest.index(bones[0])] for joint, bones in bone_map.items() if "_" not in joint]
    left = _left(rest, bone_map)
    if left is None or not middles:
        return None
    centre = np.mean(middles, axis=0)
    place = rest.heads[rest.index(bone)]
    wish = place - 2.0 * ((place - centre) @ left) * left
    gaps = np.linalg.norm(rest.heads - wish, axis=-1)
    gaps[rest.index(bone)] = np.inf
    best = int(np.argmin(gaps))
    return rest.names[best] if gaps[best] < 0.05 * float(np.ptp(rest.heads, axis=0).max()) else None


def _left(rest: RestPose, bone_map: BoneMap) -> np.ndarray | None:
    """Axis of the armature that points to one side of the body, by the joints that are mapped on both or one side."""
    places = {joint: rest.heads[rest.index(bones[0])] for joint, bones in bone_map.items() if bones[0] in rest}
    if {"l_hip", "r_hip", "l_shoulder", "r_shoulder"} <= places.keys():
        return body_axes(places).axes[:, 0]
    middle = [point for joint, point in places.items() if "_" not in joint]
    lateral = [point for joint, point in places.items() if joint[2:] in ("hip", "shoulder")]
    if not middle or not lateral:
        return None
    offset = np.abs(np.mean(lateral, axis=0) - np.mean(middle, axis=0))
    spread = np.abs(np.ptp(np.array(middle), axis=0))
    axis = int(np.argmax(offset - spread))
    return np.eye(3)[axis]


def export(item: Rig, path: str) -> None:
    """Write the bone map to a file.

    Raises:
        UserError: nothing is mapped, or the file cannot be written.
    """
    bone_map = tracks.bone_map(item)
    if not bone_map:
        raise UserError("No bones are mapped yet")
    text = mapping_file.write(bone_map, item.name).encode()
    replace_file(Path(path).with_suffix(SUFFIX), lambda stream: stream.write(text))


def load(item: Rig, path: str) -> str:
    """Take the bone map of a file; returns a sentence about it.

    Raises:
        UserError: the file cannot be read or is not a bone map, or none of its bones is here.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"'{Path(path).name}' cannot be read as text") from None
    _, bone_map = mapping_file.parse(text)
    found, gone = mapping_file.fitted(bone_map, armature.rest_pose(item).names)
    if not found:
        raise UserError(f"'{item.name}' has none of the bones of '{Path(path).name}'")
    tracks.store_bone_map(item, found, FROM_FILE)
    lost = f"; it has no bone '{gone[0]}'" + (f" and {len(gone) - 1} others" if len(gone) > 1 else "") if gone else ""
    return f"{len(found)} joints mapped{lost}"


def use_as_t_pose(item: Rig) -> None:
    """Let the pose that is shown now count as the model's T-pose.

    Raises:
        UserError: the bone map cannot be used.
    """
    rest, bone_map = armature.rest_pose(item), tracks.bone_map(item)
    if problems := check_bone_map(bone_map, rest):
        raise UserError(problems[0])
    if item.data.pose_position == "REST":
        raise UserError(f"'{item.name}' shows its rest position: switch it to Pose Position first")
    rest_hints.store_t_pose(item, rest, bone_map)
    changes.mark()


def forget_t_pose(item: Rig) -> None:
    """Find the T-pose from the shape of the rest pose again."""
    of_object(item).t_pose = ""
    changes.mark()
