"""What must not change a motion: rest pose, rolls, axes, units, and where and how large the armature object is."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from genmo.genmo_blender import armature, bake
from genmo.genmo_blender.core import coordinates
from genmo.genmo_blender.core.bonemap import guess_bone_map
from genmo.runtime.skeleton import INDEX
from genmo.tests.blender import rig_zoo, rigs
from genmo.tests.core.bodies import walking

FRAMES = (1, 17, 40)


def shown(item: rigs.Rig) -> dict[str, np.ndarray]:
    """Joint -> (n, 3) where its bone is on some frames, model space."""
    bone_map = guess_bone_map(armature.rest_pose(item)).map
    bake.apply_motion(item, walking(40), bone_map, start=1, fps=30.0, name="walk")
    model = armature.world_from_model(item, bone_map)
    found = {joint: np.empty((len(FRAMES), 3)) for joint in bone_map}
    for row, frame in enumerate(FRAMES):
        rigs.CONTEXT.scene.frame_set(frame)
        bones = item.evaluated_get(rigs.CONTEXT.evaluated_depsgraph_get()).pose.bones
        for joint, names in bone_map.items():
            head = np.array(item.matrix_world @ bones[names[0]].head)
            found[joint][row] = coordinates.points_model_from_world(model, head)
    return found


@pytest.mark.parametrize(
    "name", ["model", "a_pose", "n_pose", "rolled", "stubs", "turned", "y_forward", "x_forward", "tilted", "many_bones"]
)
def test_rigs_of_the_models_proportions_return_the_motion(name: str) -> None:
    wish = walking(40).positions
    for joint, places in shown(rig_zoo.build(name, mesh=False)).items():
        expected = wish[[frame - 1 for frame in FRAMES], INDEX[joint]]
        assert np.abs(places - expected).max() < 1e-3, joint


@pytest.mark.parametrize("name", ["child", "giant"])
def test_moving_turning_and_scaling_the_object_changes_nothing_in_its_own_space(name: str) -> None:
    before = shown(rig_zoo.build(name, mesh=False))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
    item = rig_zoo.build(name, mesh=False)
    # Uneven placing, but an even scale: feet slip no more than the source on large characters, so it is kept small.
    item.matrix_world = Matrix.Translation((3.0, -2.0, 1.0)) @ Matrix.Rotation(1.1, 4, "Z") @ Matrix.Scale(0.2, 4)
    rigs.CONTEXT.view_layer.update()
    for joint, places in shown(item).items():
        assert np.abs(places - before[joint]).max() < 1e-3, joint
