"""T5 encoders as ONNX: numbers of the transformers library, storage formats, files that are damaged on purpose."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from genmo.runtime import cli
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.errors import UserError
from genmo.tools.import_t5 import relative_buckets, write_text_encoder
from genmo.tools.safetensors import INDEX, open_folder, open_safetensors
from genmo.tools.tiny_t5 import write_safetensors, write_tiny_t5

VECTORS = Path(__file__).parents[1] / "data" / "gem" / "t5.npz"
"""What T5EncoderModel of transformers 5.23.0 gave for the two tiny encoders (float32, torch 2.13.0)."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("t5")
    return {name: write_tiny_t5(folder / name, 16, gated=name == "gated") for name in ("relu", "gated")}


@pytest.mark.parametrize("kind", ["relu", "gated"])
def test_the_numbers_are_those_of_transformers(folders: dict[str, Path], tmp_path: Path, kind: str) -> None:
    vectors = np.load(VECTORS)
    for precision, tolerance in (("fp32", 2e-5), ("fp16", 0.02), ("int8", 0.2)):
        files = write_text_encoder(folders[kind], tmp_path, precision, width=16)
        onnx.checker.check_model(str(files["text_encoder"]), full_check=True)
        ours = create_session(files["text_encoder"], "cpu").run({"input_ids": vectors["ids"]})["token_embeddings"]
        assert ours.shape == vectors[kind].shape
        np.testing.assert_allclose(ours, vectors[kind], atol=tolerance)


def test_a_short_prompt_needs_no_padding(folders: dict[str, Path], tmp_path: Path) -> None:
    """Tokens attend to all others, so the first ones alone give other numbers, but of the same shape and size."""
    files = write_text_encoder(folders["relu"], tmp_path, "fp32", width=16)
    session = create_session(files["text_encoder"], "cpu")
    one = session.run({"input_ids": np.array([[1]])})["token_embeddings"]
    assert one.shape == (1, 1, 16)
    assert np.isfinite(one).all()


def test_weights_in_several_files_and_beside_the_graph(folders: dict[str, Path], tmp_path: Path) -> None:
    tensors = open_folder(folders["relu"])
    parts = tmp_path / "parts"
    shutil.copytree(folders["relu"], parts)
    (parts / "model.safetensors").unlink()
    names = sorted(tensors)
    places = {name: f"model-{1 + index % 2}.safetensors" for index, name in enumerate(names)}
    for part in set(places.values()):
        write_safetensors(parts / part, {name: tensors[name] for name in names if places[name] == part})
    (parts / INDEX).write_text(json.dumps({"weight_map": places}), "utf-8")
    whole, split = tmp_path / "whole", tmp_path / "split"
    whole.mkdir()
    split.mkdir()
    first = write_text_encoder(folders["relu"], whole, "fp32", width=16)
    second = write_text_encoder(parts, split, "fp32", width=16, external=1)
    ids = np.arange(20)[None]
    answers = [create_session(files["text_encoder"], "cpu").run({"input_ids": ids}) for files in (first, second)]
    np.testing.assert_array_equal(answers[0]["token_embeddings"], answers[1]["token_embeddings"])
    (parts / INDEX).write_text(json.dumps({"weight_map": {"x": "../../secret"}}), "utf-8")
    with pytest.raises(UserError, match="outside its folder"):
        open_folder(parts)


def test_bfloat16_is_widened(tmp_path: Path) -> None:
    values = np.array([1.0, -2.5, 3.1415927], np.float32)
    halves = (values.view(np.uint32) >> 16).astype(np.uint16)
    header = json.dumps({"x": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    (tmp_path / "b.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + halves.tobytes())
    np.testing.assert_allclose(open_safetensors(tmp_path / "b.safetensors")["x"], values, rtol=1e-2)


def test_buckets_of_relative_positions() -> None:
    """Raffel et al.: near ones exactly, far ones by their logarithm, each direction for itself."""
    buckets = relative_buckets(np.array([0, -1, -7, -8, -16, -127, -200, 1, 7, 8, 200]), 32, 128)
    assert buckets.tolist() == [0, 1, 7, 8, 10, 15, 15, 17, 23, 24, 31]


def test_damaged_folders_are_refused_in_a_sentence(folders: dict[str, Path], tmp_path: Path) -> None:
    def broken(name: str) -> Path:
        folder = tmp_path / name
        shutil.copytree(folders["relu"], folder)
        return folder

    bert = broken("bert")
    (bert / "config.json").write_text('{"model_type": "bert"}', "utf-8")
    cut = broken("cut")
    weights = (cut / "model.safetensors").read_bytes()
    (cut / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    lacking = broken("lacking")
    tensors = open_folder(folders["relu"])
    write_safetensors(lacking / "model.safetensors", {n: tensors[n] for n in tensors if "wo" not in n})
    shape = broken("shape")
    write_safetensors(shape / "model.safetensors", {n: tensors[n][..., :-1].copy() for n in tensors})
    words = broken("words")
    (words / "spiece.model").write_bytes(b"no model at all")
    empty = broken("empty")
    (empty / "model.safetensors").unlink()
    out = tmp_path / "out"
    out.mkdir()
    for folder, sentence in (
        (bert, "not of a T5"), (cut, "cut off"), (lacking, "wo.weight is missing"), (shape, "has the shape"),
        (words, "not a SentencePiece model"), (empty, "cannot be read"), (tmp_path / "none", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=sentence):
            write_text_encoder(folder, out, "fp32", width=16)
    with pytest.raises(UserError, match="gives 16 numbers a token, the model reads 1024"):
        write_text_encoder(folders["relu"], out)


def test_a_pack_gets_its_text_encoder_later(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from genmo.runtime.pack import open_pack
    from genmo.tests.gem_weights import write_checkpoint
    from genmo.tools.import_gem import Options, import_gem

    pack = tmp_path / "pack"
    import_gem(write_checkpoint(tmp_path / "c.ckpt", 32, 2), pack, Options(calibrate=False, gravity="up"))
    assert cli.main(["pack", "add-text", str(pack), str(folders["relu"])]) == cli.BAD_INPUT
    assert "prompts" not in open_pack(pack).info.understands
    wide = write_tiny_t5(tmp_path / "wide", 1024)
    assert cli.main(["pack", "add-text", str(pack), str(wide)]) == cli.DONE
    info = open_pack(pack).info
    assert info.understands == ("keyframes", "pins", "path", "videos", "music", "prompts")
    assert {entry.name for entry in pack.iterdir()} == {entry.file for entry in info.files.values()} | {"pack.json"}
    capsys.readouterr()
