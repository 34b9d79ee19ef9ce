"""The text encoder's graph against a forward pass in numpy, and the tool around it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from genmo.runtime.backends.onnx import create_session
from genmo.tests import tiny_bert
from genmo.tools.make_text_encoder import (
    STORAGES,
    BertConfig,
    Storage,
    build_model,
    main,
    quantize_rows,
    read_safetensors,
)

IDS = [2, 4, 5, 6, 7, 9, 11, 3]
CONFIG_JSON = {
    "model_type": "bert", "hidden_act": "gelu", "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32,
    "layer_norm_eps": 1e-12,
}  # fmt: skip


def save_safetensors(path: Path, tensors: Mapping[str, NDArray]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in tensors.items():
        kind = {"f": "F32", "i": "I64"}[values.dtype.kind]
        raw = values.tobytes()
        header[name] = {"dtype": kind, "shape": values.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG_JSON))
    (folder / "vocab.txt").write_text("\n".join(tiny_bert.VOCABULARY) + "\n")
    save_safetensors(folder / "model.safetensors", tiny_bert.weights(prefix="bert."))
    return folder


def run(path: Path, ids: NDArray, mask: NDArray) -> tuple[NDArray, NDArray]:
    outputs = create_session(path, "cpu", threads=1).run({"input_ids": ids, "attention_mask": mask})
    return outputs["token_embeddings"], outputs["sentence_embedding"]


@pytest.mark.parametrize("storage", STORAGES)
def test_matches_numpy(tmp_path: Path, storage: Storage) -> None:
    weights = tiny_bert.weights()
    path = tmp_path / "encoder.onnx"
    path.write_bytes(build_model(tiny_bert.CONFIG, weights, storage).SerializeToString())
    ids = np.array([IDS])
    tokens, sentence = run(path, ids, np.ones_like(ids))
    expected = tiny_bert.forward(weights if storage == "fp32" else tiny_bert.rounded(weights, storage), IDS)
    assert tokens.dtype == np.float32 and tokens.shape == (1, len(IDS), 32)
    np.testing.assert_allclose(tokens[0], expected[0], atol=1e-4)
    np.testing.assert_allclose(sentence[0], expected[1], atol=1e-4)


def test_int8_differs_from_fp32() -> None:
    # Otherwise the storage test above would prove nothing.
    weights = tiny_bert.weights()
    tokens = [tiny_bert.forward(w, IDS)[0] for w in (weights, tiny_bert.rounded(weights, "int8"))]
    assert np.abs(tokens[0] - tokens[1]).max() > 1e-3


def test_padding_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(build_model(tiny_bert.CONFIG, tiny_bert.weights()).SerializeToString())
    short, padded = np.array([IDS]), np.zeros((2, 12), np.int64)
    padded[0, : len(IDS)] = IDS
    padded[1] = [2, *[5] * 10, 3]
    mask = (padded > 0).astype(np.int64)
    tokens, sentence = run(path, short, np.ones_like(short))
    batch_tokens, batch_sentence = run(path, padded, mask)
    np.testing.assert_allclose(batch_tokens[0, : len(IDS)], tokens[0], atol=1e-5)
    np.testing.assert_allclose(batch_sentence[0], sentence[0], atol=1e-5)


def test_command_line_builds_a_folder(model_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "encoder"
    main([str(model_folder), str(output)])
    ids = np.array([IDS])
    tokens, _ = run(output / "text_encoder.onnx", ids, np.ones_like(ids))
    np.testing.assert_allclose(
        tokens[0], tiny_bert.forward(tiny_bert.rounded(tiny_bert.weights(), "int8"), IDS)[0], atol=1e-4
    )
    assert (output / "vocab.txt").read_text().splitlines() == list(tiny_bert.VOCABULARY)


def test_two_builds_are_equal(model_folder: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        main([str(model_folder), str(tmp_path / name), "--weights", "fp16"])
    first, second = ((tmp_path / name / "text_encoder.onnx").read_bytes() for name in ("first", "second"))
    assert first == second


def test_safetensors_are_read_as_written(model_folder: Path) -> None:
    tensors = read_safetensors(model_folder / "model.safetensors")
    written = tiny_bert.weights(prefix="bert.")
    assert tensors.keys() == written.keys()
    for name, values in written.items():
        np.testing.assert_array_equal(tensors[name], values)


def test_quantised_rows_stay_within_half_a_step() -> None:
    matrix = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)
    matrix[2] = 0
    values, scales = quantize_rows(matrix)
    assert values.dtype == np.int8 and np.abs(values).max() == 127
    assert np.all(np.abs(values * scales - matrix) <= scales / 2 * 1.0001)
    assert scales[2, 0] == 1 and not values[2].any()


@pytest.mark.parametrize(
    ("key", "value"), [("model_type", "t5"), ("hidden_act", "relu"), ("position_embedding_type", "relative_key")]
)
def test_other_models_are_refused(key: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{key} is '{value}'"):
        BertConfig.from_json({**CONFIG_JSON, key: value})
