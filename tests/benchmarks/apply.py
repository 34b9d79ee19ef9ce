"""How long applying 3,000 frames to a rig of 60 bones takes, with a Python that has bpy.

`PYTHONPATH=tests/benchmarks python tests/benchmarks/apply.py` in one of the environments of `build.py test`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np

ROOT = Path(__file__).parents[2]
FRAMES = 3000
BONES = 60
ROUNDS = 3


class RepositoryFinder:
    """Import finder that knows one name: `genmo`, this folder, whatever it is called."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        """The spec of the repository's package, else None."""
        if name != "genmo":
            return None
        start, places = ROOT / "__init__.py", [str(ROOT)]
        return importlib.util.spec_from_file_location(name, start, submodule_search_locations=places)


def rig() -> Any:
    """The MakeHuman character with Mixamo names, with leaf bones added up to BONES."""
    bpy.ops.import_scene.gltf(filepath=str(ROOT / "tests" / "data" / "rigs" / "mh_mixamo.glb"))
    armature = next(item for item in bpy.data.objects if item.type == "ARMATURE")
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    while len(armature.data.edit_bones) < BONES:
        bone = armature.data.edit_bones.new("extra")
        bone.head, bone.tail = (0.0, 0.0, 1.0), (0.0, 0.0, 1.1)
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def motion() -> Any:
    """A swaying walk of FRAMES frames."""
    from genmo.runtime import rotation
    from genmo.runtime.motion import Motion

    phase = np.arange(FRAMES)[:, None, None] / 30.0 * 5.0
    amplitude = np.random.default_rng(0).normal(scale=0.2, size=(22, 3))
    local = rotation.from_axis_angle(amplitude * np.sin(phase + np.arange(22)[:, None]))
    root = np.stack([np.zeros(FRAMES), np.full(FRAMES, 0.87), np.arange(FRAMES) * 0.03], axis=1)
    contacts = np.zeros((FRAMES, 6))
    contacts[:, :2] = (np.arange(FRAMES) // 15 % 2)[:, None]
    contacts[:, 2:4] = 1.0 - contacts[:, :2]
    return Motion(30.0, root, local, contacts)


def main() -> None:
    """Print the seconds of each round."""
    sys.meta_path.append(RepositoryFinder)
    bpy.ops.preferences.addon_enable(module="genmo")
    from genmo.genmo_blender import armature, bake
    from genmo.genmo_blender.core import bonemap
    from genmo.genmo_blender.core.output import Output

    target = rig()
    bone_map = bonemap.guess_bone_map(armature.rest_pose(target)).map
    walk = motion()
    for name, output in (("a key on every frame", Output()), ("few keys", Output(keys="SPARSE"))):
        for _ in range(ROUNDS):
            begun, used = time.perf_counter(), time.process_time()
            bake.apply_motion(target, walk, bone_map, start=1, fps=30.0, name="benchmark", output=output)
            seconds, own = time.perf_counter() - begun, time.process_time() - used
            print(f"{FRAMES} frames on {len(target.data.bones)} bones, {name}: {seconds:.2f} s, processor {own:.2f} s")
    sys.stdout.flush()
    os._exit(0)  # bpy's static destructors may hang


if __name__ == "__main__":
    main()
