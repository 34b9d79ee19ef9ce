"""The sampler follows the published schedule and update, and stops when it is asked to."""

from __future__ import annotations

import numpy as np
import pytest

from genmo.runtime.errors import CancelledError
from genmo.runtime.sampler import alphas_bar, partial_timesteps, sample, timesteps


def run(denoise, steps: int = 6, guidance: float = 1.0, refine=lambda x: x, stop=lambda: False, noise=None):
    noise = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32) if noise is None else noise
    done: list[int] = []
    result = sample(
        denoise, noise, steps=steps, guidance=guidance, refine=refine, on_step=done.append, should_stop=stop
    )
    return result, done


def test_schedule_matches_the_published_numbers() -> None:
    table = alphas_bar()
    assert table.shape == (1000,)
    assert np.sqrt(table[999]) == pytest.approx(4.93e-5, rel=2e-3)  # genmo.md section 6
    assert (np.diff(table) < 0).all()
    steps = timesteps(50)
    assert steps[0] == 999
    assert steps[-1] == 0
    assert sorted(steps.tolist())[:3] == [0, 20, 41]
    assert sorted(steps.tolist())[-2:] == [979, 999]
    assert timesteps(1).tolist() == [999]


def test_a_network_that_knows_the_answer_gives_it() -> None:
    answer = np.arange(15, dtype=np.float32).reshape(5, 3)
    result, done = run(lambda x, step, told: answer)
    np.testing.assert_array_equal(result, answer)
    assert done == [1, 2, 3, 4, 5, 6]


def test_the_noise_that_the_network_sees_shrinks_as_the_schedule_says() -> None:
    """With the estimate fixed at 0, x at step t is the first noise times sqrt(1 - abar)."""
    seen: dict[int, np.ndarray] = {}

    def denoise(x, step, told):
        seen[step] = x
        return np.zeros_like(x)

    noise = np.ones((5, 3), np.float32)
    run(denoise, steps=8, noise=noise)
    table = alphas_bar()
    for step, x in seen.items():
        np.testing.assert_allclose(x, np.sqrt(1.0 - table[step]) * noise, rtol=1e-4)


def test_guidance_extrapolates_from_untold_to_told() -> None:
    def denoise(x, step, told):
        return np.full_like(x, 3.0 if told else 1.0)

    result, _ = run(denoise, guidance=2.5)
    np.testing.assert_allclose(result, 6.0)


def test_guidance_of_one_calls_the_network_once_a_step() -> None:
    calls: list[bool] = []

    def denoise(x, step, told):
        calls.append(told)
        return x

    run(denoise, steps=4)
    assert calls == [True] * 4


def test_later_steps_start_from_the_refined_estimate() -> None:
    seen = []

    def denoise(x, step, told):
        seen.append(x)
        return np.zeros_like(x)

    result, _ = run(denoise, steps=3, refine=lambda x: x + 2.0)
    np.testing.assert_allclose(result, 2.0)
    plain = []
    run(lambda x, step, told: (plain.append(x), np.zeros_like(x))[1], steps=3)
    assert not np.allclose(seen[1], plain[1])


@pytest.mark.parametrize("allowed", [0, 1, 5])
def test_stops_before_the_next_evaluation(allowed: int) -> None:
    calls: list[int] = []

    def denoise(x, step, told):
        calls.append(step)
        return x

    with pytest.raises(CancelledError):
        run(denoise, steps=20, guidance=2.0, stop=lambda: len(calls) >= allowed)
    assert len(calls) == allowed


def test_no_steps_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one"):
        timesteps(0)


def test_shifted_steps_crowd_at_the_noisy_end() -> None:
    even, shifted = timesteps(11), timesteps(11, 3.0)
    assert (shifted[0], shifted[-1]) == (999, 0)
    assert (shifted[1:-1] > even[1:-1]).all()
    assert shifted[5] == round(999 * 0.75)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_a_part_of_the_steps_begins_at_its_level(shift: float) -> None:
    part = partial_timesteps(20, 0.5, shift)
    assert abs(int(part[0]) - 500) <= 1
    assert part[-1] == 0
    assert (np.diff(part) < 0).all()
    assert np.array_equal(partial_timesteps(20, 1.0, shift), timesteps(20, shift))


def test_the_noisiest_steps_are_not_guided() -> None:
    asked: list[tuple[int, bool]] = []

    def denoise(x, step: int, *, told: bool):
        asked.append((step, told))
        return 0.5 * x

    noise = np.ones((4, 2), np.float32)
    sample(
        denoise, noise, steps=5, guidance=2.0, refine=lambda x: x, on_step=lambda _: None, should_stop=lambda: False,
        guided_below=700,
    )  # fmt: skip
    assert {step for step, told in asked if not told} == {step for step in timesteps(5).tolist() if step < 700}
