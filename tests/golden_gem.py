"""Check our port of the published model against vectors that the published code gave: `python tests/golden_gem.py DIR`.

Every .npz file in DIR whose name begins with one of KINDS is checked, at the width of its arrays, with the seeded
weights of `tests/gem_weights.py`: torch network, and checkpoint -> import -> ONNX -> runtime. One line a file; exit
status 1 when something is farther off than its tolerance.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from genmo.runtime import sampler
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.gem import camera, contact, inputs, layout, world
from genmo.runtime.gem.layout import LAYOUT, MOTION, Body
from genmo.runtime.gem.model import CAMERA_MEAN, CAMERA_STD, Conditions, Denoiser, fixed_inputs, noise
from genmo.runtime.pack import ModelPack, open_pack
from genmo.tests import golden_gem_functions
from genmo.tests.gem_weights import LAYERS, write_checkpoint
from genmo.tests.golden_gem_functions import Check, matrices
from genmo.tools.import_gem import Options, import_gem
from genmo.training.gem.checkpoint import load_model
from genmo.training.gem.conditions import GATED, GemModel, Inputs
from genmo.training.gem.network import Texts

NETWORK, ONNX, DECODE, WORLD, LIMBS, FLOAT32_WAY = 2e-5, 1e-4, 1e-4, 1e-4, 1e-3, 0.2
SAMPLER_TORCH_WIDTH = 256
"""The loop of wider networks runs on ONNX alone, which is half the time."""
SKELETON = Path(__file__).parent / "data" / "gem" / "functions.npz"
MASKS = ("has_2d_mask", "has_img_mask", "has_cam_mask", "has_music_mask", "has_audio_mask")

Arrays = dict[str, np.ndarray]


@dataclass
class Subject:
    """Our port at one width: the torch network, and the pack that was imported from the same checkpoint."""

    model: GemModel
    pack: ModelPack
    sessions: dict = field(default_factory=dict)

    def session(self, role: str):
        if role not in self.sessions:
            self.sessions[role] = create_session(self.pack.path(role), "cpu")
        return self.sessions[role]


@lru_cache(maxsize=1)
def subject(width: int, layers: int, folder: Path) -> Subject:
    """Make checkpoint and pack of this width."""
    checkpoint = write_checkpoint(folder / f"gem_{width}.ckpt", width, layers, reads_text=width != 512)
    options = Options(calibrate=False, gravity="up", video_only=width == 512)
    import_gem(checkpoint, folder / f"pack_{width}", options)
    return Subject(load_model(checkpoint, video_only=width == 512), open_pack(folder / f"pack_{width}"))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def texts_of(z: Arrays, prefix: str, frames: int) -> tuple[np.ndarray, tuple[tuple[int, int], ...]] | None:
    """Embeddings and frame ranges of a timeline of texts, if there is one; fractions are rounded half to even."""
    if f"{prefix}text_embed" not in z:
        return None
    edges = (np.round(z[f"{prefix}window_{end}"].reshape(-1) * np.float32(frames)) for end in ("start", "end"))
    return z[f"{prefix}text_embed"].reshape(-1, 50, 1024), tuple((int(a), int(b)) for a, b in zip(*edges, strict=True))


def windows(ranges: tuple[tuple[int, int], ...], frames: int) -> torch.Tensor:
    grid = torch.arange(frames)
    return torch.stack([((grid >= start) & (grid < stop)).float() for start, stop in ranges])


def three(clean: np.ndarray) -> dict[str, np.ndarray]:
    """Motion, camera head and contact logits of a clean vector, under their names in the files."""
    heads = {"pred_cam": LAYOUT["camera"], "static_conf_logits": LAYOUT["contacts"]}
    return {"pred_x": clean[..., : MOTION.width]} | {name: clean[..., at] for name, at in heads.items()}


def check_denoiser(z: Arrays, port: Subject, check: Check) -> None:
    frames = z["in.xt"].shape[1]
    timeline = texts_of(z, "in.mt.", frames)
    text = tensor(z["in.encoded_text"])
    told = Texts(tensor(timeline[0]), windows(timeline[1], frames)) if timeline else text
    seen: list[torch.Tensor] = []
    hook = port.model.denoiser.blocks[-1].register_forward_hook(lambda *parts: seen.append(parts[2]))
    clean = port.model.denoiser(
        tensor(z["in.xt"]), tensor(z["in.t"]), tensor(z["in.f_cond"]), told, tensor(z["in.length"])
    ).numpy()
    hook.remove()
    check("context", seen[0].numpy(), z["out.pred_context"], NETWORK * max(1.0, float(seen[0].abs().max())))
    session = port.session("denoiser")
    total = inputs.padded(frames) - frames
    for b, length in enumerate(z["in.length"].tolist()):
        text_of_b, ranges = timeline or (z["in.encoded_text"][b : b + 1], ((0, frames),))
        fixed = fixed_inputs(session, frames, ranges, length)
        padded = {"x": z["in.xt"][b], "condition": z["in.f_cond"][b]}
        run = {name: np.pad(value, ((0, total), (0, 0))) for name, value in padded.items()}
        run |= {"step": z["in.t"][b : b + 1], "text": text_of_b}
        ours = session.run({k: v for k, v in {**fixed, **run}.items() if k in session.inputs})["clean"][:length]
        for name, values in three(clean[b, :length]).items():
            check(f"torch {name}", values, z[f"out.{name}"][b, :length], NETWORK)
        for name, values in three(ours).items():
            check(f"ONNX {name}", values, z[f"out.{name}"][b, :length], ONNX)


def conditions_of(z: Arrays, port: Subject, check: Check) -> Conditions:
    """What the network is told of the raw data of a clip, checked against what the published code made of them."""
    frames = len(z["data.kp2d"])
    told = Conditions(frames)
    exists = np.stack([z[f"data.mask.{name}"] for name in MASKS], axis=1)
    focal, centre = z["data.K_fullimg"][:, 0, 0], z["data.K_fullimg"][:, :2, 2]
    told.obs[:] = camera.observed(z["data.kp2d"], z["data.bbx_xys"], exists[:, 0])
    told.box[:] = camera.box_condition(z["data.bbx_xys"], focal, centre)
    told.image[:], told.camera[:], told.exists[:] = z["data.f_imgseq"], z["data.cam_angvel"], exists
    if "data.music_embed" in z:
        told.music[:] = z["data.music_embed"].reshape(frames, -1)
    if "data.audio_array" in z:
        samples = z["data.audio_array"].reshape(1, 1, -1).astype(np.float32)
        told.speech[:] = port.session("speech_encoder").run({"samples": samples})["encoded"]
        ours = port.model.audio_encoder(tensor(samples)).transpose(1, 2).numpy()[0]
        reference = z["audio_encoder_out"].squeeze() if "audio_encoder_out" in z else ours
        reference = reference if reference.shape == ours.shape else reference.T
        check("torch speech", ours, reference, NETWORK * max(1.0, float(np.abs(ours).max())))
        check("ONNX speech", told.speech, reference, ONNX * max(1.0, float(np.abs(ours).max())))
    shown = (told.obs[..., 2] > 0.5) == (z["in.obs"][0][..., 2] > 0.5)
    check("visible", shown, np.ones_like(shown), 0.0)
    check("keypoints", told.obs[..., :2], np.where(told.obs[..., 2:] > 0.5, z["in.obs"][0][..., :2], 0.0), DECODE)
    check("box", told.box, z["in.f_cliffcam"][0], DECODE)
    turns = (told.camera - np.array(CAMERA_MEAN)) / np.array(CAMERA_STD)
    check("camera", turns, z["in.f_cam_angvel"][0], DECODE)
    filmed = exists[:-1, 2] & exists[1:, 2]  # at a cut nothing turned
    check(
        "camera steps", world.camera_velocity(z["data.R_w2c"])[:-1][filmed], z["data.cam_angvel"][:-1][filmed], DECODE
    )
    values = {"f_cliffcam": told.box, "f_imgseq": told.image, "f_cam_angvel": turns, "encoded_music": told.music}
    tensors = {name: tensor(value.astype(np.float32))[None] for name, value in values.items()}
    if "data.audio_array" in z:
        tensors["encoded_audio"] = tensor(z["data.audio_array"].reshape(1, -1).astype(np.float32))
    flags = {name: tensor(exists[:, index].astype(np.float32))[None] for index, name in enumerate(GATED)}
    arrays = told.arrays()
    conditions = port.session("conditions")
    embedded = conditions.run({name: arrays[name] for name in conditions.inputs})
    for ours, theirs, guided in (("told", "f_cond", True), ("untold", "f_uncond", False)):
        condition = port.model.condition(Inputs(tensor(arrays["obs"])[None], tensors, flags), told=guided)
        check(f"torch {theirs}", condition.numpy(), z[f"in.{theirs}"], NETWORK)
        check(f"ONNX {theirs}", embedded[ours], z[f"in.{theirs}"][0], ONNX)
    return told


def check_predict(z: Arrays, port: Subject, check: Check) -> None:
    """A whole prediction from raw data: conditions, regression or sampler, decoding, world, clean-up."""
    frames = len(z["data.kp2d"])
    told = conditions_of(z, port, check)
    texts, ranges = texts_of(z, "data.multi_text.", frames) or (z["in.encoded_text"], ((0, frames),))
    onnx = Denoiser(port.session("denoiser"), port.session("conditions"), told, texts, ranges)
    runs: list[tuple[str, sampler.Denoise, float]] = [("ONNX", onnx, ONNX)]
    if port.model.width <= SAMPLER_TORCH_WIDTH or "noise" not in z:
        runs.append(("torch", torch_denoiser(z, port.model, texts, ranges), NETWORK))
    for name, denoise, tolerance in runs:
        clean = sampled(z, denoise, lambda what, a, b, t=tolerance, n=name: check(f"{n} {what}", a, b, t), frames)
        for head, values in three(clean).items():
            check(f"{name} {head}", values, z[f"nopp.net.{head}"][0], tolerance)
        if name == "ONNX":
            check_motion(z, port, clean, check)


def torch_denoiser(z: Arrays, model: GemModel, texts: np.ndarray, ranges) -> sampler.Denoise:
    def denoise(noisy: np.ndarray, step: int, *, told: bool) -> np.ndarray:
        x = tensor(noisy[None, :, : MOTION.width].astype(np.float32))
        condition = tensor(z["in.f_cond" if told else "in.f_uncond"])
        read = Texts(tensor(texts if told else np.zeros_like(texts)), windows(ranges, x.shape[1]))
        return model.denoiser(x, torch.tensor([step]), condition, read)[0].numpy()

    return denoise


def sampled(z: Arrays, denoise: sampler.Denoise, check: Callable, frames: int) -> np.ndarray:
    """One forward pass, or 50 steps from the file's noise with the states that the file holds checked on the way."""
    if "noise" not in z:
        return sampler.regress(denoise, frames, LAYOUT.width)
    states: list[np.ndarray] = []
    estimates: list[np.ndarray] = []

    def watched(noisy: np.ndarray, step: int, *, told: bool) -> np.ndarray:
        if told:
            states.append(noisy)
        return denoise(noisy, step, told=told)

    def refine(estimate: np.ndarray) -> np.ndarray:
        estimates.append(estimate)
        return estimate

    clean = sampler.sample(
        watched, noise(frames, z["noise"][0]), steps=50, guidance=2.5, refine=refine, on_step=lambda _: None,
        should_stop=lambda: False, step_on=sampler.stepped_as_published,
    )  # fmt: skip
    for index in range(1, 50):
        if f"mid.x_after_step_index_{index}" in z:
            check("x", states[50 - index][:, : MOTION.width], z[f"mid.x_after_step_index_{index}"][0])
            check("x0", estimates[49 - index][:, : MOTION.width], z[f"mid.x0_at_step_index_{index}"][0])
    return clean


