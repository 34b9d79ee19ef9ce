"""What guides a motion without fixing it: a filmed person, music, a reference motion, the spans of the prompts.

Constraints are met exactly (`runtime.projection`); cues are only read by the network. Each cue has an existence flag
per frame (genmo.md section 4.6), so all of them combine on the same or on different frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import keypoints
from .features import FeatureLayout
from .skeleton import JOINT_COUNT

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MUSIC_FEATURES: Final = 35
"""Values of music a frame (genmo.md section 4.5)."""

CUES: Final = FeatureLayout(
    {
        "keypoints": 34,  # x and y within the box, -1..1 at its sides; 0 where hidden
        "visible": 17,
        "box": 3,  # centre x and y, size; slopes of viewing rays
        "camera_turn": 3,  # angular velocity of the camera in its own axes, rad/s
        "gravity": 3,  # down in camera axes, where it is known
        "view": 3,  # person seen, camera exists, gravity known
        "key_heading": 2,  # sine and cosine of a key's heading minus the reference heading, on keyed frames
        "music": MUSIC_FEATURES + 1,  # normalised features, exists
        "reference": 3,  # strength, velocity x and z of the reference motion in its heading frame (m/s)
        "span": 6,  # for the prompt's start and end each: known, exp(-d / 15), min(d, 300) / 300
    }
)

_LONG: Final = 300.0
_SOON: Final = 15.0


@dataclass(frozen=True, slots=True)
class Cues:
    """Cues on T frames; rows outside a mask are never read.

    Attributes:
        keypoints: (T, 17, 2) slopes of viewing rays (`runtime.keypoints`).
        visible: (T, 17) keypoints that are seen.
        camera_mask: (T,) frames that a camera filmed.
        cameras: (T, 3, 3) rotations from the world to the camera, rows right, down, forward.
        gravity_mask: (T,) frames on which "down" in `cameras` is the true one.
        music_mask: (T,) frames with music.
        music: (T, 35) normalised features.
        strength: (T,) 0..1, how much of the reference motion to keep; 0 where there is none.
        reference_pose: (T, 22, 6) 6D values as `features.pose_sixd` gives them.
        reference_heights: (T,) pelvis height, metres.
        reference_velocity: (T, 2) velocity in the heading frame, m/s.
        reference_headings: (T,) radians.
        since_start: (T,) frames since the prompt's motion began; infinite where unknown.
        until_end: (T,) frames until it ends; infinite where unknown.
    """

    keypoints: Array
    visible: Mask
    camera_mask: Mask
    cameras: Array
    gravity_mask: Mask
    music_mask: Mask
    music: Array
    strength: Array
    reference_pose: Array
    reference_heights: Array
    reference_velocity: Array
    reference_headings: Array
    since_start: Array
    until_end: Array

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return len(self.strength)


def no_cues(frames: int) -> Cues:
    """Cues of `frames` frames that say nothing; the arrays are there to be filled."""
    return Cues(
        np.zeros((frames, 17, 2)), np.zeros((frames, 17), bool),
        np.zeros(frames, bool), np.tile(np.diag([-1.0, -1.0, 1.0]), (frames, 1, 1)), np.zeros(frames, bool),
        np.zeros(frames, bool), np.zeros((frames, MUSIC_FEATURES)),
        np.zeros(frames), np.zeros((frames, JOINT_COUNT, 6)), np.zeros(frames), np.zeros((frames, 2)),
        np.zeros(frames),
        np.full(frames, np.inf), np.full(frames, np.inf),
    )  # fmt: skip


def cue_channels(cues: Cues, fps: float, out: Array) -> None:
    """Write the channels of CUES, all but "key_heading", into `out` (T, CUES.width) of zeros."""
    if cues.camera_mask.any():
        _write_view(cues, fps, out)
    if cues.music_mask.any():
        exists = cues.music_mask[:, None]
        out[:, CUES["music"]] = np.concatenate([np.where(exists, cues.music, 0.0), exists], axis=1)
    if cues.strength.any():
        strength = cues.strength[:, None]
        velocity = np.where(strength > 0, cues.reference_velocity * strength, 0.0)
        out[:, CUES["reference"]] = np.concatenate([strength, velocity], axis=1)
    out[:, CUES["span"]] = np.concatenate([_distance(cues.since_start), _distance(cues.until_end)], axis=1)


def _distance(frames: Array) -> Array:
    known = np.isfinite(frames)
    near = np.where(known, np.minimum(frames, _LONG), 0.0)
    return np.stack([known, np.exp(-near / _SOON) * known, near / _LONG], axis=1)


def _write_view(cues: Cues, fps: float, out: Array) -> None:
    filmed = cues.camera_mask
    seen = (cues.visible.sum(axis=1) >= keypoints.FEWEST) & filmed
    visible = cues.visible & seen[:, None]
    box = keypoints.boxes(cues.keypoints, visible)
    inside = 2.0 * (cues.keypoints - box[:, None, :2]) / box[:, None, 2:]
    out[:, CUES["keypoints"]] = np.where(visible[..., None], inside, 0.0).reshape(cues.frames, -1)
    out[:, CUES["visible"]] = visible
    out[:, CUES["box"]] = box * seen[:, None]
    turn = keypoints.turning_speed(cues.cameras, fps)
    # Across a cut from one camera to another nothing turned.
    following = filmed & np.append(filmed[1:], filmed[-1])
    out[:, CUES["camera_turn"]] = np.clip(turn, -5.0, 5.0) * following[:, None]
    known = cues.gravity_mask & filmed
    out[:, CUES["gravity"]] = -cues.cameras[:, :, 1] * known[:, None]
    out[:, CUES["view"]] = np.stack([seen, filmed, known], axis=1)
