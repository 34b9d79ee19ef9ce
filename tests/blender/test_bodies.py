"""New characters with the proportions of a take or of a model, and the button for the GPU runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from genmo.genmo_blender import bodies, gpu, preferences, takes, tracks
from genmo.genmo_blender.core import packing
from genmo.runtime import rotation, skeleton
from genmo.runtime.motion import Motion
from genmo.runtime.skeleton import INDEX
from genmo.tests.runtime.packs import write_pack


def add(**options: Any) -> Any:
    assert bpy.ops.genmo.character_add(**options) == {"FINISHED"}
    return bpy.context.active_object


def bone_length(rig: Any, first: str, second: str) -> float:
    bones = rig.data.bones
    return (bones[first].head_local - bones[second].head_local).length


def tall() -> np.ndarray:
    return skeleton.rest_offsets() * np.array([1.0, 1.15, 1.0])


def give_take(rig: Any, offsets: np.ndarray) -> None:
    motion = Motion(30.0, np.zeros((3, 3)), rotation.identity(3, 22), np.zeros((3, 6)), offsets)
    row = tracks.add(rig, "takes")
    row.name, row.frames, row.fps, row.data = "Shaped", 3, 30.0, packing.pack(motion)


def test_a_character_gets_the_body_of_the_take() -> None:
    rig = add()
    usual = bone_length(rig, "l_hip", "l_knee")
    assert usual == pytest.approx(np.linalg.norm(skeleton.REST_OFFSETS[INDEX["l_knee"]]), abs=1e-5)
    give_take(rig, tall())
    np.testing.assert_allclose(takes.motion_of(rig.genmo.takes[0]).rest_offsets, tall(), atol=1e-6)
    shaped = add()
    for parent, child in (("l_hip", "l_knee"), ("l_knee", "l_ankle"), ("spine3", "neck"), ("l_elbow", "l_wrist")):
        expected = np.linalg.norm(tall()[INDEX[child]])
        assert bone_length(shaped, parent, child) == pytest.approx(expected, abs=1e-5)
    heights = [max(vertex.co.z for vertex in body.children[0].data.vertices) for body in (rig, shaped)]
    assert heights[1] / heights[0] == pytest.approx(1.14, abs=0.02)
    lowest = [min(vertex.co.z for vertex in body.children[0].data.vertices) for body in (rig, shaped)]
    assert lowest[1] == pytest.approx(lowest[0], abs=0.02)


def test_a_character_gets_the_body_of_the_model(tmp_path: Path) -> None:
    folder = write_pack(tmp_path / "tall")
    document = json.loads((folder / "pack.json").read_text("utf-8"))
    document["skeleton"]["rest_offsets"] = tall().tolist()
    (folder / "pack.json").write_text(json.dumps(document), "utf-8")
    bpy.context.scene.genmo.pack = str(folder)
    assert bone_length(add(), "l_hip", "l_knee") == pytest.approx(np.linalg.norm(tall()[INDEX["l_knee"]]), abs=1e-5)
    own = add(body="GENMO")
    assert bone_length(own, "l_hip", "l_knee") == pytest.approx(
        np.linalg.norm(skeleton.REST_OFFSETS[INDEX["l_knee"]]), abs=1e-5
    )


def test_what_is_no_body_or_not_there_gives_our_own(tmp_path: Path) -> None:
    rig = add()
    give_take(rig, np.zeros((22, 3)))
    np.testing.assert_array_equal(bodies.rest_offsets(bpy.context.scene, rig, "AUTO"), skeleton.rest_offsets())
    bpy.context.scene.genmo.pack = str(tmp_path / "gone")
    np.testing.assert_array_equal(bodies.rest_offsets(bpy.context.scene, None, "MODEL"), skeleton.rest_offsets())


def test_the_button_copies_the_command(tmp_path: Path) -> None:
    current = preferences.current()
    current.gpu_runtime = str(tmp_path / "my gpu")
    assert bpy.ops.genmo.gpu_command() == {"FINISHED"}
    current.gpu_runtime = ""
    assert bpy.ops.genmo.gpu_command() == {"FINISHED"}
    assert Path(current.gpu_runtime).name == "genmo_gpu"
    command = gpu.command(Path(current.gpu_runtime))
    assert current.gpu_runtime in command
    assert "pip install" in command
    current.gpu_runtime = ""
