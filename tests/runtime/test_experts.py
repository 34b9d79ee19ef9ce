"""Two networks in one pack: each makes its own steps, and regression is the fine one's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genmo.runtime.backends.onnx import Session
from genmo.runtime.engine import Engine
from genmo.runtime.experts import Experts, open_networks
from genmo.runtime.pack import open_pack
from genmo.runtime.pack_info import COARSE, DENOISER
from genmo.runtime.request import MotionRequest, Prompt, Sampling
from genmo.tools.make_pack import make_pack

TINY_PACK = Path(__file__).parents[1] / "data" / "tiny_pack"


class Recorder(Session):
    """A session that says which steps it was asked for."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.stopped = 0

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        self.steps.append(int(inputs["step"][0]))
        return {}

    def terminate(self) -> None:
        self.stopped += 1


def asked(step: int, x: float = 1.0) -> dict[str, NDArray[Any]]:
    return {"step": np.array([step]), "x": np.full((1, 4, 2), x, np.float32)}


def test_noisy_steps_are_the_coarse_networks() -> None:
    fine, coarse = Recorder(), Recorder()
    experts = Experts(fine, coarse, 600)
    for step in (999, 600, 599, 0):
        experts.run(asked(step))
    assert (coarse.steps, fine.steps) == ([999, 600], [599, 0])


def test_regression_is_the_fine_networks() -> None:
    fine, coarse = Recorder(), Recorder()
    Experts(fine, coarse, 600).run(asked(999, 0.0))
    assert (coarse.steps, fine.steps) == ([], [999])


def test_both_are_stopped() -> None:
    fine, coarse = Recorder(), Recorder()
    Experts(fine, coarse, 600).terminate()
    assert (fine.stopped, coarse.stopped) == (1, 1)


def test_a_pack_with_two_networks_generates(tmp_path: Path) -> None:
    tiny = open_pack(TINY_PACK)
    second = tmp_path / "denoiser_coarse.onnx"
    second.write_bytes(tiny.path(DENOISER).read_bytes())
    document = {key: value for key, value in tiny.info.to_json().items() if key not in ("format", "files")}
    files = {role: tiny.path(role) for role in tiny.info.files}
    pack = make_pack(tmp_path / "pack", document, {**files, COARSE: second})
    assert isinstance(open_networks(pack, "cpu"), Experts)
    request = MotionRequest(70, prompts=(Prompt("a person walks", 0, 70),), sampling=Sampling(steps=4))
    alone, together = (Engine(each, "cpu").generate(request)[0] for each in (tiny, pack))
    np.testing.assert_allclose(together.positions, alone.positions, atol=1e-5)
