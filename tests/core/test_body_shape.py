"""The mannequin on other proportions, and the command for the GPU runtime."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from genmo.genmo_blender.core import body_shape, gpu_command, mannequin
from genmo.runtime import skeleton
from genmo.runtime.skeleton import INDEX


def test_our_own_proportions_change_nothing() -> None:
    shape, joints = mannequin.build(), mannequin.rest_positions()
    np.testing.assert_allclose(body_shape.rest_positions(skeleton.rest_offsets()), joints, atol=1e-12)
    same = body_shape.fitted(shape.vertices, shape.weights, joints, joints)
    np.testing.assert_array_equal(same, shape.vertices)


def test_long_legs_stretch_the_legs_and_lift_the_rest() -> None:
    shape, old = mannequin.build(), mannequin.rest_positions()
    offsets = skeleton.rest_offsets()
    for name in ("l_knee", "r_knee", "l_ankle", "r_ankle"):
        offsets[INDEX[name]] *= 1.2
    new = body_shape.rest_positions(offsets)
    vertices = body_shape.fitted(shape.vertices, shape.weights, old, new)
    lift = new[INDEX["pelvis"], 1] - old[INDEX["pelvis"], 1]
    assert 0.1 < lift < 0.2
    head = shape.weights[:, INDEX["head"]] > 0.99
    np.testing.assert_allclose(
        vertices[head] - shape.vertices[head], np.broadcast_to([0.0, lift, 0.0], (head.sum(), 3))
    )
    foot = shape.weights[:, INDEX["l_foot"]] > 0.99
    moved = vertices[foot] - shape.vertices[foot]
    np.testing.assert_allclose(moved, np.broadcast_to(new[INDEX["l_foot"]] - old[INDEX["l_foot"]], moved.shape))
    assert abs(vertices[:, 1].min() - shape.vertices[:, 1].min()) < 0.01, "the soles stay on the floor"
    middle = 0.5 * (old[INDEX["l_hip"]] + old[INDEX["l_knee"]])
    thigh = (np.abs(shape.vertices[:, 1] - middle[1]) < 0.01) & (shape.vertices[:, 0] > 0.02)
    expected = 0.5 * (new[INDEX["l_hip"]] + new[INDEX["l_knee"]])
    assert abs((vertices[thigh, 1] - expected[1]).mean()) < 0.02, "halfway down the thigh stays halfway"


def test_what_is_no_body_is_told() -> None:
    offsets = skeleton.rest_offsets()
    assert body_shape.is_body(offsets)
    for joint, value in (("l_knee", 0.0), ("head", np.nan), ("r_elbow", 9.0)):
        bad = offsets.copy()
        bad[INDEX[joint]] = value
        assert not body_shape.is_body(bad)


def test_the_command_can_be_pasted() -> None:
    folder = Path("My Files") / "gpu"
    words = shlex.split(gpu_command.install_command("my programs/python", folder, "1.23.2"), posix=True)
    assert words == ["my programs/python", "-m", "pip", "install", "--upgrade", "--target", str(folder),
                     "onnxruntime-gpu[cuda,cudnn]==1.23.2"]  # fmt: skip
    assert gpu_command.install_command("python", folder, None).endswith("cudnn]'")
