"""2D keypoints to motion: recorded clips filmed by virtual cameras, with a detector that is right or as usual.

Errors are those of WHAM, GVHMR and GENMO (`evaluation.world`), with the 22 joints of this skeleton instead of 24 of
SMPL and with keypoints of virtual cameras instead of pictures: published rows show the kind of number, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation import world
from genmo.evaluation.bench import Bench
from genmo.evaluation.clips import Recording, spread, windows
from genmo.evaluation.findings import Cell, Findings, Table
from genmo.evaluation.quality import mean_quality, quality_table
from genmo.evaluation.requests import keypoint_track, video
from genmo.runtime import keypoints, rotation, skeleton
from genmo.runtime.keypoint_file import save_keypoints
from genmo.runtime.motion import Motion
from genmo.runtime.request import Mode, MotionRequest, Prompt, Sampling
from genmo.training.cameras import View, detect, film

Array = NDArray[np.float64]

WINDOWS: Final = 72
SHORTEST, LONGEST = 120, 300
HIDDEN: Final = 45
"""Frames in the middle of a window on which nothing is seen."""
HIDDEN_WINDOWS: Final = 36

_TRIES: Final = 200
_WALKS: Final = 0.5
"""Metres; a root that travels less has no drift in percent."""

COLUMNS: Final = {
    "mpjpe": "MPJPE, mm",
    "pa_mpjpe": "PA-MPJPE, mm",
    "w_mpjpe": "W-MPJPE100, mm",
    "wa_mpjpe": "WA-MPJPE100, mm",
    "rte": "RTE, %",
    "drift": "drift, % of path",
    "jitter": "jitter, 10 m/s^3",
    "foot_sliding": "foot sliding, mm/frame",
}


@dataclass(frozen=True, eq=False)
class Shot:
    """A filmed window.

    Attributes:
        truth: the recorded window.
        view: the camera.
        path: keypoint file.
    """

    truth: Recording
    view: View
    path: Path


def measure(bench: Bench) -> Findings:
    """All numbers of filmed motion: group "video"."""
    found = Findings()
    if not bench.understands("videos"):
        found.left_out.append("The pack does not read videos.")
        return found
    items = windows(bench.recordings, SHORTEST, LONGEST, bench.few(WINDOWS))
    rows: dict[str, dict[str, float]] = {}
    motions: dict[str, list[Motion]] = {}
    for camera, moving in (("static", False), ("moving", True)):
        views = [filmed(item, index, moving=moving) for index, item in enumerate(items)]
        for detector, noise in (("clean", 0.0), ("noisy", 1.0)):
            name = f"{camera} camera, {detector}"
            shots = [shot(bench, pair, index, noise) for index, pair in enumerate(zip(items, views, strict=True))]
            motions[name] = [estimated(bench, each) for each in shots]
            rows[name] = errors(shots, motions[name])
            raw = [estimated(bench, each, cleanup=False) for each in shots]
            rows[f"{name}, before clean-up"] = errors(shots, raw)
    _headline(found, rows, motions, items)
    rows["mean pose with the true pelvis"] = baseline(items)
    _tables(found, rows, motions, items)
    _hidden(found, bench, items)
    return found


def filmed(item: Recording, seed: int, *, moving: bool) -> View:
    """A film of a window by the first random camera that moves, or that stands still.

    Raises:
        ValueError: none of 200 cameras does.
    """
    motion = item.motion
    head = rotation.to_matrix(motion.world_rotations[:, skeleton.INDEX["head"]])
    points = keypoints.coco_points(motion.positions, head)
    for attempt in range(_TRIES):
        view = film(points, motion.root_positions, np.random.default_rng([seed, attempt]))
        stands = max(np.ptp(view.cameras, axis=0).max(), np.ptp(view.places, axis=0).max()) < 1e-9
        if stands != moving:
            return view
    raise ValueError(f"{item.name}: no camera that {'moves' if moving else 'stands still'}")


def shot(
    bench: Bench, pair: tuple[Recording, View], seed: int, noise: float, hide: slice | None = None
) -> Shot:  # fmt: skip
    """Write the keypoints that a detector sees in a film; on the frames of `hide` it sees nothing."""
    item, view = pair
    slopes, visible = detect(view, np.random.default_rng([seed, 7]), noise=noise)
    if hide is not None:
        visible[hide] = False
    path = bench.folder / f"film_{len(list(bench.folder.iterdir()))}.npz"
    save_keypoints(keypoint_track(view, slopes, visible, item.motion.fps), path)
    return Shot(item, view, path)


def estimated(
    bench: Bench, each: Shot, *, mode: Mode = "estimate", prompts: tuple[Prompt, ...] = (), cleanup: bool = True
) -> Motion:
    """What the pack makes of a film."""
    request = MotionRequest(
        each.truth.motion.frames, videos=(video(each.path, each.view),), prompts=prompts,
        sampling=Sampling(mode=mode, cleanup=cleanup),
    )  # fmt: skip
    return bench.make(request)


def in_true_world(motion: Motion, view: View) -> tuple[Array, Array]:
    """Joints (T, 22, 3) in the world of the truth, and in the axes of the camera frame by frame, metres.

    The estimate has a world of its own. Its camera of the first frame is put on the true one, as one puts the camera of
    a solved shot on the real one, so a wrong heading or a wrong idea of what is down counts as an error.

    Raises:
        ValueError: the motion has no camera.
    """
    if motion.camera_rotations is None:
        raise ValueError("the motion of a video has no camera rotations")
    cameras = rotation.to_matrix(motion.camera_rotations).transpose(0, 2, 1)  # from its world to the camera
    turn = view.cameras[0].T @ cameras[0]
    return motion.positions @ turn.T, np.einsum("tij,tkj->tki", cameras, motion.positions)


def errors(shots: Sequence[Shot], motions: Sequence[Motion]) -> dict[str, float]:
    """Means over all frames of all windows, by the names of COLUMNS."""
    clips = []
    for each, motion in zip(shots, motions, strict=True):
        joints, seen = in_true_world(motion, each.view)
        true = each.truth.motion.positions
        true_seen = np.einsum("tij,tkj->tki", each.view.cameras, true)
        clips.append(_clip_errors(joints, seen, true, true_seen, motion.fps))
    return world.averages(clips) | {"drift": drift([each.truth.motion for each in shots], shots, motions)}


def _clip_errors(joints: Array, seen: Array, true: Array, true_seen: Array, fps: float) -> dict[str, Array]:
    found = world.camera_errors(seen, true_seen, fps) | world.world_errors(joints, true, fps)
    if _travelled(true) < _WALKS:
        found.pop("rte")
    return found


def _travelled(positions: Array) -> float:
    """Length of the root's way over the ground, metres."""
    return float(np.linalg.norm(np.diff(positions[:, 0, ::2], axis=0), axis=-1).sum())


