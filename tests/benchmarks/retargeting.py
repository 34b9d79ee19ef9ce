"""Applies three motions to every rig of the zoo and measures what is shown; with a Python that has bpy.

`python tests/benchmarks/retargeting.py [--rig NAME ...] [--folder RIGS] [--motion FILE.npz ...] [--write]` in one of
the environments of `build.py test`; `--write` writes docs/retargeting.md and docs/retargeting.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import bpy
import numpy as np

ROOT: Final = Path(__file__).parents[2]


class RepositoryFinder:
    """Import finder that knows one name: `genmo`, this folder, whatever it is called."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        """The spec of the repository's package, else None."""
        if name != "genmo":
            return None
        return importlib.util.spec_from_file_location(
            name, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
        )


sys.meta_path.append(RepositoryFinder)
bpy.ops.preferences.addon_enable(module="genmo")

from genmo.genmo_blender import armature, bake, soles  # noqa: E402
from genmo.genmo_blender.core import coordinates  # noqa: E402
from genmo.genmo_blender.core.bonemap import guess_bone_map  # noqa: E402
from genmo.genmo_blender.core.retarget import Options  # noqa: E402
from genmo.runtime import metrics, rotation  # noqa: E402
from genmo.runtime.cleanup import clean_up  # noqa: E402
from genmo.runtime.constraints import constraints_from  # noqa: E402
from genmo.runtime.errors import UserError  # noqa: E402
from genmo.runtime.motion import Motion, load_motion  # noqa: E402
from genmo.runtime.request import MotionRequest, Pin  # noqa: E402
from genmo.runtime.skeleton import CONTACT_JOINTS, FLOOR_OFFSET, INDEX, JOINT_NAMES  # noqa: E402
from genmo.tests.benchmarks.retargeting_report import write_report  # noqa: E402
from genmo.tests.blender import rig_zoo  # noqa: E402

MOTIONS: Final = tuple(ROOT / "tests" / "data" / "retargeting" / f"{name}.npz" for name in ("walk", "kick", "sit"))
FILES: Final = (ROOT / "tests" / "data" / "rigs",)
LIMBS: Final = tuple(
    (side + a, side + b)
    for side in ("l_", "r_")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
)
FEET: Final = ("l_ankle", "l_foot", "r_ankle", "r_foot")
FPS: Final = 30
PINNED: Final = slice(20, 40)
SKIN: Final = 0.25
"""Share of the ankle's height that belongs to the sole."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is seen of a rig over T frames, in model axes and in metres of the model's own size.

    Attributes:
        joints: joint -> (T, 3) head of its bone.
        feet: (T, 4, 3) left heel and ball, right heel and ball of the sole.
        lowest: (T,) height of the lowest point of the soles.
        metres: world metres per metre of the model's size.
    """

    joints: dict[str, np.ndarray]
    feet: np.ndarray
    lowest: np.ndarray
    metres: float


def skin(item: Any, depsgraph: Any) -> np.ndarray:
    """World positions (V, 3) of all vertices of a character's meshes, as shown."""
    found = [np.zeros((0, 3))]
    for mesh in sorted(soles.meshes_of(item), key=lambda each: each.name):
        data = mesh.evaluated_get(depsgraph).data
        raw = np.empty(len(data.vertices) * 3, dtype=np.float32)
        data.vertices.foreach_get("co", raw)
        found.append(coordinates.transform_points(np.array(mesh.matrix_world), raw.reshape(-1, 3)))
    return np.concatenate(found)


def patches(item: Any, bone_map: Any, model: np.ndarray) -> list[np.ndarray]:
    """Numbers of the vertices of left heel and ball, right heel and ball, and both soles, by position at rest."""
    item.data.pose_position = "REST"
    bpy.context.view_layer.update()
    points = coordinates.points_model_from_world(model, skin(item, bpy.context.evaluated_depsgraph_get()))
    rest = {joint: item.matrix_world @ item.data.bones[names[0]].head_local for joint, names in bone_map.items()}
    place = {joint: coordinates.points_model_from_world(model, np.array(point)) for joint, point in rest.items()}
    item.data.pose_position = "POSE"
    bpy.context.view_layer.update()
    found: list[np.ndarray] = []
    every = []
    for side in ("l_", "r_"):
        ankle = place[side + "ankle"]
        own = (points[:, 0] * ankle[0] > 0.0) & (points[:, 1] < points[:, 1].min(initial=9.0) + SKIN * ankle[1])
        along = np.array([0.0, 0.0, 1.0])
        if side + "foot" in place:
            along = rotation.normalize((place[side + "foot"] - ankle) * [1.0, 0.0, 1.0])
        ahead = (points - ankle) @ along
        if not own.any():
            return []
        rear, tip = ahead[own].min(), ahead[own].max()
        ball = (place[side + "foot"] - ankle) @ along if side + "foot" in place else tip - 0.24 * (tip - rear)
        found.append(np.flatnonzero(own & (ahead < rear + 0.24 * (tip - rear))))
        found.append(np.flatnonzero(own & (ahead > ball) & (ahead < ball + 0.24 * (tip - rear))))
        every.append(np.flatnonzero(own))
    return [*found, np.concatenate(every)] if all(len(each) for each in found) else []


