"""What a work mode changes of a motion, and the requests that change it (docs/modes.md). Ranges are half-open."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...runtime import loops, rotation
from ...runtime.errors import MotionError
from ...runtime.modes import Held, held_poses
from ...runtime.motion import Motion, sliced
from ...runtime.request import MotionRequest, Path
from ...runtime.skeleton import JOINT_NAMES
from .output import Output

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

CONTEXT: Final = 20
"""Model frames of the existing motion that are kept on each side of what is made anew."""
POSE_FRAMES: Final = 61
"""Model frames of the short motion whose middle is taken as a pose."""


class Mode(StrEnum):
    """The work modes."""

    NEW = "NEW"
    BETWEEN = "BETWEEN"
    RANGE = "RANGE"
    EXTEND = "EXTEND"
    LOOP = "LOOP"
    POSE = "POSE"
    LAYER = "LAYER"
    VARY = "VARY"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a take is put onto its character.

    Attributes:
        mode: the work mode that made it.
        start: first scene frame that is written.
        stop: scene frame after the last.
        joints: joints whose bones are written, none for all.
        merge: whether the rest of the character's action is kept.
        root: where the character was, pelvis in model space, for a pose.
        heading: which way it faced, radians, for a pose.
        source: name of the take that was varied.
        strength: how much.
        text: prompt of the mode's own.
    """

    mode: Mode = Mode.NEW
    start: int = 0
    stop: int = 0
    joints: tuple[str, ...] = ()
    merge: bool = False
    root: tuple[float, float, float] = (0.0, 0.0, 0.0)
    heading: float = 0.0
    source: str = ""
    strength: float = 1.0
    text: str = ""

    def to_text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))


def plan_from(text: str) -> Plan:
    """The plan of a take; "" is a new motion.

    Raises:
        MotionError: the text is damaged.
    """
    if not text:
        return Plan()
    try:
        values: dict[str, Any] = json.loads(text)
        values["mode"], values["joints"] = Mode(values["mode"]), tuple(values["joints"])
        return Plan(**{**values, "root": tuple(values["root"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MotionError("The take is damaged: how it was made cannot be read") from error


def planned_output(plan: Plan, output: Output, shift: int) -> Output:
    """How a take is written, when its work mode has made only a part of a motion.

    Args:
        plan: of the take.
        output: what the user chose.
        shift: scene frames by which the take begins later.
    """
    if plan.stop <= plan.start:
        return output
    mode = "MERGE" if plan.merge and output.mode == "ACTION" else output.mode
    joints = output.joints if not plan.joints else plan.joints
    root = "HIPS" if plan.merge and output.root == "IN_PLACE" else output.root
    return replace(output, mode=mode, joints=joints, root=root, frame_range=(plan.start + shift, plan.stop + shift))


def window(start: int, stop: int, first: int, last: int, scene_fps: float, model_fps: float) -> tuple[int, int]:
    """Scene frames of a range with the context around it, as far as there is motion.

    Args:
        start: first scene frame of the range.
        stop: scene frame after it.
        first: first scene frame of the existing motion.
        last: scene frame after its last.
        scene_fps: frames per second of the scene.
        model_fps: frames per second of the model.
    """
    around = math.ceil(CONTEXT * scene_fps / model_fps)
    before = min(start, max(first, start - around))
    after = max(stop, min(last, stop + around))
    return before, after


def kept(times: Array, start: int, stop: int) -> tuple[Mask, Mask]:
    """Which model frames belong to the motion before and after a range.

    Args:
        times: (T,) scene frame, usually not a whole one, that each model frame is shown at.
        start: first scene frame of the range.
        stop: scene frame after it.

    Returns:
        (T,) frames up to the last scene frame before the range, and (T,) those from the first one after it.
    """
    return times <= start - 1 + 1e-6, times >= stop - 1e-6


def stretches(chosen: Mask, roots: Array, rotations: Array, joints: tuple[str, ...] = JOINT_NAMES) -> tuple[Held, ...]:
    """Held poses of the frames of a mask (T,), one for each run of them.

    Args:
        chosen: (T,) frames.
        roots: (T, 3) pelvis positions, metres.
        rotations: (T, 22, 4) local rotations.
        joints: joints to keep.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    return tuple(
        held_poses(int(first), roots[first:last], rotations[first:last], joints)
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    )


def within(request: MotionRequest) -> MotionRequest:
    """A request without what lies outside its frames: the rest of the tracks has nothing to do with a range."""

    def meets(span: Any) -> bool:
        return span.start < request.frames and span.stop > 0 and span.stop > span.start

    def inside(spans: Sequence[Any]) -> Any:
        return tuple(span for span in spans if meets(span))

    return replace(
        request,
        prompts=inside(request.prompts), pins=inside(request.pins), videos=inside(request.videos),
        music=inside(request.music), reference=inside(request.reference), path=_path_within(request),
        keyframes=tuple(key for key in request.keyframes if 0 <= key.frame < request.frames),
    )  # fmt: skip


def _path_within(request: MotionRequest) -> Path | None:
    path = request.path
    rows = [row for row, frame in enumerate(path.frames) if 0 <= frame < request.frames] if path else []
    if path is None or not rows:
        return None
    headings = path.headings and tuple(path.headings[row] for row in rows)
    return replace(
        path,
        frames=tuple(path.frames[row] for row in rows),
        points=tuple(path.points[row] for row in rows),
        headings=headings,
    )


def middle_pose(motion: Motion, root: Sequence[float], heading: float) -> Motion:
    """The middle frame of a motion as a motion of one frame, moved over the ground to a place and turned to a heading.

    Args:
        motion: any motion.
        root: (3,) pelvis; its height is not used.
        heading: radians.
    """
    middle = motion.frames // 2
    pose = sliced(motion, middle, middle + 1)
    local = pose.local_rotations.copy()
    turn = rotation.about_y(heading - rotation.heading(local[:, 0]))
    local[:, 0] = rotation.multiply(turn, local[:, 0])
    place = np.array([[root[0], pose.root_positions[0, 1], root[2]]])
    return replace(pose, root_positions=place, local_rotations=local, request=None)


def shown_loop(motion: Motion, frames: int, scene_fps: float) -> Motion:
    """A loop `loops.PERIODS` times in a row, played so that one round lasts a whole number of scene frames.

    Baking the middle round closes the loop on the rig too, whatever is settled around each frame.

    Args:
        motion: P + 1 frames.
        frames: scene frames of one round.
        scene_fps: frames per second of the scene.

    Returns:
        The rounds, the middle one from model frame `loops.MIDDLE` P on, without the request: its frames are others.
    """
    rounds = loops.repeated_motion(motion, loops.PERIODS)
    return replace(rounds, fps=(motion.frames - 1) * scene_fps / frames)
