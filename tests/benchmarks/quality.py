"""What the default pack makes: foot skate and jitter of prompts, exactness and smoothness at keys, seams of prompts.

`python -m genmo.tests.benchmarks.quality` with the Python of `.venv`. Prints Markdown tables for docs/measurements.md.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from genmo.runtime import metrics
from genmo.runtime.engine import Engine
from genmo.runtime.motion import Motion
from genmo.runtime.pack import DEFAULT_PACK, open_pack
from genmo.runtime.request import Keyframe, MotionRequest, Path, Pin, Prompt, Sampling
from genmo.runtime.skeleton import JOINT_NAMES

PROMPTS = (
    "a person walks forward",
    "a person runs",
    "a person jumps",
    "a person waves with the right hand",
    "a person sits down",
    "a person kicks with the right leg",
)
FRAMES = 120
SEEDS = range(4)
COLUMNS = ("foot_skate_contact", "foot_skate_height", "penetration_max", "jitter")


def prompt_table(engine: Engine) -> None:
    """One row a prompt, the mean over the seeds, with clean-up."""
    print("| prompt | m travelled | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for text in PROMPTS:
        request = MotionRequest(FRAMES, prompts=(Prompt(text, 0, FRAMES),))
        motions = [generated(engine, request, seed) for seed in SEEDS]
        numbers = [metrics.measure(motion) for motion in motions]
        means = [np.mean([row[name] for row in numbers]) for name in COLUMNS]
        way = np.mean([np.linalg.norm(m.root_positions[-1, ::2] - m.root_positions[0, ::2]) for m in motions])
        print(f"| {text} | {way:.2f} | " + " | ".join(f"{value:.2f}" for value in means) + " |")


def generated(engine: Engine, request: MotionRequest, seed: int) -> Motion:
    """The motion of a request with another seed."""
    return engine.generate(dataclasses.replace(request, sampling=Sampling(seed=seed)))[0]


def key_from(motion: Motion, source: int, frame: int, shift: float) -> Keyframe:
    """A key pose taken from a frame of a motion, moved along z."""
    rotations = {
        name: tuple(float(value) for value in motion.local_rotations[source, index])
        for index, name in enumerate(JOINT_NAMES)
    }
    x, y, z = (float(value) for value in motion.root_positions[source])
    return Keyframe(frame, JOINT_NAMES, (x, y, z + shift), rotations)  # type: ignore[arg-type]


def constraint_table(engine: Engine) -> None:
    """Keys of generated poses, a waypoint and a pin together with prompts: exactness and smoothness."""
    names = ("key_position_error_mm", "key_rotation_error_deg", "path_error_mm", "pin_error_mm",
             "key_acceleration_ratio", "foot_skate_contact")  # fmt: skip
    print("\n| seed | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    walk = generated(engine, MotionRequest(FRAMES, prompts=(Prompt(PROMPTS[0], 0, FRAMES),)), 0)
    for seed in SEEDS:
        first, last = key_from(walk, 10, 0, 0.0), key_from(walk, 60 + 5 * seed, 90, 0.4)
        hand = (0.35, 1.25, float(last.root_position[2]) + 0.5)  # type: ignore[index]
        request = MotionRequest(
            180,
            prompts=(Prompt(PROMPTS[0], 0, 100), Prompt(PROMPTS[3], 100, 180)),
            keyframes=(first, last),
            pins=(Pin("l_wrist", 120, 140, hand),),
            path=Path((45,), ((0.1, 0.5 * float(last.root_position[2])),)),  # type: ignore[index]
        )
        numbers = metrics.measure(generated(engine, request, seed), dataclasses.replace(request, sampling=Sampling()))
        print(f"| {seed} | " + " | ".join(f"{numbers[name]:.4f}" for name in names) + " |")


def seam_table(engine: Engine) -> None:
    """Largest joint acceleration within 3 frames of where one prompt ends and the next begins."""
    print("\n| two prompts | acceleration at the seam / 95th percentile of the clip |\n|---|---|")
    for first, second in ((PROMPTS[0], PROMPTS[3]), (PROMPTS[0], PROMPTS[2]), (PROMPTS[1], PROMPTS[0])):
        request = MotionRequest(240, prompts=(Prompt(first, 0, 120), Prompt(second, 120, 240)))
        ratios = [seam_ratio(generated(engine, request, seed), 120) for seed in SEEDS]
        print(f"| {first}, {second} | {', '.join(f'{ratio:.2f}' for ratio in ratios)} |")


def seam_ratio(motion: Motion, frame: int) -> float:
    """The mean joint acceleration around a frame against the clip's own 95th percentile."""
    speed = np.linalg.norm(np.diff(motion.positions, n=2, axis=0), axis=-1).mean(axis=1)
    return float(speed[frame - 4 : frame + 3].max() / np.percentile(speed, 95))


def main() -> None:
    """Print all tables."""
    engine = Engine(open_pack(DEFAULT_PACK), "cpu")
    print(f"pack {engine.pack.info.label}, {engine.pack.info.sampler.steps} steps, "
          f"guidance {engine.pack.info.sampler.guidance}\n")  # fmt: skip
    prompt_table(engine)
    constraint_table(engine)
    seam_table(engine)


if __name__ == "__main__":
    main()
