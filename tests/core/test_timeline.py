"""Scene frames against model frames."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.genmo_blender.core.timeline import Timeline, resample_rotations, resample_values
from genmo.runtime import rotation
from genmo.runtime.errors import UserError


def test_equal_rates_only_shift() -> None:
    clock = Timeline(30.0, start=11)
    assert [clock.model_frame(frame) for frame in (11, 12, 40)] == [0, 1, 29]
    assert clock.sample_times(5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("fps", "count"), [(24.0, 80), (25.0, 83), (30.0, 100), (60.0, 200), (23.976, 80)])
def test_a_motion_lasts_as_long_in_the_scene(fps: float, count: int) -> None:
    clock = Timeline(fps, start=1)
    assert clock.scene_count(100) == count
    times = clock.sample_times(100)
    assert len(times) == count
    assert times[0] == 0
    assert times[-1] <= 99
    assert np.all(np.diff(times) >= 0)


def test_ranges_stay_half_open_and_are_never_empty() -> None:
    clock = Timeline(24.0, start=1)
    assert clock.model_range(1, 25) == (0, 30)
    assert clock.model_range(25, 49) == (30, 60)
    assert clock.model_range(5, 5)[0] + 1 == clock.model_range(5, 5)[1]


@pytest.mark.parametrize("fps", [24.0, 25.0, 48.0, 60.0, 120.0])
def test_keys_fall_on_their_own_frames(fps: float) -> None:
    clock = Timeline(fps, start=7)
    keys = [8, 20, 51, 84]
    times = clock.sample_times(300, keys)
    for key in keys:
        assert times[key - 7] == clock.model_frame(key)
    assert np.all(np.diff(times) >= 0)
    assert np.abs(times - np.minimum(np.arange(len(times)) * 30.0 / fps, 299)).max() <= 0.5


def test_keys_outside_the_motion_are_ignored() -> None:
    clock = Timeline(24.0, start=1)
    assert np.array_equal(clock.sample_times(30, [-5, 500]), clock.sample_times(30))


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 60.0])
def test_a_key_finds_its_scene_frame_again(fps: float) -> None:
    clock = Timeline(fps, start=3)
    for scene_frame in range(3, 60):
        model = clock.model_frame(scene_frame)
        assert clock.model_frame(clock.nearest_scene_frame(model)) == model


def test_rotations_are_interpolated_on_the_sphere() -> None:
    turns = rotation.from_axis_angle(np.array([[[0.0, 0.0, 0.0]], [[0.0, 2.0, 0.0]], [[0.0, -2.0, 0.0]]]))
    half = resample_rotations(turns, [0.5, 1.0, 1.5])
    assert np.allclose(rotation.angle(half[0, 0], rotation.about_y(1.0)), 0.0, atol=1e-9)
    assert np.allclose(rotation.angle(half[1, 0], turns[1, 0]), 0.0, atol=1e-9)
    assert np.allclose(rotation.angle(half[2, 0], rotation.about_y(np.pi)), 0.0, atol=1e-9)  # the short way


def test_values_outside_are_held() -> None:
    assert resample_values([[1.0], [3.0]], [-2.0, 0.25, 9.0])[:, 0].tolist() == [1.0, 1.5, 3.0]
    assert resample_values([[4.0]], [0.0, 2.0])[:, 0].tolist() == [4.0, 4.0]


@pytest.mark.parametrize("fps", [0.0, -24.0, float("nan"), float("inf")])
def test_impossible_rates_are_refused(fps: float) -> None:
    with pytest.raises(UserError, match="frame rate"):
        Timeline(fps)


def test_an_endless_motion_is_refused() -> None:
    with pytest.raises(UserError, match="scene frames long"):
        Timeline(1000.0, model_fps=0.001).scene_count(20_000)
