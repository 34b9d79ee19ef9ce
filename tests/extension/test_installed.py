"""A user's session with the installed extension: generate, cancel, generate, apply, undo, disable, enable."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

SECONDS = 60

Part = Callable[[str], ModuleType]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def generate() -> None:
    """Press Generate and wait, as in background mode."""
    assert bpy.ops.genmo.generate(wait=True) == {"FINISHED"}


def hip_height(target: bpy.types.Object, frame: int) -> float:
    """World height of the first pose bone at a scene frame, as Blender evaluates it."""
    bpy.context.scene.frame_set(frame)
    return (target.matrix_world @ target.pose.bones[0].matrix).translation.z


@pytest.fixture
def long_job(part: Part, tiny_pack: Path) -> Any:
    """A job of the installed extension, started, that takes so long that it can be stopped in the middle."""
    prompt = {"text": "a person walks", "start": 0, "stop": 3000}
    document = {"version": 1, "frames": 3000, "prompts": [prompt], "sampling": {"steps": 1000}}
    request = part("runtime.request").MotionRequest.from_json(document)
    job = part("genmo_blender.job").Job(request, pack=tiny_pack, device="cpu")
    job.start()
    wait_until(lambda: job.poll() and job.progress is not None)
    return job


def test_the_zips_own_wheel_is_the_one_in_use() -> None:
    spec = importlib.util.find_spec("onnxruntime")
    assert spec is not None
    assert spec.origin is not None
    profile = Path(os.environ["BLENDER_USER_RESOURCES"]).resolve()
    assert Path(spec.origin).resolve().is_relative_to(profile / "extensions" / ".local")


def test_blender_itself_never_loads_the_engine(character: bpy.types.Object, module: str) -> None:
    """Native code stays in the worker process, so that its crash cannot take Blender with it."""
    generate()
    assert "onnxruntime" not in sys.modules
    assert f"{module}.runtime.engine" not in sys.modules


def test_generate_then_apply(character: bpy.types.Object) -> None:
    generate()
    assert len(character.genmo.takes) == 1
    assert character.animation_data is None or character.animation_data.action is None
    assert bpy.ops.genmo.apply_motion(take=0) == {"FINISHED"}
    action = character.animation_data.action
    assert action is not None
    assert tuple(action.frame_range) == pytest.approx((1, 40), abs=1)
    heights = [hip_height(character, frame) for frame in range(1, 41)]
    assert np.isfinite(heights).all()


def test_a_second_generation_animates_too_and_keeps_the_first_action(character: bpy.types.Object) -> None:
    generate()
    bpy.ops.genmo.apply_motion(take=0)
    first = character.animation_data.action
    bpy.context.scene.genmo.seed = 7
    generate()
    bpy.ops.genmo.apply_motion(take=1)
    assert character.animation_data.action != first
    assert first.name in bpy.data.actions
    poses = {round(hip_height(character, frame), 5) for frame in range(1, 41)}
    assert len(poses) > 5, "the action is there, but nothing moves"


def test_the_built_in_model_answers(character: bpy.types.Object) -> None:
    """Promise 1: the zip works at once, offline, with nothing else."""
    bpy.context.scene.genmo.pack = ""
    bpy.context.scene.genmo.quality = "DRAFT"
    generate()
    bpy.ops.genmo.apply_motion(take=0)
    heights = [hip_height(character, frame) for frame in range(1, 41)]
    assert min(heights) > 0.3, "a person who walks has the hips above the ground"


def test_cancel_answers_at_once_and_the_next_job_works(character: bpy.types.Object, long_job: Any) -> None:
    long_job.cancel()
    assert str(long_job.state) == "cancelled"
    generate()
    assert len(character.genmo.takes) == 1
    assert not long_job.motions, "an answer of the cancelled job came through"


def test_a_killed_model_is_a_sentence_and_the_next_job_works(
    character: bpy.types.Object, part: Part, long_job: Any
) -> None:
    part("genmo_blender.job").shared_worker().kill()
    assert long_job.wait(SECONDS)
    assert str(long_job.state) == "failed"
    assert "Traceback" not in long_job.error
    assert long_job.error[0].isupper()
    generate()
    assert len(character.genmo.takes) == 1


def test_applying_is_one_undo_step(character: bpy.types.Object) -> None:
    """Undo takes the motion away and leaves the edit before it."""
    generate()
    name = character.name
    bpy.ops.ed.undo_push(message="start")
    character.location.x = 3.0
    bpy.ops.ed.undo_push(message="an edit of the user's")
    bpy.ops.genmo.apply_motion("EXEC_DEFAULT", True, take=0)
    assert bpy.data.objects[name].animation_data.action is not None
    bpy.ops.ed.undo()
    restored = bpy.data.objects[name]
    assert restored.animation_data is None or restored.animation_data.action is None
    assert restored.location.x == pytest.approx(3.0)


def test_disable_takes_everything_away_and_enable_brings_it_back(
    character: bpy.types.Object, part: Part, module: str
) -> None:
    generate()
    worker = part("genmo_blender.job").shared_worker()
    assert worker.alive
    registered = {name for name in dir(bpy.types) if name.startswith("GENMO_")}
    bpy.ops.preferences.addon_disable(module=module)
    assert not worker.alive
    assert not [name for name in dir(bpy.types) if name.startswith("GENMO_")]
    assert not hasattr(bpy.types.Scene, "genmo")
    assert not hasattr(bpy.types.Object, "genmo")
    assert bpy.ops.preferences.addon_enable(module=module) == {"FINISHED"}
    assert {name for name in dir(bpy.types) if name.startswith("GENMO_")} == registered
    bpy.ops.genmo.character_add()
    assert bpy.context.object.genmo.takes is not None
