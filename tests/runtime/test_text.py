"""WordPiece against published ids; the encoder against numpy; its cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from genmo.runtime.backends.onnx import create_session
from genmo.runtime.errors import PackError
from genmo.runtime.skeleton import JOINT_NAMES, REST_OFFSETS
from genmo.runtime.text import TextEncoder, WordPiece, open_text_encoder
from genmo.tests import tiny_bert
from genmo.tools.make_pack import make_pack
from genmo.tools.make_text_encoder import build_model

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "wordpiece.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> WordPiece:
    """The published vocabulary, as far as the golden texts touch it: every token keeps its line."""
    lines = [""] * 30522
    for token, index in GOLDEN["tokens"].items():
        lines[index] = token
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return WordPiece(path)


@pytest.fixture
def tiny(tmp_path: Path) -> WordPiece:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(tiny_bert.VOCABULARY) + "\n")
    return WordPiece(path)


class CountingSession:
    """Stands in for a network: the embedding of a token is its id."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
        self.runs += 1
        tokens = np.repeat(inputs["input_ids"][..., None], 3, axis=2).astype(np.float32)
        assert inputs["attention_mask"].all()
        return {"token_embeddings": tokens, "sentence_embedding": tokens.mean(axis=1)}


@pytest.mark.parametrize(("text", "ids"), GOLDEN["texts"])
def test_published_ids(published: WordPiece, text: str, ids: list[int]) -> None:
    assert published.encode(text, max_tokens=1000) == ids


def test_longest_piece_first(tiny: WordPiece) -> None:
    assert tiny.encode("walks walking walk") == [2, 6, 7, 6, 8, 6, 3]


def test_a_word_with_an_unknown_rest_is_one_unknown(tiny: WordPiece) -> None:
    assert tiny.encode("walked left") == [2, 1, 10, 3]


def test_special_tokens_in_a_text_are_plain_words(tiny: WordPiece) -> None:
    assert 3 not in tiny.encode("a [SEP] a")[:-1]


@pytest.mark.parametrize(("most", "count"), [(2, 2), (3, 3), (24, 24), (100, 52)])
def test_long_texts_are_cut(tiny: WordPiece, most: int, count: int) -> None:
    ids = tiny.encode("walks " * 25, most)
    assert len(ids) == count
    assert (ids[0], ids[-1]) == (2, 3)


def test_a_huge_text_is_no_problem(tiny: WordPiece) -> None:
    assert len(tiny.encode("x" * 1_000_000)) == 3


def test_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes("\r\n".join(tiny_bert.VOCABULARY).encode())
    assert WordPiece(path).encode("a person") == [2, 4, 5, 3]


@pytest.mark.parametrize("content", [b"", b"[CLS]\n[SEP]\n", b"\xff\xfe\x00", None])
def test_bad_vocabulary(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "vocab.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PackError, match=r"vocab\.txt"):
        WordPiece(path)


def test_encoder_matches_numpy(tmp_path: Path, tiny: WordPiece) -> None:
    weights = tiny_bert.weights()
    path = tmp_path / "encoder.onnx"
    path.write_bytes(build_model(tiny_bert.CONFIG, weights, "fp32").SerializeToString())
    encoder = TextEncoder(create_session(path, "cpu", threads=1), tiny)
    tokens, sentence = tiny_bert.forward(weights, [2, 4, 5, 6, 7, 9, 3])
    assert encoder.encode("A person walks forward").dtype == np.float32
    np.testing.assert_allclose(encoder.encode("A person walks forward"), tokens, atol=1e-4)
    np.testing.assert_allclose(encoder.sentence("A person walks forward"), sentence, atol=1e-4)


def test_encoder_of_a_pack(tmp_path: Path, tiny: WordPiece) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(build_model(tiny_bert.CONFIG, tiny_bert.weights()).SerializeToString())
    (tmp_path / "denoiser.onnx").write_bytes(b"not read")
    info = {
        "id": "tiny",
        "version": "1",
        "title": "Tiny",
        "licence": "CC0-1.0",
        "fps": 30,
        "skeleton": {"joints": JOINT_NAMES, "rest_offsets": REST_OFFSETS},
        "layout": {"pose": (0, 1)},
        "understands": ["prompts"],
        "stats": {"mean": [0], "std": [1]},
        "sampler": {"steps": 1, "guidance": 1},
        "band": 1,
        "text": {"max_tokens": 6, "width": tiny_bert.CONFIG.width},
    }
    files = {"denoiser": "denoiser.onnx", "text_encoder": "encoder.onnx", "vocabulary": "vocab.txt"}
    pack = make_pack(tmp_path / "pack", info, {role: tmp_path / name for role, name in files.items()})
    encoder = open_text_encoder(pack)
    ids = tiny.encode("a person walks, walks, walks", max_tokens=6)
    expected, _ = tiny_bert.forward(tiny_bert.rounded(tiny_bert.weights(), "int8"), ids)
    np.testing.assert_allclose(encoder.encode("a person walks, walks, walks"), expected, atol=1e-4)


def test_no_padding_and_at_least_two_tokens(tiny: WordPiece) -> None:
    encoder = TextEncoder(CountingSession(), tiny, max_tokens=6)
    assert encoder.encode("").shape == (2, 3)
    assert encoder.encode("a person").shape == (4, 3)
    assert encoder.encode("a person " * 20).shape == (6, 3)


def test_a_text_is_encoded_once(tiny: WordPiece) -> None:
    session = CountingSession()
    encoder = TextEncoder(session, tiny)
    first = encoder.encode("a person")
    assert encoder.encode("a person") is first
    assert encoder.sentence("a person").shape == (3,)
    assert session.runs == 1
    encoder.encode("a person walks")
    assert session.runs == 2


def test_results_cannot_be_changed(tiny: WordPiece) -> None:
    with pytest.raises(ValueError, match="read-only"):
        TextEncoder(CountingSession(), tiny).encode("a")[0] = 1