def watch(item: Any, bone_map: Any, frames: int) -> Shown:
    """Play the action and look."""
    model = armature.world_from_model(item, bone_map)
    target = armature.target(item, bone_map, probe=False)
    places = patches(item, bone_map, model)
    joints = {joint: np.empty((frames, 3)) for joint in bone_map}
    feet, lowest = np.empty((frames, 4, 3)), np.zeros(frames)
    for frame in range(frames):
        bpy.context.scene.frame_set(frame + 1)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        bones = item.evaluated_get(depsgraph).pose.bones
        for joint, names in bone_map.items():
            joints[joint][frame] = item.matrix_world @ bones[target.shown[names[0]]].head
        if places:
            points = skin(item, depsgraph)
            feet[frame] = [points[place].mean(axis=0) for place in places[:4]]
            lowest[frame] = coordinates.points_model_from_world(model, points[places[4]])[:, 1].min()
    joints = {joint: coordinates.points_model_from_world(model, points) for joint, points in joints.items()}
    feet = coordinates.points_model_from_world(model, feet)
    if not places:
        feet = np.stack([joints.get(name, joints[name[:2] + "ankle"]) for name in FEET], axis=1)
        lowest = feet[:, (1, 3), 1].min(axis=1) - FLOOR_OFFSET
    return Shown(joints, feet, lowest, target.size * armature.metres(item))


def directions(shown: Shown, motion: Motion) -> float:
    """Mean angle in degrees between the limbs shown and the source's."""
    angles = []
    for upper, lower in LIMBS:
        if upper in shown.joints and lower in shown.joints:
            own = rotation.normalize(shown.joints[lower] - shown.joints[upper])
            wish = rotation.normalize(motion.positions[:, INDEX[lower]] - motion.positions[:, INDEX[upper]])
            angles.append(np.degrees(np.arccos(np.clip((own * wish).sum(axis=1), -1.0, 1.0))))
    return float(np.mean(angles))


def measure(item: Any, motions: list[Motion]) -> dict[str, float]:
    """All numbers of one rig: means over the motions, the largest for penetration, key poses and pins."""
    bone_map = guess_bone_map(armature.rest_pose(item)).map
    rows: list[dict[str, float]] = []
    for motion in motions:
        begun = time.perf_counter()
        bake.apply_motion(item, motion, bone_map, start=1, fps=motion.fps, name="measured")
        seconds = time.perf_counter() - begun
        shown = watch(item, bone_map, motion.frames)
        contacts = motion.contacts[:, :4] >= 0.5
        own = metrics.foot_skate(shown.feet * shown.metres, contacts, motion.fps)
        low = metrics.foot_skate(shown.feet + np.array([0.0, FLOOR_OFFSET, 0.0]), contacts, motion.fps)
        source = metrics.measure(motion)
        rows.append(
            {
                "direction_deg": directions(shown, motion),
                "skate_cm_s": 100.0 * own["foot_skate_from_pred_contacts"],
                "source_skate_cm_s": source["foot_skate_contact"],
                "skate_height_cm_s": 100.0 * low["foot_skate_from_height"],
                "source_skate_height_cm_s": source["foot_skate_height"],
                "penetration_mm": 1000.0 * max(0.0, -float(shown.lowest.min())) * shown.metres,
                "seconds": seconds,
            }
        )
    largest = ("penetration_mm",)
    found = {key: float((max if key in largest else np.mean)([row[key] for row in rows])) for key in rows[0]}
    found["skate_excess_cm_s"] = found["skate_cm_s"] - found["source_skate_cm_s"]
    return found | key_poses(item, bone_map) | pins(item, bone_map, motions[-1])


def pins(item: Any, bone_map: Any, motion: Motion) -> dict[str, float]:
    """Both hands and a foot are held for 20 frames near where they are; largest distance from the pins, mm."""
    joints = [joint for joint in ("l_wrist", "r_wrist", "l_ankle") if joint in bone_map]
    middle = (PINNED.start + PINNED.stop) // 2
    wishes = {joint: motion.positions[middle, INDEX[joint]] for joint in joints}
    for joint in joints:
        wishes[joint] = wishes[joint] + ([0.0, 0.25, 0.2] if joint.endswith("wrist") else [0.0, 0.0, 0.02])
    held = tuple(Pin(joint, PINNED.start, PINNED.stop, tuple(map(float, wishes[joint]))) for joint in joints)
    request = MotionRequest(frames=motion.frames, pins=held)
    met = replace(clean_up(motion, constraints_from(request)), request=request)
    bake.apply_motion(item, met, bone_map, start=1, fps=motion.fps, name="pinned")
    shown = watch(item, bone_map, motion.frames)
    far = [np.linalg.norm(shown.joints[joint][PINNED] - wishes[joint], axis=-1).max() for joint in joints]
    return {"pin_mm": 1000.0 * float(max(far, default=0.0)) * shown.metres}


