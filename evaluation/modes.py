"""What the work modes do to generated motions: seams, loops, layers, variations (the numbers in docs/modes.md).

Run as `python -m genmo.evaluation.modes [--pack DIR] [--seeds N]`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import metrics, rotation
from genmo.runtime.engine import Engine
from genmo.runtime.loops import repeated_motion
from genmo.runtime.modes import Loop, Vary, held_poses
from genmo.runtime.motion import Motion, save_motion
from genmo.runtime.pack import DEFAULT_PACK, open_pack
from genmo.runtime.request import MotionRequest, Prompt, Sampling
from genmo.runtime.skeleton import INDEX, JOINT_NAMES

Array = NDArray[np.float64]

CONTEXT: Final = 20
"""Frames of the motion on each side of a range, as in Blender."""
START: Final = 90
RANGE: Final = 60
FRAMES: Final = 240
BASES: Final = ("a person walks forward", "a person runs", "a person dances", "a person walks in a circle")
CHANGES: Final = ("a person waves with the right hand", "a person jumps", "a person sits down", "")
RIGHT_ARM: Final = ("r_collar", "r_shoulder", "r_elbow", "r_wrist")
STRENGTHS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def accelerations(motion: Motion) -> Array:
    """(T - 2,) acceleration of the fastest accelerating joint, m/s^2; row t belongs to frame t + 1."""
    return np.linalg.norm(np.diff(motion.positions, n=2, axis=0), axis=-1).max(axis=-1) * motion.fps**2


def at_seam(motion: Motion, frame: int) -> float:
    """The larger acceleration of the last old and the first new frame; `frame` is the first after the seam."""
    return float(accelerations(motion)[frame - 2 : frame].max())


def made(engine: Engine, request: MotionRequest) -> Motion:
    """The first motion of a request."""
    return engine.generate(request)[0]


def bases(engine: Engine, seeds: int) -> Iterator[tuple[int, Motion]]:
    """Eight seconds of each of BASES with each seed."""
    for text in BASES:
        for seed in range(seeds):
            prompts = (Prompt(text, 0, FRAMES),)
            yield seed, made(engine, MotionRequest(FRAMES, prompts=prompts, sampling=Sampling(seed=seed)))


def regenerated(engine: Engine, base: Motion, text: str, seed: int) -> Motion:
    """A motion with frames START to START + RANGE made anew."""
    stop = START + RANGE
    first, last = START - CONTEXT, stop + CONTEXT
    held = tuple(
        held_poses(a - first, base.root_positions[a:b], base.local_rotations[a:b])
        for a, b in ((first, START), (stop, last))
    )
    prompts = (Prompt(text, START - first, stop - first),) if text else ()
    sampling = Sampling(seed=seed + 100, mode="generate")
    part = made(engine, MotionRequest(last - first, prompts=prompts, held=held, sampling=sampling))
    root, local = base.root_positions.copy(), base.local_rotations.copy()
    root[START:stop] = part.root_positions[CONTEXT:-CONTEXT]
    local[START:stop] = part.local_rotations[CONTEXT:-CONTEXT]
    return replace(base, root_positions=root, local_rotations=local, request=None)


def extended(engine: Engine, base: Motion, seed: int) -> Motion:
    """Three seconds after frame 180 of a motion, without a prompt of another kind, joined to what was before."""
    cut = 180
    held = held_poses(0, base.root_positions[cut - CONTEXT : cut], base.local_rotations[cut - CONTEXT : cut])
    prompts = tuple(Prompt(prompt.text, 0, CONTEXT + 90) for prompt in base.request.prompts) if base.request else ()
    part = made(engine, MotionRequest(CONTEXT + 90, prompts=prompts, held=(held,), sampling=Sampling(seed=seed + 100)))
    root = np.concatenate([base.root_positions[:cut], part.root_positions[CONTEXT:]])
    local = np.concatenate([base.local_rotations[:cut], part.local_rotations[CONTEXT:]])
    contacts = np.concatenate([base.contacts[:cut], part.contacts[CONTEXT:]])
    return replace(base, root_positions=root, local_rotations=local, contacts=contacts, request=None)


def seams(engine: Engine, seeds: int) -> None:
    """Print the accelerations at seams beside those of the same frames before the change."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for seed, base in bases(engine, seeds):
        for text in CHANGES:
            found = regenerated(engine, base, text, seed)
            pairs = [(at_seam(found, seam), at_seam(base, seam)) for seam in (START, START + RANGE)]
            rows.setdefault(f"range, {text or 'no prompt'}", []).extend(pairs)
        rows.setdefault("extend", []).append((at_seam(extended(engine, base, seed), 180), at_seam(base, 180)))
    print("seams: acceleration in m/s^2, new (median, worst) | same frames before (median, worst)")
    for name, pairs in rows.items():
        new, old = np.array(pairs).T
        before = f"{np.median(old):5.1f} {old.max():6.1f}"
        print(f"{name:48s} {np.median(new):5.1f} {new.max():6.1f} | {before}  n={len(new)}")