def drift(truths: Sequence[Motion], shots: Sequence[Shot], motions: Sequence[Motion]) -> float:
    """Distance over the ground of the last root from the true one, after moving the first ones onto each other.

    Returns:
        Percent: the sum over the windows, over the sum of the true ways.
    """
    missed, walked = 0.0, 0.0
    for truth, each, motion in zip(truths, shots, motions, strict=True):
        root = in_true_world(motion, each.view)[0][:, 0]
        error = (root[-1] - root[0]) - (truth.root_positions[-1] - truth.root_positions[0])
        missed += float(np.linalg.norm(error[::2]))
        walked += _travelled(truth.positions)
    return 100.0 * missed / max(walked, 1e-6)


def baseline(items: Sequence[Recording]) -> dict[str, float]:
    """What a network would get that knows where the pelvis is and how it is turned, and takes the mean pose."""
    poses = np.concatenate([rotation.sixd_from_matrix(rotation.to_matrix(i.motion.local_rotations)) for i in items])
    mean = rotation.from_matrix(rotation.matrix_from_sixd(poses.mean(axis=0)))
    clips = []
    for item in items:
        local = np.broadcast_to(mean, item.motion.local_rotations.shape).copy()
        local[:, 0] = item.motion.local_rotations[:, 0]
        joints = skeleton.forward_kinematics(item.motion.root_positions, local)[0]
        clips.append(world.camera_errors(joints, item.motion.positions, item.motion.fps))
    return world.averages(clips)


def _headline(
    found: Findings, rows: dict[str, dict[str, float]], motions: dict[str, list[Motion]], items: Sequence[Recording]
) -> None:
    def mean(name: str, detector: str, when: str = "") -> float:
        return float(np.mean([rows[f"{camera} camera, {detector}{when}"][name] for camera in ("static", "moving")]))

    skates = [mean_quality(_on_floor(items, motions[name]))["skate_cm_s"] for name in motions if "noisy" in name]
    found.add(
        "video",
        mpjpe_clean_mm=mean("mpjpe", "clean"), mpjpe_noisy_mm=mean("mpjpe", "noisy"),
        mpjpe_clean_before_cleanup_mm=mean("mpjpe", "clean", ", before clean-up"),
        mpjpe_noisy_before_cleanup_mm=mean("mpjpe", "noisy", ", before clean-up"),
        pa_mpjpe_clean_mm=mean("pa_mpjpe", "clean"), pa_mpjpe_noisy_mm=mean("pa_mpjpe", "noisy"),
        w_mpjpe100_mm=mean("w_mpjpe", "noisy"), wa_mpjpe100_mm=mean("wa_mpjpe", "noisy"),
        rte_percent=mean("rte", "noisy"), drift_percent=mean("drift", "noisy"),
        jitter=mean("jitter", "noisy"), foot_sliding_mm=mean("foot_sliding", "noisy"),
        skate_cm_s=float(np.mean(skates)),
    )  # fmt: skip