def key_poses(item: Any, bone_map: Any) -> dict[str, float]:
    """Poses made by hand, read, and applied again as key poses of a motion: largest difference of any mapped bone."""
    names = [name for bones in bone_map.values() for name in bones]
    target = armature.target(item, bone_map)
    shown = [target.shown[name] for name in names]
    angles, distances = [0.0], [0.0]
    for seed in range(3):
        _pose_by_hand(item, bone_map, seed)
        before = _matrices(item, shown)
        pose = armature.read_pose(item, bone_map)
        contacts = np.ones((3, len(CONTACT_JOINTS)))
        still = Motion(30.0, np.tile(pose.root_position, (3, 1)), np.tile(pose.rotations, (3, 1, 1)), contacts)
        bake.apply_motion(item, still, bone_map, start=1, fps=30.0, name="back", key_frames=[1], options=Options())
        bpy.context.scene.frame_set(1)
        after = _matrices(item, shown)
        turns = [rotation.from_matrix(coordinates.nearest_rotations(each[:, :3, :3])) for each in (before, after)]
        angles.append(float(np.degrees(rotation.angle(*turns)).max()))
        distances.append(1000.0 * float(np.linalg.norm(before[:, :3, 3] - after[:, :3, 3], axis=-1).max()))
    return {"key_roundtrip_deg": max(angles), "key_roundtrip_mm": max(distances)}


def _pose_by_hand(item: Any, bone_map: Any, seed: int) -> None:
    """Turn bones at random. Those that share a joint bend alike: what else they do no joint can say."""
    generator = np.random.default_rng(seed)
    turns = rotation.from_axis_angle(generator.normal(0.0, 0.3, (1, len(JOINT_NAMES), 3)))
    roots = np.array([[0.0, 0.8, 0.0]]) + generator.normal(0.0, 0.1, (1, 3))
    random = Motion(30.0, roots, turns, np.zeros((1, len(CONTACT_JOINTS))))
    plain = Options(foot_lock=False, floor=False)
    bake.apply_motion(item, random, bone_map, start=1, fps=30.0, name="by hand", options=plain)
    bpy.context.scene.frame_set(1)
    item.animation_data.action = None
    for names in bone_map.values():
        if len(names) == 1:
            bone = item.pose.bones[names[0]]
            mode, bone.rotation_mode = bone.rotation_mode, "QUATERNION"
            turn = rotation.from_axis_angle(generator.normal(0.0, 0.3, 3))
            bone.rotation_quaternion = rotation.multiply(np.array(bone.rotation_quaternion), turn)
            bone.rotation_mode = mode
    item.update_tag()
    bpy.context.view_layer.update()


def _matrices(item: Any, names: list[str]) -> np.ndarray:
    bpy.context.view_layer.update()
    bones = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
    return np.array([np.array(item.matrix_world @ bones[name].matrix) for name in names])


def makers(folders: list[Path]) -> dict[str, Any]:
    """Name -> what builds the rig: the zoo, then the characters in files."""
    found: dict[str, Any] = {name: (lambda name=name: rig_zoo.build(name)) for name in rig_zoo.NAMES}
    for folder in (*FILES, *folders):
        for path in (path for path in sorted(folder.glob("*.glb")) if b'"skins"' in path.read_bytes()):
            found[path.stem] = lambda path=path: rig_zoo.load(path)
    return found


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig", nargs="*", help="only these rigs")
    parser.add_argument("--folder", nargs="*", default=[], type=Path, help="further folders with .glb files")
    parser.add_argument("--motion", nargs="*", default=list(MOTIONS), type=Path, help="other motions")
    parser.add_argument(
        "--write", action="store_true", help="write docs/retargeting.md and .json; with --rig only those rows"
    )
    options = parser.parse_args()
    motions = [load_motion(path) for path in options.motion]
    found: dict[str, dict[str, float]] = {}
    for name, make in makers(options.folder).items():
        if options.rig and name not in options.rig:
            continue
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
        bpy.context.scene.render.fps = FPS
        try:
            found[name] = measure(make(), motions)
        except (UserError, ValueError) as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
            continue
        print(name, json.dumps({key: round(value, 3) for key, value in found[name].items()}), flush=True)
    if options.write:
        write_report(found, ROOT / "docs", keep=options.rig is not None)
    sys.stdout.flush()
    os._exit(0)  # bpy's static destructors may hang


if __name__ == "__main__":
    main()