def check_motion(z: Arrays, port: Subject, clean: np.ndarray, check: Check) -> None:
    """Decoding and world of the reference's own network output, then of ours: the whole chain from the checkpoint."""
    heads = (z[f"nopp.net.{name}"][0] for name in ("pred_x", "pred_cam", "static_conf_logits"))
    check_decoded(z, port, np.concatenate(list(heads), axis=-1).astype(np.float64), lambda *parts: check(*parts))
    # Random weights make short 6D vectors, which pass errors of the network on many times larger.
    looser = 1.0 if port.model.width <= SAMPLER_TORCH_WIDTH else 10.0
    check_decoded(z, port, clean, lambda name, a, b, tolerance: check(f"ONNX {name}", a, b, looser * tolerance))
    check_clean_up(z, check)


def check_decoded(z: Arrays, port: Subject, clean: np.ndarray, check: Callable) -> None:
    stats = port.pack.info.stats
    decoded = layout.decode(clean * np.array(stats.std) + np.array(stats.mean))
    names = {"body_pose": decoded.body_pose, "global_orient": decoded.camera, "global_orient_gv": decoded.gravity}
    for name, turns in names.items():
        check(f"decode {name}", turns, matrices(z[f"nopp.decode.{name}"].reshape(*turns.shape[:-2], 3)), DECODE)
    check("decode betas", decoded.betas, z["nopp.decode.betas"][0], DECODE)
    check("decode velocity", decoded.velocity, z["nopp.decode.local_transl_vel"][0], DECODE)
    joints = skeleton_body().rest_joints(decoded.betas)
    check("decode offset", joints[:, 0], z["nopp.decode.offset"][0], DECODE)
    orient, way = world.rollout(decoded, z["data.cam_angvel"])
    check("world64 orient", orient, matrices(z["nopp.world64.global_orient"][0]), WORLD)
    check("world64 transl", way, z["nopp.world64.transl"][0], WORLD)
    check("float32 world", way, z["nopp.body_params_global.transl"], FLOAT32_WAY)
    filmed = z["data.mask.has_2d_mask"]  # elsewhere the box has no size (genmo.md section 0.11)
    focal, centre = z["data.K_fullimg"][:, 0, 0], z["data.K_fullimg"][:, :2, 2]
    place = camera.camera_translation(clean[:, LAYOUT["camera"]], z["data.bbx_xys"], focal, centre)
    there = z["nopp.body_params_incam.transl"]
    scale = max(1.0, float(np.abs(there[filmed]).max(initial=1.0)))
    check("in camera", place[filmed], there[filmed], DECODE * scale)


