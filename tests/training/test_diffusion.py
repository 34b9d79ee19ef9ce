"""Steps of the noise schedule that training draws."""

from __future__ import annotations

import torch

from genmo.training.diffusion import draw_steps


def test_even_steps_cover_their_range() -> None:
    steps = draw_steps(torch.linspace(0.0, 1.0, 2001), 1.0, 200, 699)
    assert (int(steps.min()), int(steps.max())) == (200, 699)
    assert abs(float(steps.float().mean()) - 449.5) < 2.0


def test_a_shift_draws_the_noisy_end_more_often() -> None:
    uniform = torch.linspace(0.0, 1.0, 2001)
    even, shifted = draw_steps(uniform, 1.0, 0, 999), draw_steps(uniform, 3.0, 0, 999)
    assert abs(int(shifted[1000]) - 750) <= 1
    assert (shifted >= even).all()
    assert (shifted > 900).float().mean() > 2.0 * (even > 900).float().mean()
