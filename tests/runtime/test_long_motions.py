"""Long motions are evaluated in parts: the parts must not be seen in the result."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime import base_model
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.base_model import Denoiser
from genmo.runtime.conditioning import CONDITIONS
from genmo.runtime.pack import DEFAULT_PACK, open_pack
from genmo.runtime.pack_info import DENOISER


@pytest.mark.parametrize("frames", [700, 64 * 6, 64 * 6 + 1])
def test_parts_give_what_the_whole_gives(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped network, whose reach is what the margin was chosen for."""
    pack = open_pack(DEFAULT_PACK)
    network = create_session(pack.path(DENOISER), "cpu", 1)
    rng = np.random.default_rng(0)
    conditions = rng.normal(scale=0.3, size=(frames, CONDITIONS.width)).astype(np.float32)
    noisy = rng.normal(size=(frames, len(pack.info.stats.mean))).astype(np.float32)
    denoise = Denoiser(network, pack.info, conditions, (), None)
    whole = denoise(noisy, 500, told=True)
    monkeypatch.setattr(base_model, "PART_BLOCKS", 2)
    parts = denoise(noisy, 500, told=True)
    assert parts.shape == noisy.shape
    np.testing.assert_allclose(parts, whole, atol=2e-4)