def check_clean_up(z: Arrays, check: Check) -> None:
    """Foot lock and limbs from the reference's own float32 way, whose noise would hide what is compared."""
    if "pp.body_params_global.body_pose" not in z:
        return
    orient = matrices(z["nopp.body_params_global.global_orient"])
    frames, theirs = len(orient), z["nopp.body_params_global.transl"].astype(np.float64)
    pose = matrices(z["nopp.body_params_global.body_pose"].reshape(frames, 21, 3))
    logits = z["nopp.net.static_conf_logits"][0].astype(np.float64)
    joints = skeleton_body().rest_joints(z["nopp.body_params_global.betas"])
    locked = contact.foot_lock(orient, pose, joints, theirs, logits)
    check("foot lock", locked, z["pp.body_params_global.transl"], DECODE * max(1.0, float(np.abs(theirs).max())))
    bent = contact.limbs_to_targets(orient, pose, joints, locked, logits)
    check("limbs", bent, matrices(z["pp.body_params_global.body_pose"].reshape(frames, 21, 3)), LIMBS)


@lru_cache(maxsize=1)
def skeleton_body() -> Body:
    """The made-up skeleton of the vectors."""
    with np.load(SKELETON) as z:
        return Body(z["skel.J_template"][:22].astype(np.float64), z["skel.J_shapedirs"][:22].astype(np.float64))


