"""Published checkpoints as packs: every dialect of names, body models, and files that are damaged on purpose."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from genmo.runtime import cli
from genmo.runtime.backends.onnx import create_session
from genmo.runtime.errors import UserError
from genmo.runtime.gem.layout import neutral_joints, offsets_of
from genmo.runtime.pack import open_pack
from genmo.runtime.skeleton import PARENTS, REST_OFFSETS
from genmo.tests.gem_weights import seeded_state
from genmo.tools.import_gem import Options, import_gem
from genmo.tools.make_tiny_gem_pack import LAYERS, WIDTH, upright_model
from genmo.tools.tiny_t5 import write_safetensors
from genmo.training.gem.checkpoint import load_model, published
from genmo.training.gem.conditions import GemModel

PLAIN = Options(calibrate=False, gravity="up")
DENOISER = "pipeline.denoiser3d.denoiser."


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return seeded_state(WIDTH, LAYERS)


def checkpoint(path: Path, state: dict, **more: object) -> Path:
    torch.save({"state_dict": state, "epoch": 1, **more}, path)
    return path


def equal(first: GemModel, second: GemModel) -> bool:
    other = second.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.state_dict().items())


class _Bomb:
    """What runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class _Foreign:
    """An object of somebody's own, as Lightning keeps hyper-parameters and callbacks."""


def test_all_dialects_of_names_give_the_same_network(tmp_path: Path, state: dict) -> None:
    plain = load_model(checkpoint(tmp_path / "plain.ckpt", state))
    copies = {f"{DENOISER}{n}": v for n, v in state.items() if n.startswith(("music_embedder", "learned_pos", "cond_"))}
    foreign = {"endecoder.mean": torch.zeros(3), "pipeline.endecoder.x": torch.zeros(1), "body_model.v": torch.ones(2),
               "pipeline.denoiser3d.endecoder.y": torch.ones(1), "feature_extractor.w": torch.ones(1)}  # fmt: skip
    only_inside = {k: v for k, v in state.items() if f"{DENOISER}{k}" not in copies} | copies
    dialects = {
        "prefixed": {f"model.{k}": v for k, v in state.items()},
        "copied": {**state, **copies, **foreign},
        "inside": only_inside,
        "ordered": OrderedDict(state),
        "without_tables": {k: v for k, v in state.items() if not k.endswith((".pe", "num_batches_tracked"))},
        "half": {k: v.half() if v.is_floating_point() else v for k, v in state.items()},
    }
    for name, tensors in dialects.items():
        loaded = load_model(checkpoint(tmp_path / f"{name}.ckpt", tensors, hyper_parameters={"a": [1, "b"]}))
        if name == "half":
            half = {k: v.half().float() for k, v in plain.state_dict().items() if v.is_floating_point()}
            assert all(torch.equal(loaded.state_dict()[k], v) for k, v in half.items())
        else:
            assert equal(plain, loaded), name
    torch.save(dict(state), tmp_path / "bare.pt")
    assert equal(plain, load_model(tmp_path / "bare.pt"))
    arrays = {k: v.numpy() for k, v in state.items() if v.is_floating_point()}
    write_safetensors(tmp_path / "state.safetensors", arrays)
    assert equal(plain, load_model(tmp_path / "state.safetensors"))


def test_other_objects_of_a_checkpoint_are_not_built(tmp_path: Path, state: dict) -> None:
    trace = tmp_path / "trace"
    path = checkpoint(
        tmp_path / "foreign.ckpt", state, callbacks=_Foreign(), bomb=_Bomb(f"touch {trace}"), more={"x": [_Foreign()]}
    )
    assert equal(load_model(checkpoint(tmp_path / "plain.ckpt", state)), load_model(path))
    assert not trace.exists()


def test_a_pack_of_a_checkpoint(tmp_path: Path, state: dict) -> None:
    licence = tmp_path / "NVIDIA.txt"
    licence.write_text("Terms of somebody", "utf-8")
    options = Options(calibrate=False, gravity="down", gpu="fp16", external=1, licence=licence)
    pack = import_gem(checkpoint(tmp_path / "c.ckpt", state), tmp_path / "new" / "pack", options)
    assert open_pack(pack.folder).info.gem.gravity == "down"
    assert pack.info.gem.neutral == "own"
    np.testing.assert_allclose(pack.info.rest_offsets, REST_OFFSETS, atol=1e-12)
    assert "Terms of somebody" in pack.path("licence").read_text("utf-8")
    assert set(pack.info.files) == {
        "denoiser", "denoiser_weights", "denoiser_gpu", "denoiser_gpu_weights", "conditions", "speech_encoder",
        "licence",
    }  # fmt: skip
    assert "prompts" not in pack.info.understands
    assert create_session(pack.path("denoiser"), "cpu").inputs["x"] == ("frames", 151)
    for name in ("denoiser", "denoiser_gpu", "conditions", "speech_encoder"):
        onnx.checker.check_model(str(pack.path(name)), full_check=True)
    assert (pack.path("denoiser_gpu_weights").stat().st_size) < 0.6 * pack.path("denoiser_weights").stat().st_size
    with pytest.raises(UserError, match="is there already"):
        import_gem(tmp_path / "c.ckpt", pack.folder, PLAIN)


