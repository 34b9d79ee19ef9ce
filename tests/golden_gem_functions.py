"""The functions of the published model one by one, against the vectors in functions.npz; see tests/golden_gem.py."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from genmo.runtime import rotation, sampler
from genmo.runtime.gem import camera, contact, layout, world
from genmo.runtime.gem.layout import Body, Decoded

NETWORK, DECODE, WORLD, LIMBS, FLOAT32_WORLD = 2e-5, 1e-4, 1e-4, 1e-3, 2e-2


@dataclass
class Check:
    """Largest error of each comparison, and those beyond their tolerance."""

    errors: dict[str, tuple[float, float]] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    def __call__(self, name: str, ours, theirs, tolerance: float) -> None:
        ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        assert ours.shape == theirs.shape or ours.shape == theirs.shape[1:], (name, ours.shape, theirs.shape)
        error = float(np.abs(ours - theirs).max(initial=0.0))
        self.errors[name] = max(self.errors.get(name, (0.0, tolerance)), (error, tolerance))
        if not error <= tolerance:
            self.misses.append(f"{name} {error:.1e} > {tolerance:.0e}")

    def summary(self) -> str:
        if self.misses:
            return "MISSED " + ", ".join(self.misses)
        tight = {name: error for name, (error, tolerance) in self.errors.items() if tolerance <= LIMBS}
        worst = max(tight, key=lambda name: tight[name])
        return f"ok, {len(self.errors)} comparisons, worst {tight[worst]:.1e} ({worst})"


def matrices(axis_angles) -> np.ndarray:
    return rotation.to_matrix(rotation.from_axis_angle(axis_angles))


def check_functions(z: dict[str, np.ndarray], port, check: Check) -> None:
    _rotations(z, check)
    _decoding(z, check)
    _world(z, check)
    _camera(z, check)
    _schedules(z, port, check)


def _rotations(z: dict[str, np.ndarray], check: Check) -> None:
    turns = matrices(z["rot.aa"])
    check("matrix", turns, z["rot.R"], DECODE)
    ours = rotation.from_matrix(z["rot.R"])
    check("quaternion", np.abs(np.sum(ours * z["rot.quat"], axis=-1)), np.ones(len(ours)), DECODE)
    check("6D", rotation.sixd_from_matrix(z["rot.R"]), z["rot.d6"], DECODE)
    check("6D to matrix", rotation.matrix_from_sixd(z["rot.d6_in"]), z["rot.d6_to_R"], DECODE)
    check("axis angle", matrices(rotation.to_axis_angle(ours)), matrices(z["rot.aa_back"]), DECODE)


def _decoding(z: dict[str, np.ndarray], check: Check) -> None:
    decoded = layout.decode(z["dec.x"] * z["stats.std"] + z["stats.mean"])
    check("body pose", decoded.body_pose, matrices(z["dec.body_pose"].reshape(2, 40, 21, 3)), DECODE)
    for name, ours in (("global_orient", decoded.camera), ("global_orient_gv", decoded.gravity)):
        check(name, ours, matrices(z[f"dec.{name}"]), DECODE)
    check("betas", decoded.betas, z["dec.betas"], DECODE)
    check("velocity", decoded.velocity, z["dec.local_transl_vel"], DECODE)
    again = layout.decode(layout.encode(decoded))
    check("encode", again.body_pose, decoded.body_pose, DECODE)
    body = _body(z)
    check("offset", body.rest_joints(decoded.betas)[..., 0, :], z["dec.offset"], DECODE)
    pose, orient = matrices(z["fk.body_pose"].reshape(2, 40, 21, 3)), matrices(z["fk.global_orient"])
    joints = body.rest_joints(z["fk.betas"])
    check("kinematics", layout.kinematics(orient, pose, joints, z["fk.transl"])[0], z["fk.joints"], DECODE)


def _body(z: dict[str, np.ndarray]) -> Body:
    return Body(z["skel.J_template"][:22].astype(np.float64), z["skel.J_shapedirs"][:22].astype(np.float64))


def _world(z: dict[str, np.ndarray], check: Check) -> None:
    none = np.zeros((2, 40, 0))
    motion = Decoded(none, none, matrices(z["w.global_orient_c"]), matrices(z["w.global_orient_gv"]), z["w.local_vel"])
    orient, way = world.rollout(motion, z["w.cam_angvel"])
    check("world64 orient", orient, matrices(z["w64.out.global_orient"]), WORLD)
    check("world64 transl", way, z["w64.out.transl"], WORLD)
    check("float32 world", way, z["w.out.transl"], FLOAT32_WORLD)
    for clip in range(2):
        stream, frames = world.Stream.start(), []
        for t in range(40):
            parts = (motion.camera[clip, t], motion.gravity[clip, t], motion.velocity[clip, t])
            frames.append(stream.push(Decoded(none, none, *parts), z["w.cam_angvel"][clip, t]))
        # The reference's arc cosine in float32, see genmo.md section 0.7.
        check("stream orient", [f[0] for f in frames], matrices(z["stream.global_orient"][clip]), FLOAT32_WORLD)
        check("stream transl", [f[1] for f in frames], z["stream.transl"][clip], FLOAT32_WORLD)
    check("way", world.positions(matrices(z["fk.global_orient"]), z["roll.local_vel"]), z["roll.transl"], DECODE)
    there = layout.local_velocity(matrices(z["fk.global_orient"]), z["roll.transl"].astype(np.float64))
    check("velocity of the way", there[:, :-1], z["roll.local_vel"][:, :-1], DECODE)
    check("gravity view", world.gravity_view(z["gv.R_w2c"]), z["gv.R_c2gv"], DECODE)
    check("smoothing", world.gaussian(z["smooth.in"]), z["smooth.gauss"], DECODE)
    check("moving average", world.moving_average(z["smooth.in"]), z["smooth.ma5"], DECODE)
    pose, orient = matrices(z["fk.body_pose"][0].reshape(40, 21, 3)), matrices(z["fk.global_orient"][0])
    joints, logits = _body(z).rest_joints(z["fk.betas"][0]), z["pp.logits"][0].astype(np.float64)
    locked = contact.foot_lock(orient, pose, joints, z["fk.transl"][0].astype(np.float64), logits)
    check("foot lock", locked, z["pp.transl"][0], DECODE)
    bent = contact.limbs_to_targets(orient, pose, joints, locked, logits)
    check("limbs", bent, matrices(z["pp.body_pose"][0].reshape(40, 21, 3)), LIMBS)


def _camera(z: dict[str, np.ndarray], check: Check) -> None:
    focal, centre = z["cam.K"][..., 0, 0], z["cam.K"][..., :2, 2]
    check("keypoints", camera.normalised_keypoints(z["cam.kp2d"], z["cam.bbx"]), z["cam.kp_norm"], DECODE)
    check("box", camera.box_condition(z["cam.bbx"], focal, centre), z["cam.cliff"], DECODE)
    place = camera.camera_translation(z["cam.pred_cam"], z["cam.bbx"], focal, centre)
    check("in camera", place, z["cam.transl"], DECODE)
    back = camera.scale_and_shift(z["cam.transl"], z["cam.bbx"], focal, centre)
    check("scale and shift", back, z["cam.pred_cam_back"], DECODE)
    check("box of corners", camera.box_of(z["cam.xyxy"]), z["cam.xys_from_xyxy"], DECODE)


def _schedules(z: dict[str, np.ndarray], port, check: Check) -> None:
    shares, steps = sampler.alphas_bar(), sampler.timesteps(50)
    check("schedule", shares, z["diff.train1000.alphas_cumprod"], 1e-10)
    check("respaced schedule", np.sort(shares[steps])[::-1], z["diff.gen50.alphas_cumprod"], 1e-10)
    check(
        "steps", steps[::-1] if steps[0] > z["diff.gen50.timestep_map"][0] else steps, z["diff.gen50.timestep_map"], 0
    )
    check("means", np.array(port.pack.info.stats.mean[:151]), z["stats.mean"], 1e-6)
    check("deviations", np.array(port.pack.info.stats.std[:151]), z["stats.std"], 1e-6)
    if z["temb.out"].shape[-1] == port.model.width:
        ours = port.model.denoiser.embed_timestep(torch.from_numpy(z["temb.t"])).numpy()
        check("time", ours, z["temb.out"], NETWORK)
