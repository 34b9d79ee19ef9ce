"""The converter of the pose models: operators against their meaning, sparse weights, and the files that are shipped."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from genmo.runtime.backends.onnx import create_session
from genmo.runtime.errors import PackError
from genmo.runtime.media.video import Pixels
from genmo.runtime.people.networks import FOLDER, PoseNetworks, Region, sampled
from genmo.tools.make_pose_models import Converter
from genmo.tools.tflite_file import Network, Step, Table, Tensor, _dense, read_tflite


def options(*numbers: int) -> Table:
    """A table whose fields are 32-bit numbers."""
    count = len(numbers)
    offsets = struct.pack(f"<HH{count}H", 4 + 2 * count, 4 + 4 * count, *range(4, 4 + 4 * count, 4))
    body = struct.pack(f"<i{count}i", len(offsets), *numbers)
    return Table(offsets + body, len(offsets))


def run(
    step: Step, shapes: list[tuple[int, ...]], constants: dict[int, Any], given: np.ndarray, folder: Path
) -> np.ndarray:
    """One operator as a network of its own; tensor 0 is the input, the last one the output."""
    tensors = [Tensor(f"t{i}", shape, constants.get(i)) for i, shape in enumerate(shapes)]
    model = Converter(Network(tensors, [step], [0], [step.output])).convert({f"t{step.output}": "out"})
    onnx.save(model, folder / "one.onnx")
    return create_session(folder / "one.onnx", "cpu", 1).run({"picture": given})["out"]


def test_convolution_with_tensorflows_padding(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    given, weights, bias = rng.normal(size=(1, 6, 7, 2)), rng.normal(size=(3, 3, 3, 2)), rng.normal(size=3)
    step = Step(3, (0, 1, 2), 3, options(0, 2, 2, 1, 1, 1))
    constants = {1: weights.astype(np.float32), 2: bias.astype(np.float32)}
    found = run(step, [(1, 6, 7, 2), weights.shape, (3,), (1, 3, 4, 3)], constants, given.astype(np.float32), tmp_path)
    # SAME with stride 2: 6 rows need 1 more, after the last; 7 columns need 1 before and 1 after.
    padded = np.pad(given[0], ((0, 1), (1, 1), (0, 0)))
    parts = [[padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] for j in range(4)] for i in range(3)]
    wanted = np.einsum("ijabc,kabc->ijk", np.array(parts), weights) + bias
    np.testing.assert_allclose(found[0], np.maximum(wanted, 0.0), atol=2e-2)  # weights are kept in half precision


def test_depthwise_convolution(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    given, weights = rng.normal(size=(1, 5, 5, 4)), rng.normal(size=(1, 3, 3, 4))
    step = Step(4, (0, 1), 2, options(1, 1, 1, 1, 0, 1, 1))
    shapes = [(1, 5, 5, 4), weights.shape, (1, 3, 3, 4)]
    found = run(step, shapes, {1: weights.astype(np.float32)}, given.astype(np.float32), tmp_path)
    wanted = [[np.sum(given[0, i : i + 3, j : j + 3] * weights[0], axis=(0, 1)) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(found[0], wanted, atol=2e-2)


def test_shapes_are_those_of_the_file(tmp_path: Path) -> None:
    """Channels are last in the file and second inside: reshaping, joining, padding and unfolding must not notice."""
    given = np.arange(1 * 4 * 4 * 4, dtype=np.float32).reshape(1, 4, 4, 4)
    flat = run(Step(22, (0,), 1, None), [(1, 4, 4, 4), (1, 64)], {}, given, tmp_path)
    np.testing.assert_array_equal(flat, given.reshape(1, 64))
    both = run(Step(2, (0, 0), 1, options(3, 0)), [(1, 4, 4, 4), (1, 4, 4, 8)], {}, given, tmp_path)
    np.testing.assert_array_equal(both, np.concatenate([given, given], axis=3))
    widths = np.array([[0, 0], [1, 0], [0, 2], [0, 3]], np.int32)
    padded = run(Step(34, (0, 1), 2, None), [(1, 4, 4, 4), (4, 2), (1, 5, 6, 7)], {1: widths}, given, tmp_path)
    np.testing.assert_array_equal(padded, np.pad(given, widths))
    unfolded = run(Step(5, (0,), 1, options(2)), [(1, 4, 4, 4), (1, 8, 8, 1)], {}, given, tmp_path)
    wanted = given.reshape(4, 4, 2, 2).transpose(0, 2, 1, 3).reshape(8, 8)
    np.testing.assert_array_equal(unfolded[0, ..., 0], wanted)


def test_sparse_weights_are_written_out() -> None:
    """A matrix whose second dimension lists its columns, as in schema.fbs: [[0, 5, 0], [7, 0, 9]]."""

    class Level:
        def __init__(self, form: int, size: int, segments: list[int], indices: list[int]) -> None:
            self.form, self.size, self.parts = form, size, {3: segments, 5: indices}

        def number(self, field: int, code: str = "i", default: int = 0) -> int:
            return {0: self.form, 1: self.size, 2: 1, 4: 1}[field]

        def table(self, field: int) -> Any:
            values = self.parts[field]
            return type("Vector", (), {"values": staticmethod(lambda _, dtype: np.array(values, dtype))})

    class Sparsity:
        def values(self, field: int, dtype: Any) -> np.ndarray:
            return np.array({0: [0, 1], 1: []}[field], dtype)

        def tables(self, field: int) -> list[Level]:
            return [Level(0, 2, [], []), Level(1, 0, [0, 1, 3], [1, 0, 2])]

    found = _dense((2, 3), Sparsity(), np.array([5.0, 7.0, 9.0], np.float32))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, [[0, 5, 0], [7, 0, 9]])


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(b"not a model at all")
    with pytest.raises(ValueError, match="not a TensorFlow Lite model"):
        read_tflite(tmp_path / "x.tflite")


def test_the_shipped_models_are_those_that_are_described() -> None:
    document = json.loads((FOLDER / "models.json").read_text("utf-8"))
    assert (document["licence"], document["package"]) == ("Apache-2.0", "mediapipe==0.10.21")
    assert "Apache License" in (FOLDER / "LICENSE").read_text("utf-8")
    for entry in document["files"].values():
        data = (FOLDER / entry["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])


def test_a_damaged_model_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for file in FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:-10] if "detector" in file.name else file.read_bytes())
    with pytest.raises(PackError, match="truncated"):
        PoseNetworks(1, tmp_path)
    (tmp_path / "models.json").unlink()
    with pytest.raises(PackError, match="install the extension again"):
        PoseNetworks(1, tmp_path)


def test_the_networks_see_nobody_in_a_picture_without_people() -> None:
    networks = PoseNetworks(1)
    rows, columns = np.mgrid[:240, :320]
    pixels: Pixels = np.repeat((rows + columns)[..., None] % 256, 3, axis=2).astype(np.uint8)
    assert networks.detect(pixels) == []
    found = networks.landmarks(pixels, Region(160.0, 120.0, 200.0, 0.3))
    assert found.score < 0.5
    assert found.points.shape == (33, 2)
    assert np.isfinite(found.points).all()
    assert ((found.visible >= 0) & (found.visible <= 1)).all()


def test_regions_are_sampled_as_mediapipe_samples_them() -> None:
    """Pixel i of n lies at (i / n - 1/2) of the side: of a whole picture of the same size each pixel is itself."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    whole = sampled(pixels, Region(4.0, 4.0, 8.0, 0.0), 8, black_outside=True)
    np.testing.assert_allclose(whole * 255.0, pixels, atol=1e-3)
    turned = sampled(pixels, Region(4.0, 4.0, 8.0, np.pi / 2), 8, black_outside=True)
    np.testing.assert_allclose(turned[1, 2] * 255.0, pixels[2, 7], atol=1e-3)  # right becomes down, down becomes left
    shifted = sampled(pixels, Region(4.5, 4.0, 8.0, 0.0), 8, black_outside=False)
    between = (pixels[:, :-1].astype(float) + pixels[:, 1:]) / 2
    np.testing.assert_allclose(shifted[:, :-1] * 255.0, between, atol=1e-3)
    assert not sampled(pixels, Region(-40.0, 4.0, 8.0, 0.0), 8, black_outside=True).any()
