"""What the `pack.json` of a model pack says, and its strict reader (format: docs/packs.md)."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Final

from . import fields
from .errors import PackError, RequestError
from .fields import Fields
from .gem.settings import GemSettings
from .skeleton import JOINT_NAMES

FORMAT: Final = 1
"""The only version of the format so far."""

DENOISER: Final = "denoiser"
COARSE: Final = "denoiser_coarse"
TEXT_ENCODER: Final = "text_encoder"
VOCABULARY: Final = "vocabulary"
DENOISER_GPU: Final = "denoiser_gpu"
CONDITIONS: Final = "conditions"
SPEECH_ENCODER: Final = "speech_encoder"
IMAGE_ENCODER: Final = "image_encoder"

UNDERSTANDS: Final = ("prompts", "keyframes", "pins", "path", "videos", "music", "reference")
"""Parts of a request that a pack may claim to understand, under their names in the request."""

_MAX_WIDTH: Final = 1_000_000
_KEYS: Final = (
    "format", "id", "version", "title", "licence", "credits", "fps", "skeleton", "layout", "conditions", "understands",
    "stats", "sampler", "band", "text", "files", "gem",
)  # fmt: skip

Slices = dict[str, tuple[int, int]]
Vector3 = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PackFile:
    """One file of a pack.

    Attributes:
        file: path inside the pack, with "/" between its parts.
        size: bytes.
        sha256: of its bytes, 64 lower-case hexadecimal digits.
    """

    file: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """Normalisation of the feature vector: `(value - mean) / std`, one number per value; every std is positive."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SamplerDefaults:
    """How the pack is sampled.

    Attributes:
        steps: of a request that leaves their number to the pack.
        guidance: scale of a request that leaves it to the pack.
        shift: of the steps to the noisy end, see `sampler.timesteps`; 1 spaces them evenly.
        coarse_from: lowest step of the schedule that the file "denoiser_coarse" makes, if there is one.
        guided_below: first step that is not guided any more. Where x tells nothing yet, guidance would only
            exaggerate the mean of what a prompt can mean (Kynkäänniemi et al., "Guidance in a limited interval", 2024).
    """

    steps: int
    guidance: float
    shift: float = 1.0
    coarse_from: int = 600
    guided_below: int = 1000


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The text encoder: most tokens of a prompt, [CLS] and [SEP] included, and the size of a token embedding."""

    max_tokens: int
    width: int


@dataclass(frozen=True, slots=True)
class PackInfo:
    """What `pack.json` says.

    Attributes:
        id: short name for files and scripts: lower-case letters, digits, ".", "_", "-".
        version: of the model, in the maker's own counting.
        title: name for people.
        licence: SPDX name of the licence of the weights.
        credits: lines that must go wherever the pack goes: data sets, foreign weights.
        fps: frames per second of the model.
        rest_offsets: 22 offsets from the parent joint in the T-pose, metres.
        layout: feature group -> [start, stop) in the feature vector, without gaps.
        conditions: condition group -> [start, stop) in the condition vector, without gaps; may be empty.
        understands: members of UNDERSTANDS.
        stats: normalisation of the features.
        sampler: defaults of the sampler.
        band: frames that a frame attends to on either side.
        text: limits of the text encoder.
        files: role -> file, with "denoiser" and, for prompts, "text_encoder" and "vocabulary"; other roles are free.
        format: version of the pack format.
        gem: of a pack of the published GEM-SMPL family, None for our own.
    """

    id: str
    version: str
    title: str
    licence: str
    credits: tuple[str, ...]
    fps: float
    rest_offsets: tuple[Vector3, ...]
    layout: Slices
    conditions: Slices
    understands: tuple[str, ...]
    stats: Statistics
    sampler: SamplerDefaults
    band: int
    text: TextLimits
    files: dict[str, PackFile]
    format: int = FORMAT
    gem: GemSettings | None = None

    @property
    def label(self) -> str:
        """Id and version, as a motion file records them: "base 1.0.0"."""
        return f"{self.id} {self.version}"

    @classmethod
    def from_json(cls, document: object) -> PackInfo:
        """The info in a parsed `pack.json`.

        Raises:
            PackError: one sentence that names the place of the mistake.
        """
        try:
            _check_format(document)
            return _read_info(Fields(document, "pack", _KEYS))
        except RequestError as error:
            raise PackError(str(error)) from error

    def to_json(self) -> dict[str, Any]:
        """The document that `from_json` reads back to an equal info."""
        values = asdict(self)
        values["skeleton"] = {"joints": list(JOINT_NAMES), "rest_offsets": values.pop("rest_offsets")}
        return {key: values[key] for key in _KEYS if key != "gem" or self.gem is not None}


def _check_format(document: object) -> None:
    """Before anything else: a newer format may have other keys."""
    version = fields.mapping(document, "pack").get("format")
    if isinstance(version, bool) or version != FORMAT:
        given = "states no format" if version is None else f"has format {version!r}"
        raise PackError(f"the pack {given}; this version of GENMO reads format {FORMAT}")


def _read_info(values: Fields) -> PackInfo:
    info = PackInfo(
        id=values.get("id", _identifier),
        version=values.get("version", _line),
        title=values.get("title", _line),
        licence=values.get("licence", _line),
        credits=values.list("credits", fields.text),
        fps=values.get("fps", fields.number, 1, 1000),
        rest_offsets=values.get("skeleton", _rest_offsets),
        layout=values.get("layout", _slices),
        conditions=values.get("conditions", _slices, default={}),
        understands=values.list("understands", _understood),
        stats=values.get("stats", _statistics),
        sampler=values.get("sampler", _sampler),
        band=values.get("band", fields.integer, 1, _MAX_WIDTH),
        text=values.get("text", _text_limits),
        files=values.get("files", _files),
        gem=values.maybe("gem", GemSettings.from_json),
    )
    _check_whole(info)
    return info


def _check_whole(info: PackInfo) -> None:
    """What the parts must be to each other."""
    width = max((stop for _, stop in info.layout.values()), default=0)
    if not width:
        raise RequestError("pack.layout: must not be empty")
    for name, values in (("mean", info.stats.mean), ("std", info.stats.std)):
        if len(values) != width:
            raise RequestError(f"pack.stats.{name}: must have {width} members like the layout, not {len(values)}")
    needed = (DENOISER, TEXT_ENCODER, VOCABULARY) if "prompts" in info.understands else (DENOISER,)
    for name in needed if info.gem is None else (*needed, CONDITIONS):
        if name not in info.files:
            raise RequestError(f"pack.files: {name!r} is missing")


def _line(value: object, place: str) -> str:
    line = fields.text(value, place)
    if not line.strip() or not line.isprintable():
        raise RequestError(f"{place}: must be one line of text")
    return line


def _identifier(value: object, place: str) -> str:
    name = fields.text(value, place)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise RequestError(f"{place}: must be lower-case letters, digits, '.', '_' or '-', not {name!r}")
    return name


def _rest_offsets(value: object, place: str) -> tuple[Vector3, ...]:
    skeleton = Fields(value, place, ("joints", "rest_offsets"))
    joints = skeleton.list("joints", fields.text)
    if joints != JOINT_NAMES:
        raise RequestError(f"{place}.joints: must be the {len(JOINT_NAMES)} joints of GENMO in their order")
    offsets = skeleton.list("rest_offsets", fields.vector3)
    if len(offsets) != len(joints):
        raise RequestError(f"{place}.rest_offsets: must have {len(joints)} members, not {len(offsets)}")
    return offsets


def _slices(value: object, place: str) -> Slices:
    """Slices that follow each other without a gap, in the order of the document."""
    slices: Slices = {}
    end = 0
    for name, pair in fields.mapping(value, place).items():
        where = fields.at(place, name)
        start, stop = (fields.integer(item, where, 0, _MAX_WIDTH) for item in fields.items(pair, where, 2))
        if start != end or stop <= start:
            raise RequestError(f"{where}: must start at {end} and end after it, not [{start}, {stop}]")
        slices[name] = (start, stop)
        end = stop
    return slices


def _understood(value: object, place: str) -> str:
    name = fields.text(value, place)
    if name not in UNDERSTANDS:
        raise RequestError(f"{place}: must be one of {', '.join(UNDERSTANDS)}, not {name!r}")
    return name


def _statistics(value: object, place: str) -> Statistics:
    values = Fields(value, place, ("mean", "std"))
    std = values.list("std", fields.number)
    if any(member <= 0 for member in std):
        raise RequestError(f"{place}.std: must be positive numbers")
    return Statistics(values.list("mean", fields.number), std)


def _sampler(value: object, place: str) -> SamplerDefaults:
    values = Fields(value, place, ("steps", "guidance", "shift", "coarse_from", "guided_below"))
    return SamplerDefaults(
        values.get("steps", fields.integer, 1, 1000),
        values.get("guidance", fields.number, 0, 100),
        values.get("shift", fields.number, 1, 100, default=1.0),
        values.get("coarse_from", fields.integer, 1, 1000, default=600),
        values.get("guided_below", fields.integer, 1, 1000, default=1000),
    )


def _text_limits(value: object, place: str) -> TextLimits:
    values = Fields(value, place, ("max_tokens", "width"))
    max_tokens = values.get("max_tokens", fields.integer, 2, 4096)
    return TextLimits(max_tokens, values.get("width", fields.integer, 1, _MAX_WIDTH))


def _files(value: object, place: str) -> dict[str, PackFile]:
    return {name: _file(entry, fields.at(place, name)) for name, entry in fields.mapping(value, place).items()}


def _file(value: object, place: str) -> PackFile:
    values = Fields(value, place, ("file", "size", "sha256"))
    return PackFile(
        values.get("file", _inner_path),
        values.get("size", fields.integer, 1, 2**50),
        values.get("sha256", _checksum),
    )


def _inner_path(value: object, place: str) -> str:
    """A path that stays inside the pack on every system: no "..", no root, no drive, no backslash."""
    path = fields.text(value, place)
    if not path or re.search(r'[\\:*?"<>|]', path) or any(part in ("", ".", "..") for part in path.split("/")):
        raise RequestError(f"{place}: must be a path inside the pack, not {path!r}")
    return path


def _checksum(value: object, place: str) -> str:
    digits = fields.text(value, place)
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise RequestError(f"{place}: must be 64 lower-case hexadecimal digits")
    return digits
