"""The retrieval model learns which caption belongs to which motion, left from right included, from an archive."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo.runtime import retrieval_features as features
from genmo.runtime import rotation, skeleton
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.text import TextEncoder, WordPiece
from genmo.runtime.words import mirror_text
from genmo.tests.training.archives import made_up_clip, write_archive
from genmo.tools.make_tiny_pack import TEXT_WIDTH
from genmo.tools.tiny_text import write_tiny_text_encoder
from genmo.training.archive import Archive
from genmo.training.captions import CaptionBank
from genmo.training.retrieval.batches import Batch, Drawer, allowed_negatives, padded, token_batch
from genmo.training.retrieval.config import RetrievalConfig
from genmo.training.retrieval.data import Clip, has_side, load_clips, readable
from genmo.training.retrieval.evaluator import load_evaluator
from genmo.training.retrieval.network import RetrievalNetwork, contrast
from genmo.training.retrieval.train import Trainer, caption_bank

CONFIG = RetrievalConfig(
    batch=5, frames=60, text_tokens=48, text_width=TEXT_WIDTH, width=32, motion_layers=1, text_layers=1, heads=2,
    embedding=16, segments=4, dropout=0.0, learning_rate=3e-3, warmup_steps=5, ema_decay=0.9,
    same_meaning=0.999, side_pairs=0.4,
)  # fmt: skip

ORIGINALS = (("kept for val",), ("turn left",), ("sit", "Sit_Down"), ("wave right",), ("hop",), ())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of six clips: the first is of the split "val", the last has no original description."""
    folder = tmp_path_factory.mktemp("archive")
    made_up = [made_up_clip(75, seed) for seed in range(len(ORIGINALS))]
    for index, (rotations, _, _) in enumerate(made_up):
        rotations[:, 0, 1] = np.linspace(0, -((-1) ** index) * 3.0, 75)  # enough to speak of turning
    write_archive(folder, made_up)
    rows = [json.loads(line) for line in (folder / "clips.jsonl").read_text().splitlines()]
    for row, captions in zip(rows, ORIGINALS, strict=True):
        row["captions"] = [{"text": text, "src": "made_up"} for text in captions]
    (folder / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def clips(data: Path) -> list[Clip]:
    return load_clips(data, "train", data / "cache")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    model, vocabulary = write_tiny_text_encoder(tmp_path_factory.mktemp("text"), TEXT_WIDTH)
    return TextEncoder(create_session(model, "cpu"), WordPiece(vocabulary), 48)


@pytest.fixture(scope="module")
def bank(clips: list[Clip], encoder: TextEncoder, tmp_path_factory: pytest.TempPathFactory) -> CaptionBank:
    return caption_bank(clips, CONFIG, encoder, tmp_path_factory.mktemp("bank"))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("Punch_Sequence", "punch sequence"),
        ("RightTightTurn", "right tight turn"),
        ("walk; B catches keys (2 subjects - subject A)", "walk; b catches keys"),
        ("monkey (human subject)", "monkey"),
        ("A person runs.", "a person runs."),
    ],
)
def test_index_entries_become_words(entry: str, expected: str) -> None:
    assert readable(entry) == expected


def test_clips_are_the_data_of_their_split(data: Path, clips: list[Clip]) -> None:
    assert [clip.name for clip in clips] == [f"made_{index}" for index in range(1, 6)]
    source = Archive(data).clip(2)
    positions, _ = skeleton.forward_kinematics(source.root, rotation.from_axis_angle(source.rotations))
    np.testing.assert_allclose(clips[1].features, features.encode(positions), rtol=2e-3, atol=1e-3)
    assert clips[1].originals == ("sit", "sit down")
    assert clips[1].written == ("a person walks to the left",)


def test_the_judge_never_reads_what_the_generator_reads(clips: list[Clip]) -> None:
    assert clips[0].captions("held_out") == ("turn left",)
    assert clips[0].captions("all") == ("turn left", "a person walks to the left")
    drawer = Drawer(clips, CONFIG, np.random.default_rng(0))
    seen = {caption for _ in range(30) for caption in drawer.draw().captions}
    assert seen == {text for clip in clips for text in clip.originals} | {"turn right", "wave left"}
    with pytest.raises(ValueError, match="held_out"):
        Drawer(clips[-1:], CONFIG, np.random.default_rng(0))


def test_batches_hold_the_mirror_image_of_pairs_that_speak_of_sides(clips: list[Clip]) -> None:
    drawer = Drawer(clips, CONFIG, np.random.default_rng(0))
    for _ in range(10):
        batch = drawer.draw()
        assert sorted(batch.clips[:4]) == [0, 1, 2, 3]
        extra = np.flatnonzero(batch.opposite_of >= 0)
        assert extra.tolist() == [4, 5]
        for row in extra:
            original = int(batch.opposite_of[row])
            assert has_side(batch.captions[original])
            assert batch.captions[row] == mirror_text(batch.captions[original])
            assert batch.clips[row] == batch.clips[original]
            np.testing.assert_allclose(batch.motions[row], features.mirrored(batch.motions[original]), atol=1e-6)
        assert all(30 <= len(motion) <= 60 for motion in batch.motions)
        assert len(batch.sides) == len(batch.motions)


def test_what_may_be_a_negative() -> None:
    """Rows: a pair, its mirror image, another window of its clip, a caption of the same meaning, another caption."""
    tokens = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])[:, None]
    batch = Batch([], [""] * 5, np.array([7, 7, 7, 8, 9]), np.array([-1, 0, -1, -1, -1]), [])
    allowed = allowed_negatives(tokens, torch.ones(5, 1), batch, 0.6)
    assert allowed[0].tolist() == [False, True, False, False, True]
    assert torch.equal(allowed, allowed.T)


