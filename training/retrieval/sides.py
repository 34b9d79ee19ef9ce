"""Sentences about left and right that are measured on a motion, to teach the model its sides.

The published model's known weakness is that it mixes up left and right, and only one clip in nine is described with a
side. These sentences are compared only with their own opposite, so what else a motion is does not matter.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.runtime import retrieval_features as features
from genmo.runtime.skeleton import INDEX
from genmo.runtime.words import mirror_text

SENTENCES: Final = {
    "turn": (
        "a person turns left", "someone turns around to the left", "turning left", "a person rotates counterclockwise",
        "turn to the left", "a human is turning leftward",
    ),
    "curve": (
        "a person walks in a curve to the left", "someone moves along in a left turn", "veering left",
        "the person circles counterclockwise", "moving in a circle to the left", "laps, turning left",
    ),
    "step": (
        "a person steps to the left", "side steps left", "someone moves sideways to the left", "a step leftward",
    ),
    "hand": (
        "a person uses the left hand", "someone moves the left arm", "with the left hand", "left arm movement",
        "the left hand is busy", "a human gestures with the left arm",
    ),
    "leg": (
        "a person lifts the left leg", "someone moves the left foot", "with the left leg", "left leg up",
        "a human raises the left foot", "on the right leg, the left one in the air",
    ),
}  # fmt: skip
"""What is said when the left side is meant."""

_TURN, _CURVE = np.radians(50.0), np.radians(100.0)
_TRAVEL = 2.0  # metres of path that make a turn a curve
_STEP = 0.4  # metres to the side
_BUSY = 0.3  # m/s of the busier hand
_BUSIER = 2.0
_RAISED = 0.25  # metres that one ankle rises above the highest place of the other

_Features = NDArray[np.floating]


def all_sentences() -> list[str]:
    """Every sentence that `measured` can give, both sides."""
    left = [text for texts in SENTENCES.values() for text in texts]
    return left + [mirror_text(text) for text in left]


def measured(motion: _Features) -> dict[str, bool]:
    """What can be said of the sides of a motion.

    Args:
        motion: (T, features.WIDTH).

    Returns:
        Keys of SENTENCES -> True for left; what does not clearly favour a side is missing.
    """
    velocity = motion[:, features.VELOCITY].reshape(len(motion), -1, 3).astype(np.float64)
    amounts = {
        "turn": _over(motion[:, features.TURN].sum() / features.FPS, _TURN),
        "curve": _curve(motion, velocity[:, 0]),
        "step": _step(velocity[:, 0]),
        "hand": _hand(velocity),
        "leg": _leg(motion),
    }
    return {name: amount > 0 for name, amount in amounts.items() if amount}


def sentence(motion: _Features, rng: np.random.Generator) -> str:
    """A random sentence that is true of a motion, "" where there is none."""
    said = measured(motion)
    if not said:
        return ""
    kind = str(rng.choice(list(said)))
    text = SENTENCES[kind][rng.integers(len(SENTENCES[kind]))]
    return text if said[kind] else mirror_text(text)


def _over(value: float, limit: float) -> float:
    return float(value) if abs(value) > limit else 0.0


def _curve(motion: _Features, pelvis: NDArray[np.float64]) -> float:
    path = np.linalg.norm(pelvis[:, ::2], axis=1).sum() / features.FPS
    return _over(motion[:, features.TURN].sum() / features.FPS, _CURVE) if path > _TRAVEL else 0.0


def _step(pelvis: NDArray[np.float64]) -> float:
    aside, _, ahead = pelvis.sum(axis=0) / features.FPS
    return _over(aside, max(_STEP, abs(ahead)))


def _hand(velocity: NDArray[np.float64]) -> float:
    left, right = (
        np.linalg.norm(velocity[:, INDEX[name]] - velocity[:, 0], axis=1).mean() for name in ("l_wrist", "r_wrist")
    )
    return left - right if max(left, right) > max(_BUSY, _BUSIER * min(left, right)) else 0.0


def _leg(motion: _Features) -> float:
    heights = motion[:, features.LOCAL].reshape(len(motion), -1, 3)[..., 1].astype(np.float64)
    left, right = (heights[:, INDEX[name] - 1].max() for name in ("l_ankle", "r_ankle"))
    return _over(left - right, _RAISED)
