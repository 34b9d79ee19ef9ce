"""Draws eight frames of a walk, a kick and a sit on every rig of the zoo: docs/images/retargeting.

`python tests/benchmarks/retargeting_sheets.py [--rig NAME ...] [--folder RIGS]` with a Python that has bpy. The
evaluated mesh is shaded by numpy (no graphics card is needed).
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
import retargeting

from genmo.genmo_blender import armature, bake, soles
from genmo.genmo_blender.core import coordinates
from genmo.genmo_blender.core.bonemap import guess_bone_map
from genmo.runtime import rotation
from genmo.runtime.motion import load_motion

SHOTS: Final = 8
TILE: Final = (150, 190)
BACKGROUND: Final = 0.93
LIGHT: Final = rotation.normalize(np.array([0.5, 0.9, 0.7]))
FLOOR: Final = 0.78


def triangles(item: Any, model: np.ndarray) -> np.ndarray:
    """(N, 3, 3) triangles of the evaluated meshes, model axes, metres of the model's size."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    found = [np.zeros((0, 3, 3))]
    for mesh in soles.meshes_of(item):
        data = mesh.evaluated_get(depsgraph).data
        data.calc_loop_triangles()
        points = np.empty(len(data.vertices) * 3, dtype=np.float32)
        corners = np.empty(len(data.loop_triangles) * 3, dtype=np.int32)
        data.vertices.foreach_get("co", points)
        data.loop_triangles.foreach_get("vertices", corners)
        world = coordinates.transform_points(np.array(mesh.matrix_world), points.reshape(-1, 3))
        found.append(coordinates.points_model_from_world(model, world)[corners.reshape(-1, 3)])
    return np.concatenate(found)


def shaded(faces: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """A picture (height, width) of triangles seen from the side and front: points on each triangle, nearest first."""
    width, height = TILE
    turn = rotation.about_y(np.radians(-50.0))
    seen = rotation.rotate(turn, faces - centre * np.array([1.0, 0.0, 1.0]))
    normals = rotation.normalize(np.cross(seen[:, 1] - seen[:, 0], seen[:, 2] - seen[:, 0]))
    shade = 0.30 + 0.55 * np.clip(normals @ LIGHT, 0.0, 1.0)
    scale = height / 2.25
    picture = np.full((height, width), BACKGROUND)
    horizon = round(height - 12 - 0.0 * scale)
    picture[horizon:] = FLOOR
    depth = np.full((height, width), -np.inf)
    size = np.linalg.norm(np.diff(seen[:, [0, 1, 2, 0]], axis=1), axis=-1).max(axis=1) * scale
    for steps in (1, 2, 4, 8, 16, 32):
        rows = np.flatnonzero((size <= steps) & (size > (steps / 2 if steps > 1 else -1.0)))
        n = steps + 1
        weights = np.array([(i, j, n - i - j) for i in range(n + 1) for j in range(n + 1 - i)]) / n
        points = np.einsum("wk,tki->twi", weights, seen[rows])
        x = np.clip((points[..., 0] * scale + width / 2).astype(int), 0, width - 1).ravel()
        y = np.clip((height - 12 - points[..., 1] * scale).astype(int), 0, height - 1).ravel()
        z, light = points[..., 2].ravel(), np.repeat(shade[rows], len(weights))
        order = np.argsort(z)
        x, y, z, light = x[order], y[order], z[order], light[order]
        nearer = z > depth[y, x]
        picture[y[nearer], x[nearer]] = light[nearer]
        np.maximum.at(depth, (y, x), z)
    return picture


def sheet(item: Any) -> np.ndarray:
    """Three rows of eight pictures."""
    bone_map = guess_bone_map(armature.rest_pose(item)).map
    rows = []
    for path in retargeting.MOTIONS:
        motion = load_motion(path)
        bake.apply_motion(item, motion, bone_map, start=1, fps=motion.fps, name="sheet")
        model = armature.world_from_model(item, bone_map)
        tiles = []
        for frame in np.linspace(0, motion.frames - 1, SHOTS).round().astype(int):
            bpy.context.scene.frame_set(int(frame) + 1)
            tiles.append(shaded(triangles(item, model), motion.root_positions[frame]))
        rows.append(np.concatenate(tiles, axis=1))
    return np.concatenate(rows, axis=0)


def save(picture: np.ndarray, path: Path) -> None:
    """Write a grey picture (height, width), 0..1, as PNG with 64 levels."""
    height, width = picture.shape
    levels = (np.rint(np.clip(picture, 0.0, 1.0) * 63.0) * 4.0).astype(np.uint8)
    lines = np.concatenate([np.zeros((height, 1), dtype=np.uint8), levels], axis=1)  # 0: no filter
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(lines, 9))]
    data = b"\x89PNG\r\n\x1a\n"
    for name, content in (*chunks, (b"IEND", b"")):
        data += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    path.write_bytes(data)


def main() -> None:
    """Draw the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rig", nargs="*", help="only these rigs")
    parser.add_argument("--folder", nargs="*", default=[], type=Path, help="further folders with .glb files")
    options = parser.parse_args()
    folder = retargeting.ROOT / "docs" / "images" / "retargeting"
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in retargeting.makers(options.folder).items():
        if not options.rig or name in options.rig:
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
            item = make()
            if any(soles.meshes_of(item)):  # a bare skeleton has nothing to show
                save(sheet(item), folder / f"{name}.png")
                print(name, flush=True)
    sys.stdout.flush()
    os._exit(0)  # bpy's static destructors may hang


if __name__ == "__main__":
    main()
