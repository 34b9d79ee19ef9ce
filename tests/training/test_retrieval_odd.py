"""A model whose last numbers are odd under mirroring, the sentences it learns as wrong, and its way into a pack."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from genmo.runtime import retrieval_features as features
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.pack import open_pack
from genmo.runtime.retrieval import MOTION_ROLE, TEXT_ROLE, open_retrieval
from genmo.runtime.text import TextEncoder, WordPiece
from genmo.runtime.words import mirror_text
from genmo.tests.runtime.walking import walk
from genmo.tools.make_tiny_pack import RETRIEVAL, TEXT_WIDTH
from genmo.tools.tiny_text import write_tiny_text_encoder
from genmo.training.captions import CaptionBank
from genmo.training.export import kept_files
from genmo.training.retrieval import export
from genmo.training.retrieval.batches import Drawer
from genmo.training.retrieval.config import RetrievalConfig
from genmo.training.retrieval.contrary import contrary, reversed_text
from genmo.training.retrieval.data import Clip
from genmo.training.retrieval.evaluator import Evaluator
from genmo.training.retrieval.network import RetrievalNetwork
from genmo.training.retrieval.train import Trainer, caption_bank, set_aside, text_vectors

TINY = Path(__file__).parents[1] / "data" / "tiny_pack"
CONFIG = dataclasses.replace(
    RETRIEVAL, captions="all", batch=4, frames=60, text_tokens=48, width=32, embedding=16, odd=8, said=2, shown=0.6,
    speeds=(0.9, 1.1), noise=0.05, side_pairs=0.5, dropout=0.0, learning_rate=3e-3, warmup_steps=5, ema_decay=0.9,
    bfloat16=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    model, vocabulary = write_tiny_text_encoder(tmp_path_factory.mktemp("text"), TEXT_WIDTH)
    return TextEncoder(create_session(model, "cpu"), WordPiece(vocabulary), 48)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Clips that differ in how fast they turn, each with two captions."""
    made = []
    for number, turn in enumerate((-1.5, -0.5, 0.5, 1.5)):
        motion = features.encode(walk(80).positions)
        motion[:, features.TURN] += turn
        motion[:, features.LOCAL] += 0.3 * turn
        side = "left" if turn > 0 else "right"
        told = (f"a person walks forward {number} {side}", f"step {number} to the {side}")
        made.append(Clip(f"clip {number}", motion.astype(np.float16), (), told))
    return made


@pytest.fixture(scope="module")
def bank(clips: list[Clip], encoder: TextEncoder, tmp_path_factory: pytest.TempPathFactory) -> CaptionBank:
    return caption_bank(clips, CONFIG, encoder, tmp_path_factory.mktemp("bank"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a person walks forward", "a person runs forward"),
        ("a quick step", "a slow step"),
        ("someone jumps and then sits", "sits, and then someone jumps"),
        ("walks, then turns left", "turns left, then walks"),
        ("arms go up", "arms go down"),
        ("a person waves", ""),
    ],
)
def test_contrary_sentences(text: str, expected: str) -> None:
    assert contrary(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a person walks forward", "a person walks backward"),
        ("stepping backwards", "stepping forwards"),
        ("walks forward, then sits", ""),
        ("leans forward", ""),
        ("walks around", ""),
    ],
)
def test_sentences_about_reversed_motion(text: str, expected: str) -> None:
    assert reversed_text(text) == expected


def test_the_mirror_image_flips_the_odd_numbers_and_nothing_else(clips: list[Clip], encoder: TextEncoder) -> None:
    torch.manual_seed(1)
    network = RetrievalNetwork(CONFIG).eval()
    evaluator = Evaluator(network)
    motion = evaluator.features([clips[0].features, features.mirrored(clips[0].features)])
    text = evaluator.text(["turn left now", "turn right now", "turn now"], encoder)
    for one, other in (motion, text[:2]):
        np.testing.assert_allclose(one[:8], other[:8], atol=1e-5)
        np.testing.assert_allclose(one[8:], -other[8:], atol=1e-5)
        assert np.abs(one[8:]).max() > 1e-3
    assert not text[2, 8:].any()
    flipped = network.flipped(torch.from_numpy(motion[:1]))
    np.testing.assert_allclose(flipped.numpy()[0], motion[1], atol=1e-5)


