"""What every section of the evaluation works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation.clips import QUICK_SHARE, Recording
from genmo.evaluation.inside import Inside
from genmo.runtime.engine import Engine
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest

if TYPE_CHECKING:
    from genmo.training.retrieval.evaluator import Evaluator

PRESETS: Final = {"draft": 5, "standard": 12, "best": 25}
"""Steps of the quality presets of the extension (`genmo_blender.properties.QUALITY_STEPS`)."""

DEFAULT_PRESET: Final = "standard"


@dataclass(frozen=True, eq=False)
class Bench:
    """The pack and what it is measured on.

    Attributes:
        engine: with the pack loaded.
        recordings: recorded clips of the measured split.
        deviation: (22, 3), see `clips.Material`.
        evaluator: the judge of texts and motions, None when none is given.
        music: files to dance to.
        folder: for keypoint files and the like; thrown away afterwards.
        quick: whether to take a tenth of everything.
    """

    engine: Engine
    recordings: Sequence[Recording]
    deviation: NDArray[np.float64]
    evaluator: Evaluator | None
    music: Sequence[Path]
    folder: Path
    quick: bool = False

    @cached_property
    def inside(self) -> Inside:
        """The same pack, step by step."""
        return Inside(self.engine.pack)

    def few(self, count: int, least: int = 2) -> int:
        """`count`, or a tenth of it in a quick run."""
        return max(count // QUICK_SHARE, least) if self.quick else count

    def make(self, request: MotionRequest) -> Motion:
        """The one motion of a request, through everything that a user's request goes through."""
        return self.engine.generate(request)[0]

    def understands(self, name: str) -> bool:
        """Whether the pack claims to read a list of requests, for example "videos"."""
        return name in self.engine.pack.info.understands
