"""Image features of a filmed person: the published model's optional fourth view of a video (genmo.md section 4.4).

The encoder (HMR2's token) is the user's own ONNX file: imgs (N, 3, 256, 256) -> (N, 1024). Without it the model takes
its path without images, which it was trained for as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CancelledError, PackError
from ..films import Film, is_keypoint_file
from ..progress import Progress
from ..request import MotionRequest, Video
from .model import IMAGE_WIDTH, Network
from .told import body_boxes

Array = NDArray[np.float64]
Float = NDArray[np.float32]
Pixels = NDArray[np.uint8]

SIZE: Final = 256
LOOKING: Final = "Looking at the pictures"
BATCH: Final = 8
_MEAN: Final = np.array([0.485, 0.456, 0.406])
_STD: Final = np.array([0.229, 0.224, 0.225])
"""Of ImageNet, RGB."""
_BLURRED: Final = 1.1


def crop(pixels: Pixels, box: ArrayLike) -> Float:
    """The square of a picture (h, w, 3) around a box, as the encoder wants it.

    Args:
        pixels: RGB.
        box: centre x, y and size in pixels; what lies outside the picture is black.

    Returns:
        (3, 256, 256): the centres of the corner pixels are the corners of the box.
    """
    x, y, size = np.asarray(box, np.float64)
    grid = np.arange(SIZE) / (SIZE - 1.0) - 0.5
    columns, rows = x + size * grid, y + size * grid
    low = np.floor([rows[0], columns[0]]).astype(int) - 3
    high = np.ceil([rows[-1], columns[-1]]).astype(int) + 4
    part = _cut_out(pixels, low, high)
    shrink = size / (2.0 * SIZE)
    if shrink > _BLURRED:
        part = _blurred(part, (shrink - 1.0) / 2.0)
    sampled = _sampled(_sampled(part, rows - low[0]).transpose(1, 0, 2), columns - low[1]).transpose(1, 0, 2)
    return ((sampled / 255.0 - _MEAN) / _STD).transpose(2, 0, 1).astype(np.float32)


def _cut_out(pixels: Pixels, low: NDArray[np.int64], high: NDArray[np.int64]) -> Array:
    """Rows and columns [low, high) of a picture, black outside it."""
    part = np.zeros((*(high - low), 3))
    inside = [
        slice(max(int(a), 0), max(min(int(b), size), 0)) for a, b, size in zip(low, high, pixels.shape, strict=False)
    ]
    if all(piece.stop > piece.start for piece in inside):
        target = tuple(slice(s.start - int(a), s.stop - int(a)) for s, a in zip(inside, low, strict=True))
        part[target] = pixels[tuple(inside)]
    return part


def _blurred(part: Array, sigma: float) -> Array:
    taps = np.exp(-0.5 * (np.arange(-2, 3) / sigma) ** 2)
    taps /= taps.sum()
    for axis in (0, 1):
        padding = [(2, 2) if each == axis else (0, 0) for each in range(3)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(part, padding, mode="reflect"), 5, axis=axis)
        part = windows @ taps
    return part


def _sampled(values: Array, at: Array) -> Array:
    """Rows (n, ...) at fractional places, interpolated linearly."""
    below = np.floor(at).astype(int)
    share = (at - below).reshape(-1, *(1,) * (values.ndim - 1))
    return values[below] * (1.0 - share) + values[below + 1] * share


def with_images(
    request: MotionRequest, films: Sequence[Film], fps: float, encoder: Callable[[], Network],
    report: Callable[[Progress], None], stop: Callable[[], bool],
) -> tuple[Film, ...]:  # fmt: skip
    """The films with image features, where their video can be looked at and they have none yet.

    Args:
        request: whose videos they are.
        films: cut to their frames.
        fps: frames per second of the model.
        encoder: makes the network when it is first needed.
        report: told of the progress.
        stop: asked before each batch.

    Raises:
        PackError: the encoder is of another kind.
        CancelledError: `stop` said so.
    """
    network: Network | None = None
    result: list[Film] = []
    for film in films:
        video = _video_of(request, film)
        if film.images is not None or video is None:
            result.append(film)
            continue
        network = network or encoder()
        result.append(replace(film, images=_features(film, video, fps, network, report, stop)))
    return tuple(result)


def _video_of(request: MotionRequest, film: Film) -> Video | None:
    """The video that a film was made of, None for keypoint files and mirrored pictures."""
    covering = [video for video in request.videos if video.start <= film.start < video.stop]
    video = covering[-1] if covering else None
    return None if video is None or video.flip or is_keypoint_file(video.path) else video


def _features(
    film: Film, video: Video, fps: float, network: Network, report: Callable[[Progress], None], stop: Callable[[], bool]
) -> Array:
    centre = film.points[0, 0, :2] - film.slopes[0, 0] * film.focal_px
    boxes = body_boxes(film) * film.focal_px + np.append(centre, 0.0)
    times = video.source_start + (film.start - video.start + np.arange(len(boxes))) / fps
    (name, shape), *others = network.inputs.items()
    if others or tuple(shape[1:]) != (3, SIZE, SIZE):
        raise PackError(f"The image encoder reads {dict(network.inputs)}, not pictures of 3 x {SIZE} x {SIZE}")
    batch = shape[0] if isinstance(shape[0], int) else BATCH
    features = np.zeros((len(boxes), IMAGE_WIDTH))
    crops: list[Float] = []
    for done, picture in enumerate(_pictures_at(Path(video.path), times), 1):
        pixels, scale = picture
        box = boxes[done - 1] / np.array([scale[0], scale[1], float(np.mean(scale))])
        crops.append(crop(pixels, box))
        if len(crops) == batch or done == len(boxes):
            if stop():
                raise CancelledError("stopped")
            filled = np.stack(crops + [crops[-1]] * (batch - len(crops) if isinstance(shape[0], int) else 0))
            (answer,) = network.run({name: filled}).values()
            if answer.shape[1:] != (IMAGE_WIDTH,):
                raise PackError(f"The image encoder gives {answer.shape[1:]} numbers a picture, not {IMAGE_WIDTH}")
            features[done - len(crops) : done] = answer[: len(crops)]
            crops.clear()
            report(Progress(LOOKING, done, len(boxes)))
    return features


def _pictures_at(path: Path, times: Array) -> Iterator[tuple[Pixels, Array]]:
    """For each of some rising times the picture that is nearest, with its scale; the last one goes on."""
    from ..media.video import pictures  # loads PyAV

    waiting = 0
    last = None
    for picture in pictures(path, start=max(float(times[0]) - 0.1, 0.0)):
        while last is not None and waiting < len(times) and times[waiting] <= (last.time + picture.time) / 2.0:
            yield last.pixels, last.scale
            waiting += 1
        last = picture
        if waiting == len(times):
            return
    while last is not None and waiting < len(times):
        yield last.pixels, last.scale
        waiting += 1
