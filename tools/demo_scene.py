"""The demonstration: ten seconds from two prompts, two key poses and a waypoint, on a skinned character.

`python tools/demo_scene.py ZIP OUTPUT_FOLDER`, with a Python that has bpy. Installs the extension as a user would, uses
it by its operators alone, and leaves `demo.blend`, `contact_sheet.png` and `demo.mp4`.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np
from mathutils import Matrix, Vector

FPS: Final = 24
FRAMES: Final = 240
MIDDLE: Final = 120
WAYPOINT: Final = Vector((0.7, -3.9, 0.0))
END: Final = Vector((0.7, -4.3, 0.0))
PROMPTS: Final = (("a person walks forward", 1, 128), ("a person waves with the right hand", 128, FRAMES + 1))
SHEET_FRAMES: Final = tuple(round(value) for value in np.linspace(1, FRAMES, 10))
TILE: Final = (360, 360)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def install(zip_path: str) -> None:
    """Install and enable the extension with Blender's own extension manager."""
    bpy.ops.extensions.package_install_files(
        filepath=zip_path, repo="user_default", enable_on_install=True, overwrite=True
    )


def empty_scene() -> None:
    """A scene of ten seconds at 24 frames a second, with nothing in it."""
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    scene = bpy.context.scene
    scene.render.fps, scene.frame_start, scene.frame_end = FPS, 1, FRAMES
    scene.frame_set(1)


def turn(character: Any, bone: str, axis: str, degrees: float) -> None:
    """Turn a bone about an axis of the armature through its head."""
    pose_bone = character.pose.bones[bone]
    place = Matrix.Translation(pose_bone.matrix.translation)
    pose_bone.matrix = place @ Matrix.Rotation(math.radians(degrees), 4, axis) @ place.inverted() @ pose_bone.matrix
    bpy.context.view_layer.update()


def relax(character: Any) -> None:
    """Arms hanging down from the T-pose, elbows a little bent."""
    for pose_bone in character.pose.bones:
        pose_bone.matrix_basis = Matrix.Identity(4)
    bpy.context.view_layer.update()
    for side, sign in (("l", 1.0), ("r", -1.0)):
        turn(character, f"{side}_shoulder", "Y", sign * 74.0)
        turn(character, f"{side}_elbow", "X", -18.0)


def cheer(character: Any) -> None:
    """Both arms up, a small lean back, at the end of the way."""
    relax(character)
    for side, sign in (("l", 1.0), ("r", -1.0)):
        turn(character, f"{side}_shoulder", "Y", sign * -130.0)
    turn(character, "spine2", "X", 8.0)
    pelvis = character.pose.bones["pelvis"]
    pelvis.matrix = Matrix.Translation(END) @ pelvis.matrix
    bpy.context.view_layer.update()


def author(character: Any) -> dict[int, np.ndarray]:
    """Write the tracks; return the joints' places at the two key poses, to be compared with the result."""
    scene = bpy.context.scene
    for text, start, stop in PROMPTS:
        row = character.genmo.prompts.add()
        row.text, row.start, row.stop = text, start, stop
    poses = {}
    for frame, pose in ((1, relax), (FRAMES, cheer)):
        scene.frame_set(frame)
        pose(character)
        bpy.ops.genmo.key_pose_add()
        poses[frame] = bone_places(character)
    mark = bpy.data.objects.new("Waypoint", None)
    mark.location = WAYPOINT
    scene.collection.objects.link(mark)
    scene.frame_set(MIDDLE)
    bpy.ops.genmo.path_add()
    character.genmo.paths[-1].waypoints.clear()  # the one where the character stands now
    bpy.ops.genmo.waypoint_add(target=mark.name)
    return poses


def bone_places(character: Any) -> np.ndarray:
    """(B, 3) heads of all bones in the world."""
    evaluated = character.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([character.matrix_world @ bone.head for bone in evaluated.pose.bones])


def dress(character: Any) -> None:
    """Floor, the way that was walked, the waypoint and the end, a camera, workbench light."""
    scene = bpy.context.scene
    way = []
    for frame in range(1, FRAMES + 1, 4):
        scene.frame_set(frame)
        head = character.matrix_world @ character.pose.bones["pelvis"].head
        way.append((head.x, head.y, 0.01))
    curve = bpy.data.curves.new("Way", "CURVE")
    curve.dimensions, curve.bevel_depth = "3D", 0.015
    spline = curve.splines.new("POLY")
    spline.points.add(len(way) - 1)
    spline.points.foreach_set("co", [value for point in way for value in (*point, 1.0)])
    line = bpy.data.objects.new("Way", curve)
    scene.collection.objects.link(line)
    _paint(line, (0.95, 0.40, 0.08))
    bpy.ops.mesh.primitive_plane_add(size=60, location=(0, 0, -0.002))
    bpy.context.object.name = "Floor"
    _paint(bpy.context.object, (0.42, 0.46, 0.50))
    for name, place, color in (("Waypoint Mark", WAYPOINT, (0.1, 0.45, 0.9)), ("End Mark", END, (0.15, 0.65, 0.25))):
        bpy.ops.mesh.primitive_cylinder_add(radius=0.12, depth=0.01, location=place + Vector((0, 0, 0.005)))
        bpy.context.object.name = name
        _paint(bpy.context.object, color)
    _light_and_camera(scene)


