"""Pictures of a filmed person on their way to an image encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime.errors import CancelledError, PackError
from genmo.runtime.gem import images
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Video
from genmo.tests.runtime.filming import behind, cameras_at, film_of
from genmo.tests.runtime.walking import walk

FRAMES = 12


@pytest.fixture(scope="module")
def motion() -> Motion:
    return walk(FRAMES)


def picture_series(folder: Path, count: int = FRAMES) -> Path:
    """A folder of pictures, each of one brightness; written as they are read, by PyAV."""
    import av

    folder.mkdir()
    for index in range(count):
        with av.open(str(folder / f"{index:03}.png"), "w", format="image2") as output:
            stream = output.add_stream("png", 30)
            stream.width, stream.height, stream.pix_fmt = 1280, 720, "rgb24"
            pixels = np.full((720, 1280, 3), 20 * index, np.uint8)
            for packet in (*stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")), *stream.encode()):
                output.mux(packet)
    return folder


class Encoder:
    """Answers with the mean brightness of each picture."""

    def __init__(self, batch: int | str = "n", side: int = 256) -> None:
        self.inputs = {"imgs": (batch, 3, side, side)}
        self.sizes: list[int] = []

    def run(self, inputs):
        self.sizes.append(len(inputs["imgs"]))
        brightness = inputs["imgs"][:, 0, 128, 128] * 0.229 + 0.485
        return {"tokens": np.repeat(255.0 * brightness[:, None], 1024, axis=1)}

    def keep(self, fixed):
        return lambda inputs: self.run({**fixed, **inputs})


def request_of(path: Path, **more: object) -> MotionRequest:
    return MotionRequest(FRAMES, videos=(Video(str(path), 0, FRAMES, **more),))  # type: ignore[arg-type]


def film(motion: Motion):
    return film_of(motion, np.tile(cameras_at(0.1), (FRAMES, 1, 1)), behind(motion))


def look(request: MotionRequest, each, encoder: Encoder, stop=lambda: False):
    return images.with_images(request, (each,), 30.0, lambda: encoder, lambda _: None, stop)[0]


def test_corners_of_the_box_are_the_corner_pixels() -> None:
    ramp = np.zeros((300, 400, 3), np.uint8)
    ramp[..., 0] = np.arange(400) % 256
    ramp[..., 1] = np.arange(300)[:, None] % 256
    cut = images.crop(ramp, [150.0, 120.0, 100.0])
    red, green = (
        255.0 * (cut[channel] * std + mean) for channel, (mean, std) in enumerate(((0.485, 0.229), (0.456, 0.224)))
    )
    assert cut.shape == (3, 256, 256)
    np.testing.assert_allclose(red[7], np.linspace(100.0, 200.0, 256), atol=1e-2)
    np.testing.assert_allclose(green[:, 9], np.linspace(70.0, 170.0, 256), atol=1e-2)
    outside = images.crop(ramp, [-500.0, -500.0, 80.0])
    np.testing.assert_allclose(outside[0], -0.485 / 0.229, atol=1e-5)


def test_large_boxes_are_blurred_before_they_are_made_small() -> None:
    """Stripes of one pixel: sampled as they are they alias, blurred they are grey."""
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 255
    sharp = images.crop(stripes, [600.0, 600.0, 500.0])[0]
    blurred = images.crop(stripes, [600.0, 600.0, 1100.0])[0]
    assert blurred.std() < 0.7 * sharp.std()


def test_each_frame_gets_the_features_of_its_own_picture(tmp_path: Path, motion: Motion) -> None:
    path = picture_series(tmp_path / "series")
    each = film(motion)
    encoder = Encoder()
    features = np.asarray(look(request_of(path), each, encoder).images)
    assert features.shape == (FRAMES, 1024)
    np.testing.assert_allclose(features[:, 0], 20.0 * np.arange(FRAMES), atol=0.1)
    assert encoder.sizes == [8, 4]
    fixed = Encoder(batch=5)
    again = look(request_of(path), each, fixed).images
    assert again is not None
    np.testing.assert_allclose(again, features, atol=1e-3)
    assert fixed.sizes == [5, 5, 5]
    later = np.asarray(look(request_of(path, source_start=0.1), each, Encoder()).images)[:, 0]
    np.testing.assert_allclose(later, np.minimum(20.0 * (np.arange(FRAMES) + 3), 220.0), atol=0.1)


def test_keypoint_files_and_mirrored_pictures_have_none(tmp_path: Path, motion: Motion) -> None:
    encoder = Encoder()
    for request in (request_of(tmp_path / "k.npz"), request_of(tmp_path / "v.mp4", flip=True)):
        assert look(request, film(motion), encoder).images is None
    kept = replace(film(motion), images=np.ones((FRAMES, 1024)))
    assert look(request_of(tmp_path / "v.mp4"), kept, encoder) is kept
    assert not encoder.sizes


def test_other_encoders_are_refused_and_work_can_be_stopped(tmp_path: Path, motion: Motion) -> None:
    path = picture_series(tmp_path / "series")
    with pytest.raises(PackError, match="not pictures of 3 x 256 x 256"):
        look(request_of(path), film(motion), Encoder(side=224))
    with pytest.raises(CancelledError):
        look(request_of(path), film(motion), Encoder(), stop=lambda: True)
