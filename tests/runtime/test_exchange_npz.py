"""AMASS and Kimodo: archives and constraints, there and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genmo.runtime import rotation
from genmo.runtime.cli import main
from genmo.runtime.errors import MotionError, UserError
from genmo.runtime.exchange.constraints import request_of_constraints, write_constraints
from genmo.runtime.exchange.files import FORMATS, load_any, save_any
from genmo.runtime.exchange.kimodo import PLACES
from genmo.runtime.motion import load_motion, save_motion
from genmo.runtime.request import Keyframe, MotionRequest, load_request
from genmo.runtime.request import Path as RootPath
from genmo.runtime.skeleton import INDEX, JOINT_COUNT, JOINT_NAMES
from genmo.tests.runtime.motions import random_motion
from genmo.tests.runtime.walking import walk


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_comes_back(tmp_path: Path, kind: str) -> None:
    motion = walk(40)
    path = tmp_path / f"motion{FORMATS[kind][0]}"
    save_any(motion, path, kind)
    found = load_any(path)
    assert (found.fps, found.frames) == (motion.fps, motion.frames)
    np.testing.assert_allclose(found.positions, motion.positions, atol=1e-4)
    assert np.degrees(rotation.angle(found.local_rotations, motion.local_rotations)).max() < 0.02
    if kind in ("genmo", "kimodo"):
        np.testing.assert_allclose(found.contacts[:, :4], motion.contacts[:, :4])


def test_amass_is_z_up_and_smpl_h(tmp_path: Path) -> None:
    save_any(walk(40), tmp_path / "a.npz", "amass")
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["poses"].shape == (40, 156) and arrays["betas"].shape == (16,)
        assert float(arrays["mocap_framerate"]) == 30.0
        assert np.ptp(arrays["trans"][:, 2]) < 0.05 and np.ptp(arrays["trans"][:, 1]) > 0.8  # ahead is -Y
        assert arrays["trans"][-1, 1] < arrays["trans"][0, 1]


def test_amass_of_smpl_x_and_other_rates(tmp_path: Path) -> None:
    save_any(walk(20), tmp_path / "a.npz", "amass")
    with np.load(tmp_path / "a.npz") as stored:
        arrays = dict(stored)
    poses = arrays.pop("poses")
    del arrays["mocap_framerate"]
    arrays |= {"root_orient": poses[:, :3], "pose_body": poses[:, 3:66], "mocap_frame_rate": np.array(120)}
    np.savez(tmp_path / "x.npz", **arrays)
    found = load_any(tmp_path / "x.npz")
    assert found.fps == 120.0
    np.testing.assert_allclose(found.positions, load_any(tmp_path / "a.npz").positions)


@pytest.mark.parametrize("joints", [30, 77])
def test_kimodo_of_the_soma_skeleton(tmp_path: Path, joints: int) -> None:
    motion, places = walk(20), list(PLACES[joints])
    assert len(set(places)) == JOINT_COUNT and max(places) < joints
    positions, matrices = np.zeros((20, joints, 3)), np.tile(np.eye(3), (20, joints, 1, 1))
    positions[:, places], matrices[:, places] = motion.positions, rotation.to_matrix(motion.world_rotations)
    np.savez(tmp_path / "k.npz", posed_joints=positions, global_rot_mats=matrices, foot_contacts=np.ones((20, 4)))
    found = load_any(tmp_path / "k.npz")
    np.testing.assert_allclose(found.positions, motion.positions, atol=1e-6)
    assert found.contacts[:, :4].all() and not found.contacts[:, 4:].any()


@pytest.mark.parametrize(
    "arrays",
    [
        {"trans": np.zeros((5, 3)), "poses": np.zeros((4, 156))},
        {"trans": np.zeros((5, 3)), "poses": np.zeros((5, 60))},
        {"trans": np.full((5, 3), np.nan), "poses": np.zeros((5, 156))},
        {"trans": np.array(["a"] * 5), "poses": np.zeros((5, 156))},
        {"posed_joints": np.zeros((5, 34, 3)), "global_rot_mats": np.zeros((5, 34, 3, 3))},
        {"posed_joints": np.full((5, 22, 3), np.inf), "global_rot_mats": np.zeros((5, 22, 3, 3))},
        {"something": np.zeros(3)},
    ],
)
def test_other_archives_are_refused(tmp_path: Path, arrays: dict) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(MotionError, match=r"a\.npz: "):
        load_any(tmp_path / "a.npz")


def test_names_that_do_not_fit(tmp_path: Path) -> None:
    for path, kind in (("a.bvh", "amass"), ("a.npz", "bvh"), ("a.fbx", ""), ("a.npz", "fbx")):
        with pytest.raises(UserError, match="must end in"):
            save_any(walk(5), tmp_path / path, kind)
    with pytest.raises(MotionError, match="no motion file"):
        load_any(tmp_path / "a.fbx")
    with pytest.raises(MotionError, match="cannot be read"):
        load_any(tmp_path / "missing.npz")


def asked(frames: int = 40) -> MotionRequest:
    pose = dict.fromkeys(JOINT_NAMES, (1.0, 0.0, 0.0, 0.0))
    keys = tuple(Keyframe(frame, JOINT_NAMES, (0.0, 0.9, 0.0), pose) for frame in (5, 20))
    path = RootPath((0, 10, 30), ((0.0, 0.0), (0.0, 1.0), (1.0, 2.0)), (0.0, 1.0, 3.0))
    return MotionRequest(frames, keyframes=keys, path=path)


def test_constraints_come_back(tmp_path: Path) -> None:
    motion = replace(random_motion(40), request=asked())
    write_constraints(motion, tmp_path / "c.json")
    found = request_of_constraints(tmp_path / "c.json")
    assert [key.frame for key in found.keyframes] == [5, 20] and found.frames == 31
    for key in found.keyframes:
        np.testing.assert_allclose(np.array(key.root_position), motion.root_positions[key.frame])
        local = np.array([key.rotations[name] for name in JOINT_NAMES])
        assert rotation.angle(local, motion.local_rotations[key.frame]).max() < 1e-6
    path = asked().path
    assert found.path is not None and path is not None
    assert (found.path.frames, found.path.points, found.path.dense) == (path.frames, path.points, False)
    np.testing.assert_allclose(found.path.headings or (), path.headings or ())
    write_constraints(random_motion(40), tmp_path / "ends.json")
    assert [key.frame for key in request_of_constraints(tmp_path / "ends.json").keyframes] == [0, 39]


def test_held_hands_and_feet_become_pins(tmp_path: Path) -> None:
    motion = random_motion(10)
    pose = {
        "frame_indices": [2, 7], "root_positions": motion.root_positions[[2, 7]].tolist(),
        "local_joints_rot": rotation.to_axis_angle(motion.local_rotations[[2, 7]]).tolist(),
    }  # fmt: skip
    rows = [{"type": "left-hand", **pose}, {"type": "end-effector", "joint_names": ["RightFoot"], **pose}]
    (tmp_path / "c.json").write_text(json.dumps(rows))
    pins = request_of_constraints(tmp_path / "c.json").pins
    assert [(pin.joint, pin.start, pin.stop) for pin in pins] == [
        ("l_wrist", 2, 3), ("l_wrist", 7, 8), ("r_ankle", 2, 3), ("r_ankle", 7, 8),
    ]  # fmt: skip
    for pin in pins:
        np.testing.assert_allclose(pin.position, motion.positions[pin.start, INDEX[pin.joint]], atol=1e-9)


def test_a_dense_path(tmp_path: Path) -> None:
    rows = [{"type": "root2d", "frame_indices": list(range(4)), "smooth_root_2d": [[0, 0], [0, 1], [0, 2], [0, 3]]}]
    (tmp_path / "c.json").write_text(json.dumps(rows))
    path = request_of_constraints(tmp_path / "c.json").path
    assert path is not None and path.dense and path.headings is None


@pytest.mark.parametrize(
    "rows",
    [
        {}, [], [5], [{"type": "magic"}], [{"type": "root2d", "frame_indices": [0], "smooth_root_2d": [[0, 0, 0]]}],
        [{"type": "root2d", "frame_indices": [1, 0], "smooth_root_2d": [[0, 0], [0, 0]]}],
        [{"type": "fullbody", "frame_indices": [0], "root_positions": [[0, 0, 0]], "local_joints_rot": [[[0, 0, 0]]]}],
        [{"type": "fullbody", "frame_indices": [0], "root_positions": "x", "local_joints_rot": [[[0] * 3] * 22]}],
        [{"type": "end-effector", "frame_indices": [0], "joint_names": ["Tail"]}],
    ],
)  # fmt: skip
def test_wrong_constraints_are_named(tmp_path: Path, rows: object) -> None:
    (tmp_path / "c.json").write_text(json.dumps(rows))
    with pytest.raises(UserError, match=r"c\.json: (constraints\[0\]|must be a list)"):
        request_of_constraints(tmp_path / "c.json")


def test_import_and_export_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    save_motion(replace(walk(30), request=asked(30)), tmp_path / "walk.npz")
    for arguments in (
        ["export", "walk.npz", "-o", "a.npz", "--format", "amass"], ["import", "a.npz", "-o", "b.npz"],
        ["export", "b.npz", "-o", "b.bvh"], ["import", "b.bvh", "-o", "c.npz"],
        ["export", "walk.npz", "-o", "c.json", "--format", "constraints"], ["import", "c.json", "-o", "request.json"],
    ):  # fmt: skip
        assert main([str(tmp_path / word) if "." in word else word for word in arguments]) == 0, capsys.readouterr().err
    np.testing.assert_allclose(load_motion(tmp_path / "c.npz").positions, walk(30).positions, atol=1e-4)
    assert len(load_request(tmp_path / "request.json").keyframes) == 2
    capsys.readouterr()
    for arguments in (
        ["export", "walk.npz", "-o", "a.bvh", "--format", "amass"], ["import", "c.json", "-o", "x.npz"],
        ["import", "walk.npz", "-o", "x.json"], ["import", "nothing.bvh", "-o", "x.npz"],
        ["import", "b.bvh", "-o", "x.npz", "--joints", "walk.npz"],
    ):  # fmt: skip
        assert main([str(tmp_path / word) if "." in word else word for word in arguments]) == 2
        assert capsys.readouterr().err.startswith("genmo: ")
