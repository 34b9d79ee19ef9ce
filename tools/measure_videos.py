"""Estimate everybody in some videos and say in numbers how well the motions fit them (docs/video.md).

    python -m genmo.tools.measure_videos VIDEO... [--out FOLDER] [--fresh]

Each motion is also written, as FOLDER/NAME.PERSON.npz. --fresh looks at the videos anew and times the phases.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import rotation
from genmo.runtime.engine import Engine
from genmo.runtime.keypoints import FEWEST, KEYPOINTS, SIDES
from genmo.runtime.metrics import measure
from genmo.runtime.motion import Motion, save_motion
from genmo.runtime.pack import DEFAULT_PACK, open_pack
from genmo.runtime.people import store
from genmo.runtime.people.footage import Footage, look_at
from genmo.runtime.people.keypoint_tracks import keypoint_track
from genmo.runtime.progress import Progress
from genmo.runtime.request import MotionRequest, Sampling, Video
from genmo.tools.overlay import seen_joints

Array = NDArray[np.float64]

LIMBS = (("elbow", "wrist"), ("knee", "ankle"))
CLEARLY = 0.5
"""Limbs count as exchanged when the exchange makes their miss this much smaller, and by 3 % of the person."""
LEAST = 0.03
DEEP, UP = 0.74, 0.88
"""Heights of the pelvis, of standing, below which a squat begins and above which it is over."""


class Clock:
    """Seconds of processor time by phase."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._phase, self._since = "", time.process_time()

    def __call__(self, progress: Progress) -> None:
        """Be told of a step."""
        now = time.process_time()
        if self._phase:
            self.spent[self._phase] = self.spent.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = progress.phase, now


def misses(motion: Motion, size: tuple[int, int]) -> tuple[Array, Array]:
    """Distances (T, 17) of the motion from its keypoints and (T, 17) from those of the other side, shares of the box.

    NaN where a keypoint is hidden, or nobody is seen.
    """
    assert motion.keypoints_2d is not None
    points, seen = motion.keypoints_2d[..., :2], motion.keypoints_2d[..., 2] > 0.5
    drawn = seen_joints(motion, size)[1]
    low = np.where(seen[..., None], points, np.inf).min(axis=1)
    high = np.where(seen[..., None], points, -np.inf).max(axis=1)
    box = np.maximum(high - low, 1.0).max(axis=1)[:, None]
    counted = seen & (seen.sum(axis=1) >= FEWEST)[:, None]
    own = np.where(counted, np.linalg.norm(drawn - points, axis=-1) / box, np.nan)
    both = counted & counted[:, list(SIDES)]
    return own, np.where(both, np.linalg.norm(drawn - points[:, list(SIDES)], axis=-1) / box, np.nan)


def longest_exchange(own: Array, other: Array) -> int:
    """Most frames in a row on which arms or legs of the motion are those of the other side."""
    longest = 0
    for limb in LIMBS:
        columns = [KEYPOINTS.index(f"{side}_{joint}") for side in "lr" for joint in limb]
        near, far = own[:, columns].mean(axis=1), other[:, columns].mean(axis=1)
        wrong = (far < CLEARLY * near) & (near - far > LEAST)
        run = 0
        for frame in wrong:
            run = run + 1 if frame else 0
            longest = max(longest, run)
    return longest


def squats(heights: Array) -> tuple[int, float]:
    """How often a pelvis goes down and comes up again or not, and its lowest height as a share of standing."""
    standing = float(np.quantile(heights, 0.9))
    count, down = 0, False
    for height in heights / standing:
        if not down and height < DEEP:
            count, down = count + 1, True
        elif down and height > UP:
            down = False
    return count, float(heights.min() / standing)


def described(motion: Motion, footage: Footage) -> str:
    """The numbers of one motion."""
    own, other = misses(motion, (footage.info.width, footage.info.height))
    seen = np.flatnonzero(np.isfinite(own).any(axis=1))
    assert motion.camera_rotations is not None
    assert motion.camera_positions is not None
    from_camera = rotation.rotate(
        rotation.conjugate(motion.camera_rotations), motion.root_positions - motion.camera_positions
    )
    way, across = motion.root_positions[seen][:, ::2], from_camera[seen]
    speed = float(np.median(np.linalg.norm(np.diff(way, axis=0), axis=1)) * motion.fps) if len(seen) > 1 else 0.0
    count, depth = squats(motion.root_positions[seen, 1])
    skate = measure(motion)["foot_skate_contact"]
    told = [
        f"reprojection {100 * np.nanmean(own):.2f} % of the box",
        f"sliding {skate:.2f} cm/s",
        f"sides exchanged for {longest_exchange(own, other)} frames at most",
        f"seen on {len(seen)} of {motion.frames} frames",
        f"{across[:, 2].mean():.1f} m away",
        f"{across[-1, 0] - across[0, 0]:+.1f} m to the right",
        f"median speed {speed:.2f} m/s",
        f"pelvis below {DEEP} of standing {count} times, down to {depth:.2f}",
    ]
    return ", ".join(told)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="measure_videos", description="How well estimated motions fit their videos.")
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("out/videos"))
    parser.add_argument("--fresh", action="store_true", help="look at the videos anew")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    engine = Engine(open_pack(DEFAULT_PACK), "cpu")
    with tempfile.TemporaryDirectory() as folder:
        if options.fresh:
            os.environ[store.FOLDER_VARIABLE] = folder
        for path in options.videos:
            _measure_video(engine, path, options.out)


def _measure_video(engine: Engine, path: str, out: Path) -> None:
    clock = Clock()
    footage = look_at(path, clock)
    print(f"{Path(path).name}: {footage.info.width}x{footage.info.height}, {len(footage.times)} pictures, "
          f"{len(footage.tracks)} people")  # fmt: skip
    for phase, seconds in clock.spent.items():
        print(f"  {phase}: {len(footage.times) / max(seconds, 1e-9):.1f} pictures per second of processor time")
    for person in range(len(footage.tracks)):
        frames = len(keypoint_track(footage, person, 30.0).points)
        video = Video(path, 0, frames, person=person)
        request = MotionRequest(frames, 30.0, videos=(video,), sampling=Sampling(mode="estimate"))
        began = time.process_time()
        motion = engine.generate(request)[0]
        spent = time.process_time() - began
        save_motion(motion, out / f"{Path(path).stem}.{person}.npz")
        print(f"  person {person}: {described(motion, footage)}; {frames / spent:.0f} frames per second of estimation")


if __name__ == "__main__":
    main()
