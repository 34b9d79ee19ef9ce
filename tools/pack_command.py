"""`genmo pack`: published checkpoints and text encoders as model packs (docs/gem.md)."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from genmo.runtime.errors import UserError
from genmo.runtime.pack import ModelPack, open_pack
from genmo.tools.import_gem import Options, import_gem
from genmo.tools.import_t5 import write_text_encoder
from genmo.tools.make_pack import make_pack
from genmo.tools.onnx_graph import PRECISIONS, Precision


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def run(words: Sequence[str]) -> None:
    """Run one command.

    Args:
        words: after `genmo pack`.

    Raises:
        UserError: bad input; one sentence, and nothing is written.
    """
    arguments = _parser().parse_args(list(words))
    pack: ModelPack = arguments.run(arguments)
    info = pack.info
    sys.stdout.write(f"{pack.folder}\n  {info.title}; understands {', '.join(info.understands)}\n")
    if info.gem is not None and info.gem.neutral == "own":
        sys.stdout.write(
            "  Its skeleton is GENMO's own neutral one, and body shape is not known: give --smplx MODEL.npz for both\n"
        )
    if "prompts" not in info.understands and "music" in info.understands:
        sys.stdout.write("  For prompts it needs its text encoder: genmo pack add-text PACK T5_FOLDER\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="genmo pack", description="Make a model pack of published files.")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    gem = verbs.add_parser("import-gem", help="a GENMO/GEM-SMPL checkpoint")
    gem.set_defaults(run=_import_gem)
    gem.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help=".ckpt, .pt, .pth or .safetensors")
    gem.add_argument("-o", "--output", metavar="PACK", type=Path, required=True, help="new folder")
    gem.add_argument("--smplx", metavar="MODEL.npz", type=Path, help="your SMPL-X model: skeleton and body shape")
    gem.add_argument("--cpu", choices=PRECISIONS, default="fp32", help="precision for processors")
    gem.add_argument("--gpu", choices=("fp16", "none"), default="none", help="a second copy for graphics cards")
    gem.add_argument("--text-encoder", metavar="FOLDER", type=Path, help="T5-3B as `transformers` keeps it")
    gem.add_argument("--text-precision", choices=PRECISIONS, default="int8")
    gem.add_argument("--image-encoder", metavar="HMR2.onnx", type=Path, help="image features, optional")
    gem.add_argument("--video-only", action="store_true", help="the checkpoint has no text, music and speech")
    gem.add_argument("--gravity", choices=("auto", "up", "down"), default="auto", help="instead of finding it out")
    gem.add_argument("--no-calibration", action="store_true", help="trust the normalisation; needs --gravity")
    gem.add_argument("--statistics", metavar="FILE.json", type=Path, help="mean and std of another dialect")
    gem.add_argument("--guidance", type=float, default=2.5, help="weight of prompts and music")
    gem.add_argument("--licence", metavar="FILE", type=Path, help="text of the licence of the checkpoint")
    gem.add_argument("--name", default="gem-smpl", help="id of the pack")
    text = verbs.add_parser("add-text", help="the text encoder of a pack")
    text.set_defaults(run=_add_text)
    text.add_argument("pack", metavar="PACK", type=Path)
    text.add_argument("folder", metavar="T5_FOLDER", type=Path)
    text.add_argument("--precision", choices=PRECISIONS, default="int8")
    return parser


def _import_gem(arguments: argparse.Namespace) -> ModelPack:
    options = Options(
        smplx=arguments.smplx, cpu=arguments.cpu, gpu=None if arguments.gpu == "none" else arguments.gpu,
        gravity=arguments.gravity, statistics=arguments.statistics, calibrate=not arguments.no_calibration,
        video_only=arguments.video_only, text_encoder=arguments.text_encoder,
        text_precision=arguments.text_precision, image_encoder=arguments.image_encoder, name=arguments.name,
        guidance=arguments.guidance, licence=arguments.licence,
    )  # fmt: skip
    return import_gem(arguments.checkpoint, arguments.output, options)


def _add_text(arguments: argparse.Namespace) -> ModelPack:
    return add_text(arguments.pack, arguments.folder, arguments.precision)


def add_text(folder: Path, model: Path, precision: Precision = "int8") -> ModelPack:
    """Give a pack of the published model its text encoder.

    Args:
        folder: of the pack.
        model: folder of the T5.
        precision: how its matrices are stored.

    Raises:
        UserError: one of them cannot be used; the pack stays as it is.
    """
    pack = open_pack(folder)
    if pack.info.gem is None or "music" not in pack.info.understands:
        raise UserError(f"{folder}: is not a pack that reads prompts of a T5")
    document = pack.info.to_json()
    entries = document.pop("files")
    del document["format"]
    files = {role: folder / entry["file"] for role, entry in entries.items() if not role.startswith("text_encoder")}
    files.pop("vocabulary", None)
    document["understands"] = [*dict.fromkeys([*document["understands"], "prompts"])]
    with tempfile.TemporaryDirectory(prefix=".genmo-", dir=folder) as scratch:
        files |= write_text_encoder(model, Path(scratch), precision)
        return make_pack(folder, document, files)