def test_the_contrastive_loss_knows_only_allowed_negatives() -> None:
    scores = torch.tensor([[5.0, 0.0, 9.0], [0.0, 5.0, 0.0], [9.0, 0.0, 5.0]])
    allowed = torch.ones(3, 3, dtype=torch.bool)
    assert contrast(scores, allowed) > 2.0
    allowed[0, 2] = allowed[2, 0] = False
    expected = (2 * np.log1p(np.exp(-5.0)) + np.log1p(2 * np.exp(-5.0))) / 3
    assert contrast(scores, allowed).item() == pytest.approx(expected, rel=1e-5)


def test_vectors_do_not_depend_on_padding() -> None:
    torch.manual_seed(0)
    network = RetrievalNetwork(CONFIG).eval()
    motion = np.random.default_rng(0).normal(size=(27, features.WIDTH)).astype(np.float32)
    longer = np.zeros((60, features.WIDTH), np.float32)
    short, short_valid = padded([motion], CONFIG.patch)
    both, both_valid = padded([longer, motion], CONFIG.patch)
    assert short.shape[1] == 30
    with torch.no_grad():
        alone, among = network.motion(short, short_valid)[0], network.motion(both, both_valid)[1]
    torch.testing.assert_close(alone, among)
    assert alone.norm().item() == pytest.approx(1.0, abs=1e-5)


def test_segments_are_means_of_equal_parts() -> None:
    network = RetrievalNetwork(CONFIG)
    motion = np.repeat(np.arange(40.0, dtype=np.float32)[:, None], features.WIDTH, axis=1)
    batch, valid = padded([motion, np.zeros((60, features.WIDTH), np.float32)], CONFIG.patch)
    found = network.segments(network.normalised(batch, valid), valid)
    np.testing.assert_allclose(found[0, :, 0], [4.5, 14.5, 24.5, 34.5], rtol=1e-6)


def test_a_run_learns_resumes_and_is_loaded(
    clips: list[Clip], bank: CaptionBank, encoder: TextEncoder, tmp_path: Path
) -> None:
    trainer = Trainer(CONFIG, clips, bank, tmp_path)
    losses = np.array([trainer.advance() for _ in range(80)])
    assert losses[-10:, 1].mean() < 0.5 * losses[:10, 1].mean()
    assert losses[-10:, 2].mean() < losses[:10, 2].mean()
    assert losses[-10:, 3].mean() < 0.8 * losses[:10, 3].mean()
    trainer.save()
    resumed = Trainer(CONFIG, clips, bank, tmp_path)
    assert resumed.step == 80
    torch.testing.assert_close(resumed.network.state_dict(), trainer.network.state_dict())
    assert np.mean([resumed.advance()[1] for _ in range(5)]) < 0.6 * losses[:10, 1].mean()

    evaluator = load_evaluator(tmp_path / "model.pt")
    motions = evaluator.features([clip.features for clip in clips[:4]])
    texts = evaluator.text([clip.originals[0] for clip in clips[:4]], encoder)
    np.testing.assert_allclose(np.linalg.norm(np.concatenate([motions, texts]), axis=1), 1.0, rtol=1e-5)
    assert (motions @ texts.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
    mirror = evaluator.features([features.mirrored(clips[0].features)])[0]
    left, right = evaluator.text(["turn left", "turn right"], encoder)
    assert motions[0] @ left > motions[0] @ right
    assert mirror @ right > mirror @ left


def test_vectors_of_motions_do_not_depend_on_place_order_or_neighbours(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = RetrievalNetwork(CONFIG)
    torch.save({"network": network.state_dict(), "config": CONFIG.to_json()}, tmp_path / "model.pt")
    evaluator = load_evaluator(tmp_path / "model.pt")
    motions = []
    for seed, frames in enumerate((40, 200, 61)):
        rotations, root, _ = made_up_clip(frames, seed)
        motions.append(skeleton.forward_kinematics(root, rotation.from_axis_angle(rotations))[0])
    found = evaluator.motion(motions)
    assert found.shape == (3, CONFIG.embedding)
    np.testing.assert_allclose(evaluator.motion(motions[::-1])[::-1], found, atol=1e-5)
    turn, shift = rotation.about_y([[1.0]]), np.array([2.0, 0.0, 1.0])
    moved = [rotation.rotate(turn, motion) + shift for motion in motions]
    np.testing.assert_allclose(evaluator.motion(moved), found, atol=1e-5)


def test_configuration_survives_json_and_refuses_what_cannot_be() -> None:
    changed = dataclasses.replace(CONFIG, batch=7)
    assert RetrievalConfig.from_json(changed.to_json()) == changed
    with pytest.raises(TypeError, match="bach"):
        RetrievalConfig.from_json('{"bach": 7}')
    with pytest.raises(ValueError, match="captions"):
        RetrievalConfig(captions="some")
    with pytest.raises(ValueError, match="patch"):
        RetrievalConfig(frames=301)


def test_token_batches_are_as_long_as_their_longest_caption(bank: CaptionBank, encoder: TextEncoder) -> None:
    tokens, valid = token_batch(bank, ["hop", "wave right"])
    assert valid.sum(1).tolist() == [len(encoder.encode("hop")), len(encoder.encode("wave right"))]
    assert tokens.shape[1] == valid.shape[1] == len(encoder.encode("wave right"))
    np.testing.assert_allclose(tokens[0, :3], encoder.encode("hop")[:3], atol=2e-3)
