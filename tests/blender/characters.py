"""What the tests of the Blender side start from: a character, and a pack that answers at once."""

from __future__ import annotations

from pathlib import Path

import bpy

TINY = Path(__file__).parents[1] / "data" / "tiny_pack"


def new_character(*, fps: int = 30) -> bpy.types.Object:
    """A GENMO character, active, in a scene that uses the tiny pack; frame 1."""
    scene = bpy.context.scene
    scene.render.fps = fps
    scene.frame_set(1)
    assert bpy.ops.genmo.character_add() == {"FINISHED"}
    scene.genmo.pack = str(TINY)
    scene.genmo.quality = "CUSTOM"
    scene.genmo.steps = 2
    return bpy.context.object


def add_prompt(target: bpy.types.Object, text: str = "a person walks forward", start: int = 1, stop: int = 41) -> None:
    """A prompt over a range of scene frames."""
    prompt = target.genmo.prompts.add()
    prompt.text, prompt.start, prompt.stop = text, start, stop


def turn(target: bpy.types.Object, bone: str, quaternion: tuple[float, float, float, float]) -> None:
    """Pose a bone."""
    target.pose.bones[bone].rotation_quaternion = quaternion
    bpy.context.view_layer.update()
