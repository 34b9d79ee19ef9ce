"""Videos, music and prompts of a request as what the published network is told (genmo.md sections 4 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..films import Film
from ..request import MotionRequest, Prompt
from . import camera, model, world
from .inputs import TOKENS
from .model import Conditions

Array = NDArray[np.float64]
Float = NDArray[np.float32]
Ranges = tuple[tuple[int, int], ...]

TEXT_WIDTH: Final = 1024
_BOX, _IMAGE, _CAMERA, _MUSIC = (model.EXISTS.index(name) for name in ("box", "image", "camera", "music"))
STILL: Final = 1e-6
"""Change of the rotation matrix of a camera that does not turn."""


def conditions_from(request: MotionRequest, films: Sequence[Film], fps: float) -> Conditions:
    """What the network is told of the videos and the music of a request.

    Args:
        request: with ranges in model frames.
        films: its videos.
        fps: frames per second of the model.

    Raises:
        UserError: a file of music cannot be read.
    """
    told = Conditions(request.frames)
    for film in films:
        _write_film(told, film)
    if request.music:
        _write_music(told, request, fps)
    return told


def _write_film(told: Conditions, film: Film) -> None:
    at = film.frames
    boxes = body_boxes(film)
    points = np.concatenate([film.slopes, film.points[..., 2:] * film.visible[..., None]], axis=-1)
    inside = camera.normalised_keypoints(points, boxes)[..., 2] > camera.SEEN
    shown = inside.sum(axis=1) >= camera.FEWEST
    told.obs[at] = camera.observed(points, boxes, shown)
    told.box[at] = camera.box_condition(boxes, np.ones(len(boxes)), np.zeros(2))  # slopes are in focal lengths
    told.exists[at, _BOX] = shown
    if film.images is not None:
        told.image[at] = film.images
        told.exists[at, _IMAGE] = shown
    turns = np.abs(film.cameras - film.cameras[:1]).max() > STILL
    if turns:
        told.camera[at] = world.camera_velocity(film.cameras)
    told.exists[at, _CAMERA] = film.stands or turns  # else how it moves is not known


def body_boxes(film: Film) -> Array:
    """Boxes (n, 3) around the visible keypoints, averaged over five frames; where none is seen the last box holds."""
    seen = np.asarray(film.visible.any(axis=1), bool)
    if not seen.any():
        return np.tile([0.0, 0.0, 1.0], (len(seen), 1))
    shown = film.visible[..., None]
    low = np.where(shown, film.slopes, np.inf).min(axis=1)
    high = np.where(shown, film.slopes, -np.inf).max(axis=1)
    known = np.flatnonzero(seen)
    last = known[np.maximum(np.searchsorted(known, np.arange(len(seen)), side="right") - 1, 0)]
    return world.moving_average(camera.box_of(np.concatenate([low, high], axis=-1)[last]))


def _write_music(told: Conditions, request: MotionRequest, fps: float) -> None:
    from ..media.music import raw_channels  # may load PyAV

    values, mask = raw_channels(request.music, request.frames, fps)
    told.music[:], told.exists[:, _MUSIC] = values, np.asarray(mask) > 0


def texts_from(prompts: Sequence[Prompt], embeddings: Sequence[Float], frames: int) -> tuple[Float, Ranges]:
    """Embeddings (N, 50, 1024), padded by zeros, and the frames of each; without prompts one of zeros on all frames.

    Args:
        prompts: with ranges in model frames.
        embeddings: (S, 1024) of each.
        frames: T.
    """
    texts = np.zeros((max(len(prompts), 1), TOKENS, TEXT_WIDTH), np.float32)
    for text, tokens in zip(texts, embeddings, strict=False):
        text[: len(tokens)] = tokens[:TOKENS]
    return texts, tuple((prompt.start, prompt.stop) for prompt in prompts) or ((0, frames),)
