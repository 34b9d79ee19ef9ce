"""Reading videos: every kind of file that a user may have, and those that are none. The clips are made here."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from genmo.runtime.errors import RequestError
from genmo.runtime.media.video import LONGEST_SIDE, pictures, probe, series
from genmo.tests.runtime.clips import card, number_of, write_clip, write_sound


def cards(count: int, width: int = 64, height: int = 48) -> list[np.ndarray]:
    return [card(index, width, height) for index in range(count)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mov", "mpeg4"), ("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.avi", "mjpeg")],
)
def test_containers_and_codecs(name: str, codec: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, cards(12), codec=codec)
    found = list(pictures(path))
    assert [number_of(each.pixels) for each in found] == list(range(12))
    np.testing.assert_allclose([each.time for each in found], np.arange(12) / 30.0, atol=2e-3)
    info = probe(path)
    assert (info.width, info.height) == (64, 48)
    assert info.seconds == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize(("fps", "step"), [(24.0, 1), (25.0, 1), (30.0, 1), (50.0, 2), (60.0, 2), (120.0, 3)])
def test_fast_videos_are_thinned_out_by_time(fps: float, step: int, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", cards(24), fps=fps)
    found = list(pictures(path))
    assert [number_of(each.pixels) for each in found] == list(range(0, 24, step))
    np.testing.assert_allclose([each.time for each in found], np.arange(0, 24, step) / fps, atol=2e-3)


def test_times_are_the_stamps_not_the_rate(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.3, 0.34, 0.5, 1.0]
    path = write_clip(tmp_path / "a.mp4", cards(6), times=times)
    np.testing.assert_allclose([each.time for each in pictures(path)], times, atol=2e-3)


@pytest.mark.parametrize(("turn", "corner"), [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (-90, (0, 1))])
def test_turned_videos_come_upright(turn: int, corner: tuple[int, int], tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", cards(2), turn=turn)
    picture = next(pictures(path))
    info = probe(path)
    shape = (64, 48) if turn % 180 else (48, 64)
    assert picture.pixels.shape[:2] == shape
    assert (info.height, info.width) == shape
    ends = [[picture.pixels[4, 4], picture.pixels[4, -4]], [picture.pixels[-4, 4], picture.pixels[-4, -4]]]
    bright = {(row, column) for row in (0, 1) for column in (0, 1) if ends[row][column].mean() > 200}
    assert bright == {corner}


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", cards(2), aspect=Fraction(3, 2))
    assert (probe(path).width, probe(path).height) == (96, 48)
    assert next(pictures(path)).pixels.shape == (48, 96, 3)


def test_large_pictures_are_reduced_and_say_how_much(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", [np.full((2160, 3840, 3), 90, np.uint8)] * 2)
    picture = next(pictures(path))
    assert max(picture.pixels.shape) == LONGEST_SIDE
    np.testing.assert_allclose(picture.scale, 3.0)
    assert (probe(path).width, probe(path).height) == (3840, 2160)


def test_a_part_of_a_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", cards(45) * 2)
    found = list(pictures(path, start=1.0, stop=1.5))
    assert [number_of(each.pixels) for each in found] == list(range(30, 45))
    assert found[0].time == pytest.approx(1.0, abs=2e-3)
    assert len(list(pictures(path, start=2.0))) == 30
    assert not list(pictures(path, start=9.0))


def test_the_focal_length_of_phones(tmp_path: Path) -> None:
    tag = {"com.apple.quicktime.camera.focal_length.35mm_equivalent": "26"}
    with av.open(str(tmp_path / "a.mov"), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(tag)
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame = av.VideoFrame.from_ndarray(card(0), format="rgb24").reformat(format="yuv420p")
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    assert probe(tmp_path / "a.mov").focal_px == pytest.approx(26 / np.hypot(36, 24) * 80)
    assert probe(write_clip(tmp_path / "b.mp4", cards(1))).focal_px is None


def test_a_series_of_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "plates"
    folder.mkdir()
    for number in (8, 9, 10, 11, 13):
        frame = av.VideoFrame.from_ndarray(card(number), format="rgb24")
        frame.save(str(folder / f"shot.{number}.png"))
    run = [folder / f"shot.{number}.png" for number in (8, 9, 10, 11)]
    assert series(run[2]) == run
    assert series(folder / "shot.13.png") == [folder / "shot.13.png"]
    found = list(pictures(run[0], series_fps=24.0))
    assert [number_of(each.pixels) for each in found] == [8, 9, 10, 11]
    np.testing.assert_allclose([each.time for each in found], np.arange(4) / 24.0)
    assert len(list(pictures(folder))) == 5
    assert probe(run[0], 24.0).seconds == pytest.approx(4 / 24)


def test_a_single_picture_is_a_video_of_one(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", cards(1))
    assert [each.time for each in pictures(path)] == [0.0]


def test_a_video_that_is_cut_off_gives_what_is_left(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", [card(index, 320, 240) for index in range(60)], codec="mpeg4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    found = [number_of(each.pixels) for each in pictures(path)]
    assert 10 < len(found) < 60
    assert found == [index % 45 for index in range(len(found))]


def test_what_is_no_video_is_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", cards(10)).read_bytes()
    contents = {"empty.mp4": (b"", "is empty"), "text.mp4": (b"not a video", "is not a video, or is damaged")}
    contents["cut.mp4"] = (whole[: len(whole) // 2], "is not a video, or is damaged")
    contents["list.m3u8"] = (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", "list.m3u8")
    for name, (content, sentence) in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RequestError, match=sentence) as caught:
            list(pictures(tmp_path / name))
        assert "\n" not in str(caught.value)
    with pytest.raises(RequestError, match="has no picture, only sound"):
        probe(write_sound(tmp_path / "sound.m4a"))
    with pytest.raises(RequestError, match="is missing"):
        probe(tmp_path / "absent.mp4")
    (tmp_path / "folder").mkdir()
    with pytest.raises(RequestError, match="folder without pictures"):
        probe(tmp_path / "folder")
