"""Our port of the published model against the vectors that it gave, through `tests/golden_gem.py` as a user runs it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo.runtime.gem import inputs, world
from genmo.runtime.gem.model import Conditions, Denoiser
from genmo.tests import golden_gem
from genmo.tests.gem_weights import seeded_state
from genmo.training.gem.conditions import GATED, Inputs
from genmo.training.gem.network import Texts, band, position_table

DATA = Path(__file__).parents[1] / "data" / "gem"
VECTORS = ("functions.npz", "denoiser_L120_reg.npz", "ddim_text_L120.npz")


def test_the_vectors_of_the_published_model_are_met(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in VECTORS:
        shutil.copy(DATA / name, tmp_path)
    assert golden_gem.main(tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(VECTORS) + 1
    assert lines[-1] == "3 of 3 files agree"


def test_a_wrong_vector_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = dict(np.load(DATA / "denoiser_L120_reg.npz"))
    arrays["out.pred_x"] = arrays["out.pred_x"] + 1e-3
    np.savez(tmp_path / "denoiser_wrong.npz", **arrays)
    assert golden_gem.main(tmp_path) == 1
    assert "MISSED torch pred_x 1.0e-03 > 2e-05" in capsys.readouterr().out
    assert golden_gem.main(tmp_path / "nothing") == 1


def test_blocks_see_what_the_dense_band_shows() -> None:
    """Also where the last block is short, and with padding at the end."""
    for frames, valid in ((1, None), (60, None), (119, None), (121, None), (180, 150), (300, None), (500, 333)):
        keys, bias = inputs.band(frames, valid)
        seen = np.zeros((inputs.padded(frames), inputs.padded(frames)), bool)
        for block, columns in enumerate(keys):
            for row in range(inputs.BLOCK):
                seen[block * inputs.BLOCK + row, columns[bias[block, row] == 0.0]] = True
        expected = band(frames).numpy() & (np.arange(frames) < (valid or frames))
        np.testing.assert_array_equal(seen[:frames, :frames], expected)
        assert not seen[:, frames:].any()


def test_texts_are_read_by_their_frames_alone() -> None:
    ranges, frames = ((0, 70), (60, 200), (190, 500), (500, 660)), 660
    slots, weights = inputs.text_places(ranges, frames)
    assert slots.shape[1] == 2
    read = np.zeros((len(ranges), frames))
    for block in range(len(slots)):
        for slot, row in zip(slots[block], weights[block], strict=True):
            read[slot, block * inputs.BLOCK : (block + 1) * inputs.BLOCK] += row
    grid = np.arange(frames)
    np.testing.assert_array_equal(read, [(grid >= start) & (grid < stop) for start, stop in ranges])


def test_the_tables_are_those_of_the_published_file() -> None:
    state = seeded_state(48, 3)
    assert sum(key.endswith(".pe") for key in state) == 2
    exact = np.sin(np.arange(5000)[:, None] * np.exp(np.arange(0, 48, 2) * (-np.log(1e4) / 48)))
    table = position_table(5000, 48)[:, 0, 0::2].numpy()
    assert 1e-7 < np.abs(table - exact).max() < 1e-3  # float32 throughout, as published
    assert torch.equal(state["pipeline.denoiser3d.denoiser.sequence_pos_encoder.pe"], position_table(5000, 48))


def test_a_slow_pan_is_not_lost() -> None:
    """1e-4 radians a frame over 3,000 frames: 17 degrees, of which the published float32 arc cosine sees none."""
    frames, rate = 3000, 1e-4
    angles = rate * np.arange(frames)
    cameras = golden_gem.matrices(np.stack([0 * angles, -angles, 0 * angles], axis=-1)) @ np.diag([1.0, -1.0, -1.0])
    body = np.tile(np.eye(3), (frames, 1, 1))
    motion = golden_gem.layout.Decoded(
        body,
        np.zeros((frames, 10)),
        cameras @ body,
        world.gravity_view(cameras) @ cameras @ body,
        np.zeros((frames, 3)),
    )
    orient, _ = world.rollout(motion, world.camera_velocity(cameras))
    turn = np.unwrap(np.arctan2(orient[:, 0, 2], orient[:, 2, 2]))
    np.testing.assert_allclose(np.degrees(np.ptp(turn)), 0.0, atol=0.05)  # the body stands still in the world


@torch.no_grad()
def test_music_speech_and_overlapping_texts_agree_in_torch_and_onnx(tmp_path: Path) -> None:
    port, frames = golden_gem.subject(48, 3, tmp_path), 200
    random = np.random.default_rng(0)
    told = Conditions(frames)
    told.music[:] = random.normal(size=(frames, 35))
    samples = random.normal(size=(1, 600 * frames)).astype(np.float32)
    told.speech[:] = port.session("speech_encoder").run({"samples": samples[None]})["encoded"]
    told.exists[20:150, 3], told.exists[:, 4] = True, True
    ranges = ((0, 80), (60, 120), (140, 200))  # overlapping, and a gap
    texts = random.normal(size=(3, 50, 1024)).astype(np.float32)
    onnx = Denoiser(port.session("denoiser"), port.session("conditions"), told, texts, ranges)
    x = random.normal(size=(frames, 151)).astype(np.float32)
    exists = {name: torch.from_numpy(told.exists[None, :, index]).float() for index, name in enumerate(GATED)}
    values = {"encoded_music": torch.from_numpy(told.music)[None], "encoded_audio": torch.from_numpy(samples)}
    answers = []
    for informed in (True, False):
        condition = port.model.condition(Inputs(torch.zeros(1, frames, 17, 3), values, exists), told=informed)
        read = Texts(torch.from_numpy(texts) * informed, golden_gem.windows(ranges, frames))
        clean = port.model.denoiser(torch.from_numpy(x)[None], torch.tensor([300]), condition, read)[0].numpy()
        answers.append(clean)
        np.testing.assert_allclose(onnx(x, 300, told=informed), clean, atol=1e-5)
    assert np.abs(answers[0] - answers[1]).max() > 0.1