def test_batches_hold_reversed_motion_with_reversed_words(clips: list[Clip]) -> None:
    drawer = Drawer(clips, CONFIG, np.random.default_rng(0))
    seen = 0
    for _ in range(5):
        batch = drawer.draw()
        assert len(batch.also) == 1 and len(batch.also[0]) == len(batch.captions) == len(batch.motions)
        for row in np.flatnonzero(batch.opposite_of >= 0):
            original = int(batch.opposite_of[row])
            np.testing.assert_allclose(batch.motions[row], features.reversed_time(batch.motions[original]), atol=1e-5)
            assert batch.captions[row] == reversed_text(batch.captions[original])
            seen += 1
        assert all(first != second for first, second in zip(batch.captions[:4], batch.also[0][:4], strict=True))
        assert all(27 <= len(motion) <= 60 for motion in batch.motions)
    assert seen


def test_texts_of_the_bank_get_the_vectors_of_the_evaluator(
    clips: list[Clip], bank: CaptionBank, encoder: TextEncoder
) -> None:
    torch.manual_seed(1)
    network = RetrievalNetwork(CONFIG).eval()
    told = [clips[0].written[0], clips[1].written[1], clips[0].written[0]]
    with torch.no_grad():
        found = text_vectors(network, bank, told).numpy()
    np.testing.assert_allclose(found, Evaluator(network).text(told, encoder), atol=2e-3)


def test_a_run_learns_sides_and_keeps_its_best_weights(
    clips: list[Clip], bank: CaptionBank, encoder: TextEncoder, tmp_path: Path
) -> None:
    trainer = Trainer(CONFIG, clips, bank, tmp_path)
    losses = np.array([trainer.advance() for _ in range(80)])
    assert losses[-10:, 1].mean() < 0.6 * losses[:10, 1].mean()
    assert losses[-10:, 3].mean() < 0.8 * losses[:10, 3].mean()
    trainer.save()
    network = export.load_network(tmp_path / "model.pt")
    evaluator = Evaluator(network)
    motions = evaluator.features([clip.features for clip in clips])
    right = evaluator.text([clip.written[0] for clip in clips], encoder)
    wrong = evaluator.text([mirror_text(clip.written[0]) for clip in clips], encoder)
    assert ((motions * right).sum(axis=1) > (motions * wrong).sum(axis=1)).all()


def test_clips_of_one_take_are_set_aside_together() -> None:
    names = [f"take_{take}-{part}" for take in range(300) for part in range(3)]
    chosen = {name for name in names if set_aside(name, 0.2)}
    assert 0.1 < len(chosen) / len(names) < 0.3
    assert all({f"{name.rpartition('-')[0]}-{part}" for part in range(3)} <= chosen for name in chosen)
    assert not any(set_aside(name, 0.0) for name in names)


def test_the_exported_graphs_give_the_networks_numbers(tmp_path: Path) -> None:
    for file in TINY.iterdir():
        if not file.name.startswith("retrieval"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    document = (TINY / "pack.json").read_text()
    (tmp_path / "pack.json").write_text(_without_retrieval(document))
    torch.manual_seed(2)
    network = RetrievalNetwork(RETRIEVAL).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.half().float())
    pack = export.add_to_pack(network, np.eye(16)[:3], tmp_path)
    again = open_retrieval(open_pack(tmp_path))
    evaluator, motion = Evaluator(network), walk(700)
    expected = evaluator.motion([motion.positions])[0]
    np.testing.assert_allclose(again.motion(motion).whole, expected, atol=2e-3)
    again_text = again.text("a person turns left")
    np.testing.assert_allclose(again_text, evaluator.text(["a person turns left"], again._encoder)[0], atol=2e-3)
    np.testing.assert_allclose(again.reference, np.eye(16)[:3], atol=0.01)
    for role in (MOTION_ROLE, TEXT_ROLE):
        data = pack.path(role).read_bytes()
        assert b"/home" not in data and b".py" not in data
    assert set(kept_files(tmp_path)) == {"retrieval", "retrieval_motion", "retrieval_text"}


def _without_retrieval(document: str) -> str:
    values = json.loads(document)
    values["files"] = {role: entry for role, entry in values["files"].items() if not role.startswith("retrieval")}
    return json.dumps(values)


def test_a_model_without_odd_numbers_cannot_go_into_a_pack(tmp_path: Path) -> None:
    config = dataclasses.replace(RETRIEVAL, odd=0)
    torch.save({"network": RetrievalNetwork(config).state_dict(), "config": config.to_json()}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="odd"):
        export.load_network(tmp_path / "model.pt")


def test_the_configuration_keeps_its_speeds() -> None:
    assert RetrievalConfig.from_json(CONFIG.to_json()) == CONFIG