def test_the_model_for_video_alone(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "video.ckpt", seeded_state(WIDTH, LAYERS, reads_text=False))
    with pytest.raises(UserError, match=r"has no text: .* more missing; .*--video-only"):
        import_gem(path, tmp_path / "pack", PLAIN)
    pack = import_gem(path, tmp_path / "pack", Options(calibrate=False, gravity="up", video_only=True))
    assert pack.info.understands == ("keyframes", "pins", "path", "videos")


def test_speech_in_onnx_is_that_of_torch(tmp_path: Path, state: dict) -> None:
    path = checkpoint(tmp_path / "c.ckpt", state)
    pack = import_gem(path, tmp_path / "pack", PLAIN)
    samples = np.random.default_rng(0).normal(size=(1, 1, 600 * 7)).astype(np.float32)
    ours = create_session(pack.path("speech_encoder"), "cpu").run({"samples": samples})["encoded"]
    with torch.no_grad():
        theirs = load_model(path).audio_encoder(torch.from_numpy(samples))[0].T.numpy()
    assert ours.shape == (7, 128)
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def _zip_without(data: bytes, member: str) -> bytes:
    """The same archive without one of its members."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            if not entry.filename.endswith(member):
                new.writestr(entry, old.read(entry))
    return out.getvalue()


def hostile(state: dict, folder: Path) -> dict[str, tuple[bytes, str]]:
    """Name -> contents and words of the sentence."""
    path = checkpoint(folder / "good.ckpt", state)
    good = path.read_bytes()
    big = f"{DENOISER}blocks.1.mlp.fc1.weight"
    trace = folder / "trace"

    def saved(document: object) -> bytes:
        stream = io.BytesIO()
        torch.save(document, stream)
        return stream.getvalue()

    def changed(**changes: object) -> bytes:
        return saved({"state_dict": {k: v for k, v in {**state, **changes}.items() if v is not None}})

    overlong = {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}
    nan = state[big].clone()
    nan[3, 3] = float("nan")
    return {
        "truncated.ckpt": (good[: len(good) // 2], "cut off or not a checkpoint"),
        "empty.ckpt": (b"", "is not a checkpoint"),
        "text.ckpt": (b"hello, this is no checkpoint", "is not a checkpoint"),
        "zip.ckpt": (_zip_without(good, "data.pkl"), "cut off or not a checkpoint"),
        "missing_data.ckpt": (_zip_without(good, "data/5"), "cut off or not a checkpoint"),
        "bomb.ckpt": (saved({"state_dict": _Bomb(f"touch {trace}")}), "holds no tensors"),
        "bare_bomb.ckpt": (pickle.dumps(_Bomb(f"touch {trace}")), "is not a checkpoint"),
        "bomb.pt": (saved(_Bomb(f"touch {trace}")), "holds no tensors"),
        "other.ckpt": (saved({"state_dict": {"layer.weight": torch.zeros(3)}}), "it has no pipeline.denoiser3d"),
        "list.ckpt": (saved([1, 2, 3]), "holds no tensors"),
        "shape.ckpt": (changed(**{big: state[big][:, :-1].clone()}), f"{big} has the shape"),
        "width.ckpt": (changed(**{f"{DENOISER}add_cond_linear.weight": torch.zeros(32, 99)}), "weight has the shape"),
        "missing.ckpt": (changed(**{big: None}), f"{big} missing"),
        "odd.ckpt": (changed(**{"pipeline.denoiser3d.denoiser.extra.weight": torch.zeros(2)}), "extra.weight"),
        "nan.ckpt": (changed(**{big: nan}), "not finite"),
        "integers.ckpt": (changed(**{big: torch.zeros_like(nan, dtype=torch.int64)}), "not numbers of a network"),
        "text_free.ckpt": (
            saved({"state_dict": {k: v for k, v in state.items() if "text" not in k}}), "has no text: "
        ),
        "cut.safetensors": (b"\xff\xff\xff\x7f\0\0\0\0{", "is not a safetensors file"),
        "overlong.safetensors": (
            b"\x60\0\0\0\0\0\0\0" + json.dumps({"x": overlong}).ljust(96).encode(), "is not a safetensors file",
        ),
    }  # fmt: skip


def test_damaged_and_foreign_files_are_refused_in_a_sentence(
    tmp_path: Path, state: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (data, words) in hostile(state, tmp_path).items():
        path = tmp_path / name
        path.write_bytes(data)
        before = {entry.name for entry in tmp_path.iterdir()}
        code = cli.main(["pack", "import-gem", str(path), "-o", str(tmp_path / "out"), "--gravity", "up"])
        error = capsys.readouterr().err
        assert code == cli.BAD_INPUT, name
        assert words in error, (name, error)
        assert error.count("\n") == 1, (name, error)
        assert {entry.name for entry in tmp_path.iterdir()} == before, f"{name} left something behind"
    assert not (tmp_path / "trace").exists(), "code of a file was run"


def test_another_normalisation_is_noticed(tmp_path: Path) -> None:
    """The same poses from a network that was trained with standard deviations far below 1."""
    model = upright_model()
    with torch.no_grad():
        model.denoiser.final_layer.fc2.weight.mul_(5.0)
        model.denoiser.final_layer.fc2.bias.normal_()
    path = checkpoint(tmp_path / "raw.ckpt", model.state_dict())
    with pytest.raises(UserError, match=r"no rotations .* --statistics"):
        import_gem(path, tmp_path / "pack")
    lying = upright_model(upright=0.0)
    with pytest.raises(UserError, match="--gravity up or down"):
        import_gem(checkpoint(tmp_path / "lying.ckpt", lying.state_dict()), tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


def write_body(path: Path, **changes: object) -> Path:
    """A body model of 40 vertices with the arrays of an SMPL-X file, and an object that must not be unpickled."""
    random = np.random.default_rng(0)
    weights = random.dirichlet(np.ones(40), size=55)
    arrays = {
        "v_template": random.normal(size=(40, 3)), "shapedirs": random.normal(size=(40, 3, 20)),
        "J_regressor": weights, "kintree_table": np.array([[*PARENTS, *range(33)], range(55)]),
        "part2num": np.array(_Bomb(f"touch {path.parent / 'trace'}"), dtype=object),
    } | changes  # fmt: skip
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


def test_skeleton_and_body_shape_come_from_the_users_model(tmp_path: Path, state: dict) -> None:
    body = write_body(tmp_path / "SMPLX_NEUTRAL.npz")
    path = checkpoint(tmp_path / "c.ckpt", state)
    pack = import_gem(path, tmp_path / "pack", Options(smplx=body, calibrate=False, gravity="up"))
    with np.load(body) as z:
        # What the smplx package does for zero poses: shape the surface, then take the joints of it.
        betas = np.linspace(-2, 2, 10)
        surface = z["v_template"] + z["shapedirs"][..., :10] @ betas
        joints = (z["J_regressor"] @ surface)[:22]
    gem = pack.info.gem
    assert gem.neutral == "smplx"
    np.testing.assert_allclose(np.array(gem.joints) + np.array(gem.shape) @ betas, joints, atol=1e-12)
    assert not (tmp_path / "trace").exists()
    for changes, words in (
        ({"J_regressor": None}, "J_regressor missing"),
        ({"shapedirs": np.zeros((40, 3, 4))}, "do not have the shapes"),
        ({"kintree_table": np.zeros((2, 55), int)}, "are not those of SMPL-X"),
    ):
        with pytest.raises(UserError, match=words):
            import_gem(path, tmp_path / "other", Options(smplx=write_body(tmp_path / "bad.npz", **changes)))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(_Bomb(f"touch {tmp_path / 'trace'}")))
    with pytest.raises(UserError, match="others hold code"):
        import_gem(path, tmp_path / "other", Options(smplx=tmp_path / "model.pkl", calibrate=False, gravity="up"))
    assert not (tmp_path / "trace").exists()


def test_without_one_the_skeleton_is_our_own() -> None:
    np.testing.assert_allclose(offsets_of(neutral_joints()), REST_OFFSETS, atol=1e-12)


def test_names_are_left_alone_where_nothing_is_to_be_done(state: dict) -> None:
    kept = published(state)
    assert set(kept) == {name for name in state if not name.endswith(".pe")}