def loops(engine: Engine, seeds: int) -> None:
    """Print how loops close: errors of the last pose and the acceleration over the seam beside the rest."""
    print("loops: frames, last pose deg, acceleration at the seam | 95th percentile, m/s^2; skate cm/s; way m")
    for text, frames in (("a person walks forward", 61), ("a person runs", 41), ("a person stands idle", 151)):
        for way in ("moving", "in_place"):
            loop: Loop = "moving" if way == "moving" else "in_place"
            found = [
                made(engine, MotionRequest(frames, prompts=(Prompt(text, 0, frames),), loop=loop, sampling=Sampling(s)))
                for s in range(seeds)
            ]
            turn = max(float(rotation.angle(m.local_rotations[0], m.local_rotations[-1]).max()) for m in found)
            twice = [repeated_motion(motion, 2) for motion in found]
            seam = max(at_seam(motion, frames) for motion in twice)
            rest = float(np.median([np.percentile(accelerations(motion), 95) for motion in twice]))
            skate = float(np.median([metrics.measure(motion)["foot_skate_contact"] for motion in found]))
            step = float(np.median([np.linalg.norm(m.root_positions[-1] - m.root_positions[0]) for m in found]))
            print(f"{text}, {way}: {frames} {np.degrees(turn):.6f} {seam:.1f} | {rest:.1f}; {skate:.1f}; {step:.2f}")


def layers(engine: Engine, seeds: int) -> None:
    """Print what a layer on the right arm changes and what it keeps."""
    free = [INDEX[name] for name in RIGHT_ARM]
    kept = [joint for joint in range(len(JOINT_NAMES)) if joint not in free]
    error, change, height = [], [], []
    for seed, base in bases(engine, seeds):
        stays = tuple(name for name in JOINT_NAMES if name not in RIGHT_ARM)
        held = (held_poses(0, base.root_positions, base.local_rotations, stays),)
        prompts = (Prompt("a person waves with the right hand", 0, FRAMES),)
        found = made(engine, MotionRequest(FRAMES, prompts=prompts, held=held, sampling=Sampling(seed=seed + 100)))
        angles = np.degrees(rotation.angle(found.local_rotations, base.local_rotations))
        error.append(angles[:, kept].max())
        change.append(angles[:, free].mean())
        wrist = INDEX["r_wrist"]
        height.append(found.positions[:, wrist, 1].max() - base.positions[:, wrist, 1].max())
    print(f"layer: kept joints {max(error):.6f} deg, arm changed {np.median(change):.1f} deg, ", end="")
    print(f"hand higher by {np.median(height):.2f} m (median), n={len(error)}")


def variations(engine: Engine, seeds: int) -> None:
    """Print how far variations are from their take."""
    print("vary: strength, mean distance of joints cm, of rotations deg (median)")
    olds = list(bases(engine, 1))
    with tempfile.TemporaryDirectory() as folder:
        for index, (_, old) in enumerate(olds):
            save_motion(old, Path(folder) / f"{index}.npz")
        for strength in STRENGTHS:
            distance, turn = [], []
            for index, (_, old) in enumerate(olds):
                vary = Vary(str(Path(folder) / f"{index}.npz"), strength)
                prompts = old.request.prompts if old.request else ()
                for seed in range(seeds):
                    sampling = Sampling(seed=seed + 100)
                    new = made(engine, MotionRequest(FRAMES, prompts=prompts, vary=vary, sampling=sampling))
                    distance.append(100.0 * np.linalg.norm(new.positions - old.positions, axis=-1).mean())
                    turn.append(np.degrees(rotation.angle(new.local_rotations, old.local_rotations)).mean())
            print(f"{strength:.1f} {np.median(distance):6.1f} {np.median(turn):6.1f}")


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, default=DEFAULT_PACK, help="model pack")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each motion")
    arguments = parser.parse_args()
    engine = Engine(open_pack(arguments.pack), "cpu")
    for part in (seams, loops, layers, variations):
        part(engine, arguments.seeds)


if __name__ == "__main__":
    main()
