"""Make the models that find people in videos, `runtime/packs/pose`, from MediaPipe's wheel.

    python -m genmo.tools.make_pose_models mediapipe-0.10.21-*.whl OUTPUT_FOLDER

The wheel (PyPI mediapipe 0.10.21, Apache-2.0; later ones hold no models) is opened as the zip it is, nothing in it is
run. Its TensorFlow Lite files become ONNX: weights stay in half precision as they are stored there, arithmetic is in
float32. The segmentation mask is left out. Only numpy and onnx are needed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from genmo.tools.tflite_file import Network, Step, read_tflite

OPSET: Final = 13
IR_VERSION: Final = 8

MODELS: Final[dict[str, tuple[str, str, dict[str, str]]]] = {
    "detector": (
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "pose_detector.onnx",
        {"Identity": "boxes", "Identity_1": "scores"},
    ),
    "landmarks": (
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "pose_landmarks.onnx",
        {"Identity": "landmarks", "Identity_1": "score", "Identity_3": "heat", "Identity_4": "world"},
    ),
}
"""Role -> file in the wheel, our file, our names of the outputs that are kept."""

INPUT: Final = "picture"
_NHWC, _NCHW = (0, 2, 3, 1), (0, 3, 1, 2)
_RELU, _RELU6 = 1, 3


class Converter:
    """Rewrites one network. Activations are (N, C, H, W) inside, inputs and outputs (N, H, W, C) as in the file."""

    def __init__(self, network: Network) -> None:
        """Take the network and its constants."""
        self._network = network
        self._constants = {i: tensor.values for i, tensor in enumerate(network.tensors) if tensor.values is not None}
        self._names: dict[int, str] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._stored: dict[str, NDArray[Any]] = {}
        self._rules: dict[int, Callable[[Step], str]] = {
            0: self._add, 2: self._concatenate, 3: self._convolve, 4: self._convolve, 5: self._depth_to_space,
            14: self._sigmoid, 17: self._pool, 22: self._reshape, 23: self._resize, 34: self._pad,
        }  # fmt: skip

    def convert(self, outputs: dict[str, str]) -> onnx.ModelProto:
        """The model.

        Args:
            outputs: names of the outputs to keep, and what to call them.

        Raises:
            KeyError: the network has an operator that MediaPipe's pose models do not have.
        """
        given = self._network.inputs[0]
        self._names[given] = self._node("Transpose", [INPUT], perm=_NCHW)
        for step in self._network.steps:
            if step.code in (6, 124):  # to float32, and from sparse to dense, which the reader has done
                self._constants[step.output] = self._constants[step.inputs[0]].astype(np.float32)
            else:
                self._names[step.output] = self._rules[step.code](step)
        kept = [(i, outputs[self._network.tensors[i].name]) for i in self._network.outputs if self._kept(i, outputs)]
        for index, name in kept:
            back = {"perm": _NHWC} if len(self._shape(index)) == 4 else {}
            self._node("Transpose" if back else "Identity", [self._name(index)], name, **back)
        described = [helper.make_tensor_value_info(name, TensorProto.FLOAT, self._shape(i)) for i, name in kept]
        source = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, self._shape(given))
        nodes, constants = self._needed([name for _, name in kept])
        graph = helper.make_graph(nodes, "pose", [source], described, constants)
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="genmo")
        onnx.checker.check_model(model, full_check=True)
        return model

    def _kept(self, index: int, outputs: dict[str, str]) -> bool:
        return self._network.tensors[index].name in outputs

    def _needed(self, outputs: list[str]) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
        """What the outputs depend on, in the order of computation."""
        needed, nodes = set(outputs), []
        for node in reversed(self._nodes):
            if node.output[0] in needed:
                nodes.append(node)
                needed.update(node.input)
        return nodes[::-1], [numpy_helper.from_array(v, name) for name, v in self._stored.items() if name in needed]

    # Values

    def _shape(self, index: int) -> tuple[int, ...]:
        return self._network.tensors[index].shape

    def _name(self, index: int) -> str:
        """The name of a value (N, C, H, W), which may be a constant."""
        if index not in self._names:
            values = self._constants[index]
            self._names[index] = self._constant(values.transpose(_NCHW) if values.ndim == 4 else values)
        return self._names[index]

    def _constant(self, values: NDArray[Any]) -> str:
        """Store numbers; many floats in half precision, which is how the files have them."""
        name = f"constant_{len(self._stored)}"
        halved = values.dtype == np.float32 and values.size > 8
        self._stored[name] = np.ascontiguousarray(values.astype(np.float16) if halved else values)
        return self._node("Cast", [name], to=TensorProto.FLOAT) if halved else name

    def _integers(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _node(self, op: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        output = output or f"{op}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    # Operators: step -> name of its output

    def _activated(self, value: str, kind: int) -> str:
        """The activation that is fused to an operator."""
        if kind == _RELU:
            return self._node("Relu", [value])
        if kind == _RELU6:
            low, high = self._constant(np.array(0, np.float32)), self._constant(np.array(6, np.float32))
            return self._node("Clip", [value, low, high])
        if kind:
            raise ValueError(f"activation {kind} is not known")
        return value

    def _convolve(self, step: Step) -> str:
        deep = step.code == 4
        activation, dilation = (4, 5) if deep else (3, 4)
        weights = self._constants[step.inputs[1]].astype(np.float32)  # O H W I, or 1 H W C of a depthwise one
        channels, kernel = self._shape(step.inputs[0])[3], weights.shape[1:3]
        strides = [step.option(2), step.option(1)]
        dilations = [step.option(dilation + 1, default=1), step.option(dilation, default=1)]
        inputs = [self._name(step.inputs[0]), self._constant(weights.transpose((3, 0, 1, 2) if deep else _NCHW))]
        if len(step.inputs) > 2 and step.inputs[2] >= 0:
            inputs.append(self._constant(self._constants[step.inputs[2]].astype(np.float32)))
        value = self._node(
            "Conv", inputs, kernel_shape=kernel, strides=strides, dilations=dilations,
            group=channels if deep else channels // weights.shape[3],
            pads=self._padding(step, kernel, strides, dilations),
        )  # fmt: skip
        return self._activated(value, step.option(activation, "b"))

    def _padding(self, step: Step, kernel: Sequence[int], strides: list[int], dilations: list[int]) -> list[int]:
        """Zeros before and after, as TensorFlow's SAME (0) wants them; VALID (1) has none."""
        if step.option(0, "b") == 1:
            return [0, 0, 0, 0]
        totals = [
            max((math.ceil(size / stride) - 1) * stride + (width - 1) * dilation + 1 - size, 0)
            for size, width, stride, dilation in zip(
                self._shape(step.inputs[0])[1:3], kernel, strides, dilations, strict=True
            )
        ]
        return [*(total // 2 for total in totals), *(total - total // 2 for total in totals)]

    def _pool(self, step: Step) -> str:
        strides, kernel = [step.option(2), step.option(1)], [step.option(4), step.option(3)]
        pads = self._padding(step, kernel, strides, [1, 1])
        value = self._node("MaxPool", [self._name(step.inputs[0])], kernel_shape=kernel, strides=strides, pads=pads)
        return self._activated(value, step.option(5, "b"))

    def _add(self, step: Step) -> str:
        return self._activated(self._node("Add", [self._name(i) for i in step.inputs]), step.option(0, "b"))

    def _concatenate(self, step: Step) -> str:
        axes = len(self._shape(step.output))
        axis = step.option(0) % axes
        axis = _NHWC[axis] if axes == 4 else axis
        return self._node("Concat", [self._name(i) for i in step.inputs], axis=axis)

    def _depth_to_space(self, step: Step) -> str:
        return self._node("DepthToSpace", [self._name(step.inputs[0])], blocksize=step.option(0), mode="DCR")

    def _sigmoid(self, step: Step) -> str:
        return self._node("Sigmoid", [self._name(step.inputs[0])])

    def _reshape(self, step: Step) -> str:
        value, shape = self._name(step.inputs[0]), self._shape(step.output)
        if len(self._shape(step.inputs[0])) == 4:
            value = self._node("Transpose", [value], perm=_NHWC)
        value = self._node("Reshape", [value, self._integers(*shape)])
        return self._node("Transpose", [value], perm=_NCHW) if len(shape) == 4 else value

    def _resize(self, step: Step) -> str:
        mode = "align_corners" if step.option(2, "b") else "half_pixel" if step.option(3, "b") else "asymmetric"
        rows = self._shape(step.output)
        size = self._integers(rows[0], rows[3], rows[1], rows[2])
        inputs = [self._name(step.inputs[0]), "", "", size]
        return self._node("Resize", inputs, mode="linear", coordinate_transformation_mode=mode)

    def _pad(self, step: Step) -> str:
        widths = self._constants[step.inputs[1]].reshape(4, 2)[list(_NCHW)]
        return self._node("Pad", [self._name(step.inputs[0]), self._integers(*widths.T.ravel().tolist())])


def make_pose_models(wheel: Path, folder: Path) -> None:
    """Write the models, the licence and `models.json` into a folder.

    Raises:
        OSError: a file cannot be read or written.
        KeyError: the wheel is another one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as temporary:
        for role, (source, name, outputs) in MODELS.items():
            extracted = Path(archive.extract(source, temporary))
            model = Converter(read_tflite(extracted)).convert(outputs)
            data = model.SerializeToString()
            (folder / name).write_bytes(data)
            origin = {"source": source, "source_sha256": hashlib.sha256(extracted.read_bytes()).hexdigest()}
            files[role] = {"file": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), **origin}
        licence = next(name for name in archive.namelist() if name.endswith(".dist-info/LICENSE"))
        (folder / "LICENSE").write_bytes(archive.read(licence))
    document = {
        "title": "MediaPipe Pose (BlazePose): detector and full landmark model",
        "licence": "Apache-2.0",
        "credits": "Copyright The MediaPipe Authors (Google); converted to ONNX, the segmentation mask left out",
        "package": "mediapipe==0.10.21",
        "files": files,
    }
    (folder / "models.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make_pose_models", description="Make the models of runtime/packs/pose.")
    parser.add_argument("wheel", type=Path, help="mediapipe 0.10.21 for any system, from PyPI")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    make_pose_models(options.wheel, options.folder)


if __name__ == "__main__":
    main()