def _on_floor(items: Sequence[Recording], motions: Sequence[Motion]) -> list[Motion]:
    return [motion for item, motion in zip(items, motions, strict=True) if item.level]


def _tables(
    found: Findings, rows: dict[str, dict[str, float]], motions: dict[str, list[Motion]], items: Sequence[Recording]
) -> None:
    cells: list[list[Cell]] = [[name, *(row.get(column) for column in COLUMNS)] for name, row in rows.items()]
    found.tables.append(Table(
        "Filmed motion", ["", *COLUMNS.values()], cells,
        f"{len(items)} windows of {SHORTEST} to {LONGEST} frames, regression mode, with clean-up where nothing else is "
        "said. MPJPE is root-aligned in the camera's axes. Of a static camera only the focal length is known, of a "
        "moving one also its rotations and what is down. A noisy detector has a bias, jitter, drop-outs, hidden spans, "
        "cut-off bodies and swapped sides (training/cameras.py). RTE is over windows that travel, drift is the sum of "
        "what the last roots are off over the sum of all ways.",
    ))  # fmt: skip
    quality = {"recordings that are filmed": mean_quality(_on_floor(items, [item.motion for item in items]))}
    quality |= {f"video, {name}": mean_quality(_on_floor(items, motions[name])) for name in motions}
    found.tables.append(quality_table(quality))


def _hidden(found: Findings, bench: Bench, items: Sequence[Recording]) -> None:
    """A second and a half in the middle unseen: estimated, sampled, and sampled with the clip's caption for it."""
    told = spread([item for item in items if item.captions], bench.few(HIDDEN_WINDOWS))
    if not told:
        found.left_out.append("No clip has a caption, so there are no prompts for hidden spans.")
        return
    spans = [slice((n := item.motion.frames // 2) - HIDDEN // 2, n - HIDDEN // 2 + HIDDEN) for item in told]
    views = [filmed(item, index, moving=index % 2 == 1) for index, item in enumerate(told)]
    pairs = list(zip(told, views, strict=True))
    shots = [shot(bench, pair, index, 0.0, hide) for index, (pair, hide) in enumerate(zip(pairs, spans, strict=True))]

    def prompt(item: Recording, span: slice) -> tuple[Prompt, ...]:
        return (Prompt(item.captions[0], span.start, span.stop),)

    ways: dict[str, Callable[[Shot, slice], Motion]] = {
        "regression": lambda each, _: estimated(bench, each),
        "sampled, no prompt": lambda each, _: estimated(bench, each, mode="generate"),
        "sampled, the clip's caption as prompt": lambda each, span: estimated(
            bench, each, mode="auto", prompts=prompt(each.truth, span)
        ),
    }
    keys = ("hidden_mm", "hidden_sampled_mm", "hidden_prompt_mm")
    rows: list[list[Cell]] = []
    for key, (name, make) in zip(keys, ways.items(), strict=True):
        motions = [make(each, span) for each, span in zip(shots, spans, strict=True)]
        inside, outside = _inside_and_outside(shots, motions, spans)
        found.add("video", **{key: inside})
        rows.append([name, inside, outside])
    found.tables.append(Table(
        "Hidden spans", ["", "MPJPE of hidden frames, mm", "MPJPE of seen frames, mm"], rows,
        f"{len(told)} windows, clean keypoints, static and moving cameras in turn; {HIDDEN} frames in the middle have "
        "no keypoints. Several motions fit what is seen before and after: a sampled one may be good and far away.",
    ))  # fmt: skip


def _inside_and_outside(
    shots: Sequence[Shot], motions: Sequence[Motion], spans: Sequence[slice]
) -> tuple[float, float]:
    """Root-aligned error of the hidden frames and of all others, mm."""
    inside, outside = [], []
    for each, motion, span in zip(shots, motions, spans, strict=True):
        seen = in_true_world(motion, each.view)[1]
        error = world.mpjpe(seen, np.einsum("tij,tkj->tki", each.view.cameras, each.truth.motion.positions))
        hidden = np.zeros(len(error), bool)
        hidden[span] = True
        inside.append(error[hidden])
        outside.append(error[~hidden])
    return float(np.concatenate(inside).mean()), float(np.concatenate(outside).mean())