def check_wrapper(z: Arrays, port: Subject, check: Check) -> None:
    """The regression of a plain clip; the published exporter's own answers differ (genmo.md section 0.4)."""
    frames = z["obs"].shape[1]
    told = Conditions(frames)
    focal, centre = z["K_fullimg"][0, :, 0, 0], z["K_fullimg"][0, :, :2, 2]
    told.obs[:] = camera.observed(z["obs"][0], z["bbx_xys"][0], np.ones(frames, bool))
    told.box[:] = camera.box_condition(z["bbx_xys"][0], focal, centre)
    told.image[:] = z["f_imgseq"][0]
    # The exporter's input is normalised already, predict()'s is not: what is nearer to a rotation is raw.
    given = z["f_cam_angvel"][0]
    raw = np.abs(given[:, 0].mean() - 1.0) < 0.5
    told.camera[:] = given if raw else given * np.array(CAMERA_STD) + np.array(CAMERA_MEAN)
    told.exists[:, :3] = True
    denoise = Denoiser(port.session("denoiser"), port.session("conditions"), told,
                       np.zeros((1, 50, 1024), np.float32), ((0, frames),))  # fmt: skip
    clean = three(sampler.regress(denoise, frames, LAYOUT.width))
    for name in ("pred_x", "pred_cam"):
        check(f"ONNX {name}", clean[name], z[f"predict.{name}"][0], ONNX)


KINDS: dict[str, Callable[[Arrays, Subject, Check], None]] = {
    "denoiser_": check_denoiser,
    "regression_": check_predict,
    "ddim_": check_predict,
    "official_onnx_wrapper": check_wrapper,
    "functions": golden_gem_functions.check_functions,
}


def width_of(z: Arrays, others: int) -> int:
    for name in ("in.f_cond", "temb.out"):
        if name in z:
            return z[name].shape[-1]
    return others


@torch.no_grad()
def main(folder: Path) -> int:
    """Check all files of a folder and its sub-folders; returns the exit status."""
    files = sorted(path for path in folder.rglob("*.npz") if path.name.startswith(tuple(KINDS)))
    if not files:
        say(f"{folder}: no vectors whose names begin with {', '.join(KINDS)}")
        return 1
    widths: dict[Path, int] = {}
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for path in sorted(files, key=lambda file: (file.parent, file.name.startswith("official"), file.name)):
            z = dict(np.load(path))
            width = widths.setdefault(path.parent, width_of(z, 48)) if path.name.startswith("o") else width_of(z, 48)
            widths[path.parent] = width
            port = subject(width, LAYERS[width], Path(scratch))
            check = Check()
            kind = next(kind for kind in KINDS if path.name.startswith(kind))
            KINDS[kind](z, port, check)
            missed += bool(check.misses)
            say(f"{path.name}: {check.summary()}")
    say(f"{len(files) - missed} of {len(files)} files agree")
    return 1 if missed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
