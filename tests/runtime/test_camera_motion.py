"""How a camera turned, from pictures of a painted wall that a known camera sees."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import rotation
from genmo.runtime.people.camera_motion import CameraTurns, stands_still
from genmo.runtime.people.networks import Region

FOCAL, WIDTH, HEIGHT = 1.1, 256, 144


def wall() -> np.ndarray:
    """A painting (600, 900) with edges of every size and direction."""
    rng = np.random.default_rng(4)
    painting = np.zeros((600, 900))
    rows, columns = np.mgrid[:600, :900]
    for _ in range(260):
        x, y, size, shade = rng.uniform(0, 900), rng.uniform(0, 600), rng.uniform(10, 60), rng.uniform(-60, 60)
        painting += shade / (1.0 + np.exp((np.hypot(columns - x, rows - y) - size) / 1.5))
    return np.clip(painting + 120, 0, 255)


@pytest.fixture(scope="module")
def painting() -> np.ndarray:
    return wall()


def seen(painting: np.ndarray, turn: np.ndarray, brightness: float = 0.0) -> np.ndarray:
    """The picture of a camera that has turned by a rotation vector in front of a distant wall."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    focal = FOCAL * WIDTH
    across, down = (columns - (WIDTH - 1) / 2) / focal, (rows - (HEIGHT - 1) / 2) / focal
    rays = np.stack([across, down, np.ones((HEIGHT, WIDTH))], axis=-1)
    far = rays @ rotation.to_matrix(rotation.from_axis_angle(turn)).T
    x = np.clip(far[..., 0] / far[..., 2] * 300 + 450, 0, 898)
    y = np.clip(far[..., 1] / far[..., 2] * 300 + 300, 0, 598)
    left, top = x.astype(int), y.astype(int)
    right, low = x - left, y - top
    upper = painting[top, left] * (1 - right) + painting[top, left + 1] * right
    lower = painting[top + 1, left] * (1 - right) + painting[top + 1, left + 1] * right
    grey = np.clip(upper * (1 - low) + lower * low + brightness, 0, 255)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def matrices(turns: CameraTurns) -> np.ndarray:
    return turns.rotations.array().reshape(-1, 3, 3)


def errors(turns: CameraTurns, true: np.ndarray) -> np.ndarray:
    """Degrees by which rotations differ from the true ones."""
    found = rotation.from_matrix(matrices(turns))
    return np.degrees(rotation.angle(found, rotation.from_axis_angle(true)))


def test_a_camera_that_pans_tilts_and_rolls(painting: np.ndarray) -> None:
    time = np.linspace(0, 1, 40)[:, None]
    true = time * [0.06, 0.3, -0.08] + 0.01 * np.sin(25 * time) * [1.0, 0.5, 0.8]
    true -= true[0]
    turns = CameraTurns(FOCAL)
    for turn in true:
        turns.look(seen(painting, turn), [], cut=False)
    assert errors(turns, true).max() < 0.15
    assert not stands_still(matrices(turns))
    assert min(turns.agreement) > 0.5


def test_a_camera_that_stands_and_people_and_light_that_do_not(painting: np.ndarray) -> None:
    """Somebody in front of a third of the picture walks by, and the exposure changes."""
    turns = CameraTurns(FOCAL)
    for step in range(20):
        picture = seen(painting, np.zeros(3), brightness=1.5 * step)
        left = 20 + 8 * step
        picture[:, left : left + 50] = 20 + 60 * (np.arange(HEIGHT)[:, None, None] // 7 % 3)
        turns.look(picture, [Region(left + 25, HEIGHT / 2, 130, 0.0)], cut=False)
    assert stands_still(matrices(turns))
    assert errors(turns, np.zeros((20, 3))).max() < 0.1


def test_each_shot_begins_anew(painting: np.ndarray) -> None:
    turns = CameraTurns(FOCAL)
    for turn, cut in (([0, 0, 0], True), ([0, 0.02, 0], False), ([0, -0.3, 0], True), ([0, -0.32, 0], False)):
        turns.look(seen(painting, np.array(turn, float)), [], cut=cut)
    np.testing.assert_allclose(matrices(turns)[2], np.eye(3))
    found = rotation.to_axis_angle(rotation.from_matrix(matrices(turns)))
    np.testing.assert_allclose(found[:, 1], [0, 0.02, 0, -0.02], atol=2e-3)


def test_pictures_without_anything_in_them_do_not_turn_the_camera() -> None:
    turns = CameraTurns(FOCAL)
    for _ in range(5):
        turns.look(np.full((HEIGHT, WIDTH, 3), 128, np.uint8), [], cut=False)
    np.testing.assert_allclose(matrices(turns), np.tile(np.eye(3), (5, 1, 1)))
    tiny = CameraTurns(FOCAL)
    for _ in range(2):
        tiny.look(np.zeros((2, 3, 3), np.uint8), [], cut=False)
    assert len(tiny.rotations) == 2
