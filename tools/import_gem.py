"""A published GENMO/GEM-SMPL checkpoint as a model pack: `genmo pack import-gem CHECKPOINT -o PACK`.

Only tensors are read. Everything is written into a folder beside the pack first, and moved when all of it is right.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from genmo.runtime.errors import UserError
from genmo.runtime.gem.layout import BETAS, LAYOUT, MOTION, Body, neutral_joints
from genmo.runtime.pack import ModelPack, open_pack
from genmo.runtime.pack_info import CONDITIONS, DENOISER, DENOISER_GPU, IMAGE_ENCODER, SPEECH_ENCODER
from genmo.runtime.skeleton import JOINT_COUNT, JOINT_NAMES
from genmo.tools import gem_graph, gem_licence
from genmo.tools.body_model import read_body
from genmo.tools.import_t5 import write_text_encoder
from genmo.tools.make_pack import make_pack
from genmo.tools.onnx_graph import EXTERNAL_LIMIT, Precision
from genmo.training.gem.calibration import Dialect, calibrated
from genmo.training.gem.checkpoint import load_model, weights_of
from genmo.training.gem.conditions import GemModel
from genmo.training.gem.network import TABLE_ROWS, position_table

STATISTICS: Final = Path(gem_graph.__file__).parents[1] / "training" / "gem" / "statistics.json"
GUIDANCE: Final = 2.5
STEPS: Final = 50
_BYTES: Final = {"fp32": 4, "fp16": 2, "int8": 1}


@dataclass(frozen=True, slots=True)
class Options:
    """How a checkpoint becomes a pack.

    Attributes:
        smplx: SMPL-X model file (.npz) of the user, None for our own skeleton.
        cpu: precision of the network that a CPU runs.
        gpu: precision of a second copy for GPUs, None for none.
        gravity: where y of its gravity-view frame points, "auto" to find out.
        statistics: file with "mean" and "std" (151 numbers each), None for the published ones.
        calibrate: whether the normalisation is tried on a clip; False trusts it.
        video_only: whether a checkpoint without text is meant.
        text_encoder: folder with a T5 encoder, None for none.
        text_precision: of that encoder.
        image_encoder: ONNX file of HMR2, None for none.
        name: id of the pack.
        guidance: weight of prompts and music.
        external: bytes of weights above which they get a file of their own.
        licence: file with the licence of the checkpoint, None for a note on where to find it.
    """

    smplx: Path | None = None
    cpu: Precision = "fp32"
    gpu: Precision | None = None
    gravity: Literal["auto", "up", "down"] = "auto"
    statistics: Path | None = None
    calibrate: bool = True
    video_only: bool = False
    text_encoder: Path | None = None
    text_precision: Precision = "int8"
    image_encoder: Path | None = None
    name: str = "gem-smpl"
    guidance: float = GUIDANCE
    external: int = EXTERNAL_LIMIT
    licence: Path | None = None


def import_gem(checkpoint: Path, destination: Path, options: Options | None = None) -> ModelPack:
    """Make a pack of a checkpoint.

    Args:
        checkpoint: .ckpt, .pt, .pth or .safetensors.
        destination: folder of the pack; must not exist or be empty.
        options: None for the usual ones.

    Returns:
        The pack, verified.

    Raises:
        UserError: a file cannot be used, the dialect cannot be told, or the pack not be written; one sentence, and
            nothing is left behind.
    """
    wanted = options or Options()
    _check_destination(destination)
    model = load_model(checkpoint, video_only=wanted.video_only)
    statistics = read_statistics(wanted.statistics)
    dialect = _dialect(model, statistics, wanted)
    body = read_body(wanted.smplx) if wanted.smplx else None
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".genmo-", dir=destination.parent) as scratch:
            made = Path(scratch) / "pack"
            made.mkdir()
            files = _write_files(model, made, wanted)
            make_pack(made, pack_document(model, statistics, dialect, body, wanted), files)
            if destination.is_dir():
                destination.rmdir()  # it is empty
            made.rename(destination)
    except OSError as error:
        raise UserError(f"{destination}: cannot be written ({error.strerror or error})") from error
    return open_pack(destination)


def _check_destination(destination: Path) -> None:
    if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
        raise UserError(f"{destination}: is there already, choose a new folder for the pack")


def _dialect(model: GemModel, statistics: Mapping[str, NDArray[Any]], options: Options) -> Dialect:
    if options.calibrate:
        return calibrated(model, statistics["mean"], statistics["std"], gravity=options.gravity)
    if options.gravity == "auto":
        raise UserError("Without calibration the gravity must be told: --gravity up or down")
    return options.gravity


def read_statistics(path: Path | None = None) -> dict[str, NDArray[np.float64]]:
    """Mean and standard deviation (151,) of the motion vector.

    Raises:
        UserError: the file cannot be used; one sentence.
    """
    source = path or STATISTICS
    try:
        document = json.loads(source.read_text("utf-8"))
        values = {name: np.array(document[name], np.float64) for name in ("mean", "std")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{source}: is not a JSON file with 'mean' and 'std' ({error})") from error
    for name, array in values.items():
        if array.shape != (MOTION.width,) or not np.isfinite(array).all() or (name == "std" and (array <= 0).any()):
            raise UserError(f"{source}: {name} must be {MOTION.width} numbers, standard deviations above 0")
    return values


def _write_files(model: GemModel, folder: Path, options: Options) -> dict[str, Path]:
    """Write everything that the pack consists of; role -> file."""
    weights = weights_of(model)
    table = position_table(TABLE_ROWS, model.width)[:, 0].numpy()
    files: dict[str, Path] = {}
    copies: tuple[tuple[str, Precision | None], ...] = ((DENOISER, options.cpu), (DENOISER_GPU, options.gpu))
    for role, precision in copies:
        if precision is not None:
            path = folder / f"{role}.onnx"
            large = sum(v.size for v in weights.values()) * _BYTES[precision] > options.external
            data = folder / f"{role}.data" if large else None
            written = gem_graph.write_denoiser(weights, table, path, precision, data)
            files |= dict(zip((role, f"{role}_weights"), written, strict=False))
    files[CONDITIONS] = folder / "conditions.onnx"
    gem_graph.write_conditions(weights, files[CONDITIONS])
    if model.reads_text:
        files[SPEECH_ENCODER] = folder / "speech_encoder.onnx"
        gem_graph.write_speech(weights, files[SPEECH_ENCODER])
    if options.text_encoder is not None:
        files |= write_text_encoder(options.text_encoder, folder, options.text_precision, options.external)
    if options.image_encoder is not None:
        files[IMAGE_ENCODER] = _copied(options.image_encoder, folder / "image_encoder.onnx")
    files["licence"] = gem_licence.write(folder / "LICENCE.txt", options.licence)
    return files


def _copied(source: Path, target: Path) -> Path:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise UserError(f"{source}: cannot be read ({error.strerror or error})") from error
    return target


def pack_document(
    model: GemModel, statistics: Mapping[str, NDArray[Any]], gravity: Dialect, body: Body | None, options: Options
) -> dict[str, Any]:
    """The `pack.json` of a checkpoint without "format" and "files"."""
    joints = neutral_joints() if body is None else body.joints
    offsets = Body(joints, np.zeros((JOINT_COUNT, 3, BETAS))).rest_offsets(np.zeros(BETAS))
    heads = LAYOUT.width - MOTION.width
    understands = ["keyframes", "pins", "path", "videos"]
    understands += ["music"] if model.reads_text else []
    understands += ["prompts"] if options.text_encoder is not None and model.reads_text else []
    return {
        "id": options.name,
        "version": "1",
        "title": "GEM-SMPL (published by NVIDIA)" if model.reads_text else "GEM-SMPL for video (published by NVIDIA)",
        "licence": gem_licence.NAME,
        "credits": [*gem_licence.CREDITS, *(gem_licence.BODY_CREDITS if body else gem_licence.OWN_BODY_CREDITS)],
        "fps": 30,
        "skeleton": {"joints": list(JOINT_NAMES), "rest_offsets": offsets.tolist()},
        "layout": LAYOUT.to_json(),
        "understands": understands,
        "stats": {
            "mean": [*statistics["mean"].tolist(), *[0.0] * heads],
            "std": [*statistics["std"].tolist(), *[1.0] * heads],
        },
        "sampler": {"steps": STEPS, "guidance": options.guidance},
        "band": 60,
        "text": {"max_tokens": 50, "width": 1024},
        "gem": {
            "gravity": gravity,
            "neutral": "own" if body is None else "smplx",
            "joints": joints.tolist(),
            "shape": [] if body is None else body.shape.tolist(),
        },
    }