def _paint(item: Any, color: tuple[float, float, float]) -> None:
    material = bpy.data.materials.new(item.name)
    material.diffuse_color = (*color, 1.0)
    item.data.materials.append(material)


def _light_and_camera(scene: Any) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location = (7.2, -6.4, 2.4)
    camera.rotation_euler = (Vector((0.35, -2.75, 0.85)) - camera.location).to_track_quat("-Z", "Y").to_euler()
    camera.data.lens, camera.data.sensor_fit = 40, "VERTICAL"
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine = "BLENDER_WORKBENCH"
    shading = scene.display.shading
    shading.light, shading.color_type, shading.show_shadows = "STUDIO", "MATERIAL", True
    shading.shadow_intensity = 0.35
    shading.background_type, shading.background_color = "VIEWPORT", (0.55, 0.60, 0.66)
    scene.display.render_aa = "FXAA"


def render_sheet(path: Path) -> None:
    """Ten frames side by side in one picture."""
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = TILE
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    width, height = TILE
    columns = len(SHEET_FRAMES) // 2
    sheet = np.ones((2 * height, columns * width, 4), np.float32)
    partial = path.with_name("tile.png")
    for index, frame in enumerate(SHEET_FRAMES):
        scene.frame_set(frame)
        scene.render.filepath = str(partial)
        bpy.ops.render.render(write_still=True)
        tile = bpy.data.images.load(str(partial))
        pixels = np.empty(width * height * 4, np.float32)
        tile.pixels.foreach_get(pixels)
        bpy.data.images.remove(tile)
        row, column = 1 - index // columns, index % columns
        rows, across = slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)
        sheet[rows, across] = pixels.reshape(height, width, 4)
    partial.unlink()
    picture = bpy.data.images.new("Contact Sheet", columns * width, 2 * height)
    picture.pixels.foreach_set(sheet.ravel())
    picture.filepath_raw, picture.file_format = str(path), "PNG"
    picture.save()
    bpy.data.images.remove(picture)


def render_video(path: Path) -> None:
    """All frames as H.264."""
    scene = bpy.context.scene
    settings = scene.render.image_settings
    scene.render.resolution_x, scene.render.resolution_y = 400, 300
    if hasattr(settings, "media_type"):  # Blender 5.0 and later
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    scene.render.filepath = str(path)
    bpy.ops.render.render(animation=True)


def report(character: Any, poses: dict[int, np.ndarray], seconds: float) -> None:
    """Print how long it took and how well it came out, on the rig that is shown."""
    say(f"Generated {FRAMES / FPS:.1f} s of motion in {seconds:.2f} s (worker start and model load included)")
    numbers = json.loads(character.genmo.takes[0].numbers)
    faults = numbers.pop("faults")
    say(f"  faults: {', '.join(fault['kind'] for fault in faults) or 'none'}")
    for name, value in numbers.items():
        say(f"  {name}: {value:.3f}")
    scene = bpy.context.scene
    worst = 0.0
    for frame, expected in poses.items():
        scene.frame_set(frame)
        worst = max(worst, float(np.linalg.norm(bone_places(character) - expected, axis=1).max()))
    scene.frame_set(MIDDLE)
    pelvis = character.matrix_world @ character.pose.bones["pelvis"].head
    missed = (pelvis - WAYPOINT).to_2d().length
    say(f"Key poses on the rig: worst bone {1000 * worst:.3f} mm; waypoint: {1000 * missed:.3f} mm")


def main(zip_path: str, output: Path) -> None:
    """Run the demonstration."""
    output.mkdir(parents=True, exist_ok=True)
    install(zip_path)
    empty_scene()
    bpy.ops.genmo.character_add()
    character = bpy.context.object
    poses = author(character)
    bpy.context.scene.genmo.quality = "STANDARD"
    begun = time.perf_counter()
    bpy.ops.genmo.generate(wait=True)
    report(character, poses, time.perf_counter() - begun)
    dress(character)
    bpy.context.scene.frame_set(1)
    bpy.ops.wm.save_as_mainfile(filepath=str(output / "demo.blend"))
    render_sheet(output / "contact_sheet.png")
    render_video(output / "demo.mp4")
    say(f"The demonstration is in {output}")


def leave(status: int) -> None:
    """End the process without bpy's static destructors, which crash or hang after an operator's error."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def fail(*details: Any) -> None:
    """Print the traceback and end with status 1; for `sys.excepthook`."""
    sys.__excepthook__(*details)
    leave(1)


if __name__ == "__main__":
    sys.excepthook = fail
    main(sys.argv[1], Path(sys.argv[2]))
    leave(0)
