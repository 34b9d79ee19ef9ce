"""Prompts for the published model: SentencePiece tokens, the cache on disk, and an encoder that is loaded on demand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime.errors import PackError
from genmo.runtime.gem import text
from genmo.runtime.gem.text import PromptEncoder, cache_folder
from genmo.runtime.gem.unigram import Unigram
from genmo.runtime.pack import ModelPack
from genmo.tools.make_tiny_gem_pack import make_tiny_gem_pack
from genmo.tools.tiny_t5 import unigram_model

DATA = Path(__file__).parents[1] / "data" / "gem"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Unigram:
    """A model that SentencePiece 0.2 trained on our own documents, with the normalisation of T5 (nmt_nfkc)."""
    path = tmp_path_factory.mktemp("pieces") / "spiece.model"
    path.write_bytes(gzip.decompress((DATA / "spiece.model.gz").read_bytes()))
    return Unigram(path)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> ModelPack:
    return make_tiny_gem_pack(tmp_path_factory.mktemp("packs") / "gem")


def test_tokens_are_those_of_sentencepiece(trained: Unigram) -> None:
    """Sentences, odd spaces, ligatures, full-width and composed letters, emoji and 200 random strings."""
    cases = json.loads((DATA / "tokens.json").read_text("utf-8"))
    assert len(cases) > 200
    for sentence, ids in cases:
        assert trained.encode(sentence, 10**6) == ids, sentence


def test_what_is_too_long_is_cut_before_the_end_token(trained: Unigram) -> None:
    sentence = "a person walks forward and turns " * 20
    ids = trained.encode(sentence, 50)
    assert len(ids) == 50
    assert ids[-1] == trained.encode("", 50)[0]
    assert ids[:-1] == trained.encode(sentence, 10**6)[:49]


def test_what_is_no_sentencepiece_model_is_refused(tmp_path: Path) -> None:
    good = unigram_model()
    for name, data in {
        "empty": b"", "words": b"not a model", "cut": good[:-3], "numbers": b"\x08\x01" * 9,
        "without_end": unigram_model(("<pad>", "<unk>", "a")), "without_unknown": unigram_model(("</s>", "a")),
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(PackError, match="SentencePiece model"):
            Unigram(tmp_path / name)
    with pytest.raises(PackError):
        Unigram(tmp_path / "missing")


def test_a_prompt_is_encoded_once_and_the_encoder_is_released(
    pack: ModelPack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []
    create = text.create_session

    def counted(*arguments: object):
        loaded.append(arguments)
        return create(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(text, "create_session", counted)
    first = PromptEncoder(pack, folder=tmp_path / "cache")
    walks, waves, again = first.encode_all(["walks", "waves", "walks"])
    assert len(loaded) == 1
    assert walks is again
    assert walks.shape[1] == 1024
    assert not np.array_equal(walks, waves[: len(walks)])
    assert not [value for value in vars(first).values() if type(value).__name__ == "Session"]
    later = PromptEncoder(pack, folder=tmp_path / "cache")
    np.testing.assert_array_equal(later.encode_all(["waves"])[0], waves)
    assert len(loaded) == 1, "the embedding is on disk"
    later.encode_all(["kicks"])
    assert len(loaded) == 2


def test_a_damaged_or_unwritable_cache_is_no_problem(pack: ModelPack, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    expected = PromptEncoder(pack, folder=folder).encode_all(["walks"])[0]
    (file,) = folder.glob("*.npy")
    file.write_bytes(file.read_bytes()[:40])
    np.testing.assert_array_equal(PromptEncoder(pack, folder=folder).encode_all(["walks"])[0], expected)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    np.testing.assert_array_equal(PromptEncoder(pack, folder=blocked).encode_all(["walks"])[0], expected)


def test_old_prompts_leave_the_cache(pack: ModelPack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "KEPT_PROMPTS", 3)
    encoder = PromptEncoder(pack, folder=tmp_path)
    encoder.encode_all([f"walks {letter}" for letter in "abcdef"])
    assert len(list(tmp_path.glob("*.npy"))) == 3


def test_the_cache_is_where_caches_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(text.CACHE_VARIABLE, raising=False)
    monkeypatch.setattr(text.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "genmo" / "prompts"
    monkeypatch.setenv(text.CACHE_VARIABLE, str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
