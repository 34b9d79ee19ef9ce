"""Faults that are planted in motions are flagged at their frames, sound motions are not, and repairs remove them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.evaluation.planting import LENGTH, PLANTS, SUNK, bump, count, flat_span
from genmo.runtime import quality, rotation
from genmo.runtime.cli import main
from genmo.runtime.fixing import EASE, fixed
from genmo.runtime.ground import Ground
from genmo.runtime.mbench import mbench, to_mbench
from genmo.runtime.metrics import measure
from genmo.runtime.motion import Motion, load_motion, resampled, save_motion
from genmo.runtime.quality import Fault, curves, faults, with_contacts
from genmo.runtime.request import MotionRequest
from genmo.runtime.skeleton import INDEX
from genmo.tests.runtime.clip_folder import waving
from genmo.tests.runtime.motions import standing_motion
from genmo.tests.runtime.walking import walk

RECORDED = Path(__file__).parents[1] / "data" / "retargeting"
MOTIONS = [waving(walk(100 + number), 6.0 * number, 0.3 + 0.05 * number) for number in range(20)]


def test_every_planted_fault_is_found_and_sound_motions_have_none() -> None:
    for kind, row in count(MOTIONS).items():
        assert (row["planted"], row["found"], row["false"]) == (20, 20, 0), kind
        assert row["frames"] > 0.2, kind


def test_recorded_clips_are_sound() -> None:
    assert {path.stem: faults(load_motion(path)) for path in sorted(RECORDED.glob("*.npz"))} == {
        "kick": [], "sit": [], "walk": [],
    }  # fmt: skip


@pytest.mark.parametrize("kind", PLANTS)
def test_a_fault_lies_in_its_span_at_any_rate(kind: str) -> None:
    motion = MOTIONS[3]
    span = flat_span(motion)
    assert span is not None
    bad = PLANTS[kind](motion, span)
    (found,) = (each for each in faults(bad) if each.kind == kind)
    assert span[0] - 4 <= found.start <= found.worst < found.stop <= span[1] + 4
    assert found.severity > 1.0
    fast = [each for each in faults(resampled(bad, 60.0)) if each.kind == kind]
    assert any(abs(each.worst / 2.0 - found.worst) <= 3.0 for each in fast)


@pytest.mark.parametrize("kind", PLANTS)
def test_a_repair_removes_the_fault_and_leaves_the_rest(kind: str) -> None:
    motion = MOTIONS[5]
    span = flat_span(motion)
    assert span is not None
    bad = PLANTS[kind](motion, span)
    (fault,) = (each for each in faults(bad) if each.kind == kind)
    good = fixed(bad, fault)
    assert kind not in {each.kind for each in faults(good)}
    same = np.r_[0 : fault.start - EASE, fault.stop + EASE : motion.frames]
    np.testing.assert_array_equal(good.root_positions[same], bad.root_positions[same])
    np.testing.assert_array_equal(good.local_rotations[same], bad.local_rotations[same])
    before, after = (np.linalg.norm(each.positions - motion.positions, axis=-1).mean() for each in (bad, good))
    assert after < max(before, 0.03), "the repair comes nearer to what was there before, or stays near"


def test_depth_is_measured_from_the_sole() -> None:
    motion = standing_motion(60)
    lowest = motion.positions[..., 1].min()
    level = replace(motion, root_positions=motion.root_positions + np.array([0.0, 0.023 - lowest, 0.0]))
    assert curves(level)["sink"].max() == pytest.approx(0.0, abs=1e-9)
    span = (20, 20 + LENGTH)
    sunk = PLANTS["sink"](level, span)
    np.testing.assert_allclose(curves(sunk)["sink"], SUNK * bump(span, 60) / quality.SINK, atol=1e-9)


def test_a_step_is_no_floor_to_sink_into() -> None:
    motion = standing_motion(40, height=1.2)
    low = motion.positions[0, :, 1].min()
    request = MotionRequest(frames=40, fps=30.0, ground=_platform(low - 0.023))
    assert faults(replace(motion, request=request)) == []
    request = MotionRequest(frames=40, fps=30.0, ground=_platform(low + 0.1))
    assert {fault.kind for fault in faults(replace(motion, request=request))} == {"sink"}


def _platform(height: float) -> Ground:
    return Ground((0.0, 0.0), 1.0, ((height, height), (height, height)))


def test_short_motions_are_judged() -> None:
    for frames in (1, 2, 3, 5):
        motion = standing_motion(frames)
        assert all(len(curve) == frames for curve in curves(motion).values())
        assert faults(motion) == []
        assert np.isfinite(list(quality.numbers(motion).values())).all()


def test_gaps_are_joined_and_flicker_is_left_out() -> None:
    flags = np.zeros(40, bool)
    flags[[3, 10, 11, 12, 15, 16, 30, 31]] = True
    assert quality.stretches(flags, 2) == [(10, 17), (30, 32)]
    assert quality.stretches(flags, 3) == [(10, 17)]
    assert quality.stretches(np.zeros(0, bool), 1) == []


def test_contacts_are_found_where_there_are_none() -> None:
    motion = walk(120)
    bare = replace(motion, contacts=np.zeros_like(motion.contacts))
    assert (with_contacts(bare).contacts[:-1, :4] == motion.contacts[:-1, :4]).mean() > 0.9
    assert with_contacts(motion) is motion
    assert measure(with_contacts(bare))["foot_skate_contact"] < 2.0


def test_a_knee_may_bend_but_not_forwards() -> None:
    motion = standing_motion(30, height=3.0)
    for degrees, wrong in ((120.0, False), (-10.0, False), (-30.0, True)):
        local = motion.local_rotations.copy()
        local[:, INDEX["r_knee"]] = rotation.from_axis_angle([np.radians(degrees), 0.0, 0.0])
        assert bool(faults(replace(motion, local_rotations=local))) == wrong


def test_the_command_line_lists_the_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad: Motion = PLANTS["knee"](MOTIONS[0], (40, 56))
    save_motion(bad, tmp_path / "bad.npz")
    assert main(["metrics", "--json", str(tmp_path / "bad.npz")]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["metrics"] == quality.numbers(bad)
    bench = mbench(to_mbench(bad.positions, bad.fps))
    assert row["metrics"]["mbench_sliding"] == bench.sliding > 0.0
    assert row["metrics"]["jitter"] == measure(bad)["jitter"]
    assert row["metrics"].keys() <= quality.UNITS.keys()
    assert [Fault(**each) for each in row["faults"]] == faults(bad) != []
    assert main(["metrics", str(tmp_path / "bad.npz")]) == 0
    assert "knee" in capsys.readouterr().out
