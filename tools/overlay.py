"""Draw an estimated motion over its video, to see whether limbs lie on limbs.

    python -m genmo.tools.overlay VIDEO MOTION.npz OUT.png [--pictures 12] [--columns 4] [--keypoints]

Bones of the left side are cyan, of the right side orange, of the middle yellow; with --keypoints what the detector saw
is drawn as dots. The motion must have been made from the whole video.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from genmo.runtime import keypoints, rotation, skeleton
from genmo.runtime.media.video import pictures, probe
from genmo.runtime.motion import Motion, load_motion

Array = NDArray[np.float64]

COLOURS = {"l": "#22d3ee", "r": "#fb923c", "m": "#fde047"}
PIXELS = 420
"""Longer side of a picture in the sheet."""


def seen_joints(motion: Motion, size: tuple[int, int]) -> tuple[Array, Array]:
    """Joints (T, 22, 2) and keypoints (T, 17, 2) of a motion in the pixels of its video.

    Raises:
        ValueError: the motion has no camera.
    """
    if motion.camera_rotations is None or motion.camera_positions is None or motion.focal_px is None:
        raise ValueError("the motion was not made from a video")
    cameras = rotation.to_matrix(rotation.conjugate(motion.camera_rotations))
    places, turns = skeleton.forward_kinematics(motion.root_positions, motion.local_rotations, motion.rest_offsets)
    face = keypoints.coco_points(places, rotation.to_matrix(turns[:, skeleton.INDEX["head"]]))
    middle = np.array(size) / 2.0
    joints, points = (
        keypoints.project(each, cameras, motion.camera_positions)[0] * motion.focal_px + middle
        for each in (places, face)
    )
    return joints, points


def draw(axes: Axes, joints: Array, dots: Array | None) -> None:
    """Draw one body (22, 2), and keypoints (17, 3) if they are given."""
    for joint, parent in enumerate(skeleton.PARENTS):
        if parent >= 0:
            side = skeleton.JOINT_NAMES[joint][0] if skeleton.JOINT_NAMES[joint][1] == "_" else "m"
            axes.plot(*joints[[joint, parent]].T, color=COLOURS[side], lw=1.6, solid_capstyle="round")
    if dots is not None:
        shown = dots[dots[:, 2] > 0.5]
        axes.scatter(shown[:, 0], shown[:, 1], s=5, color="white", edgecolors="black", linewidths=0.4, zorder=3)


def sheet(video: str, motion: Motion, out: Path, count: int, columns: int, *, dots: bool) -> None:
    """Write a sheet of pictures."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    info = probe(video)
    joints, _ = seen_joints(motion, (info.width, info.height))
    wanted = np.linspace(0, motion.frames - 1, count).astype(int)
    rows = -(-count // columns)
    shape = np.array([info.width, info.height]) * PIXELS / max(info.width, info.height)
    figure, axes = plt.subplots(rows, columns, figsize=(shape[0] * columns / 100, shape[1] * rows / 100), squeeze=False)
    waiting = list(wanted)
    half = 0.5 / max(info.fps, 1.0)
    for picture in pictures(video):
        while waiting and picture.time >= min(waiting[0] / motion.fps, info.seconds - 2.0 * half) - 1.2 * half:
            frame = waiting.pop(0)
            place = axes.flat[count - len(waiting) - 1]
            place.imshow(picture.pixels, extent=(0, info.width, info.height, 0))
            seen = None if motion.keypoints_2d is None or not dots else motion.keypoints_2d[frame]
            draw(place, joints[frame], seen)
            place.set_xlim(0, info.width)
            place.set_ylim(info.height, 0)
    for place in axes.flat:
        place.axis("off")
    figure.subplots_adjust(0, 0, 1, 1, 0.01, 0.01)
    figure.savefig(out, dpi=100)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="overlay", description="Draw an estimated motion over its video.")
    parser.add_argument("video")
    parser.add_argument("motion", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--columns", type=int, default=4)
    parser.add_argument("--keypoints", action="store_true", help="also what the detector saw")
    options = parser.parse_args(arguments)
    motion = load_motion(options.motion)
    sheet(options.video, motion, options.out, options.pictures, options.columns, dots=options.keypoints)


if __name__ == "__main__":
    main()
