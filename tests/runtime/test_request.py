"""The JSON contract of a request: exact round trips, and one sentence for every wrong input."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genmo.runtime.errors import RequestError
from genmo.runtime.request import Camera, Keyframe, MotionRequest, Pin, Prompt, Sampling, load_request
from genmo.runtime.skeleton import JOINT_NAMES

UPRIGHT = [1.0, 0.0, 0.0, 0.0]
FULL: dict[str, Any] = {
    "version": 1,
    "fps": 30.0,
    "frames": 300,
    "prompts": [{"text": "a person walks forward", "start": 0, "stop": 150}],
    "keyframes": [
        {
            "frame": 0,
            "joints": "all",
            "root_position": [0.1, 0.9, 0.0],
            "rotations": dict.fromkeys(JOINT_NAMES, UPRIGHT),
        },
        {"frame": 9, "joints": ["l_wrist"], "root_position": None, "rotations": {"l_wrist": [0.0, 1.0, 0.0, 0.0]}},
    ],
    "pins": [{"joint": "l_wrist", "start": 40, "stop": 60, "position": [0.3, 1.0, 0.2], "rotation": None}],
    "path": {"frames": [0, 60], "points": [[0.0, 0.0], [1.0, 2.0]], "headings": [0.0, 0.5], "dense": False},
    "videos": [
        {
            "path": "clip.mp4",
            "start": 0,
            "stop": 2,
            "source_start": 0.5,
            "person": 1,
            "flip": True,
            "camera": {"focal_px": 1200.0, "static": False, "rotations": [UPRIGHT, UPRIGHT]},
        }
    ],
    "music": [{"path": "song.wav", "start": 0, "stop": 300, "source_start": 0.0}],
    "reference": [{"path": "walk.npz", "start": 0, "stop": 150, "source_start": 3, "strength": 0.6}],
    "sampling": {"seed": 7, "samples": 2, "steps": 10, "guidance": 2.5, "mode": "generate", "cleanup": False},
}


def changed(place: str, value: object) -> dict[str, Any]:
    """FULL with the member at a dotted place replaced (or added)."""
    document = copy.deepcopy(FULL)
    *above, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    target: Any = document
    for part in above:
        target = target[part]
    target[last] = value
    return document


def test_round_trip_is_exact() -> None:
    request = MotionRequest.from_json(FULL)
    assert request.to_json() == FULL
    assert MotionRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_a_level_camera_is_stated_and_any_other_is_not() -> None:
    """Requests from before the key was there read back as they were."""
    video = {"path": "clip.mp4", "start": 0, "stop": 5, "camera": {"level": True}}
    request = MotionRequest.from_json({"frames": 10, "videos": [video]})
    assert request.videos[0].camera == Camera(level=True)
    assert request.to_json()["videos"][0]["camera"]["level"] is True
    assert MotionRequest.from_json(request.to_json()) == request
    plain = MotionRequest.from_json({"frames": 10, "videos": [video | {"camera": {}}]})
    assert plain.videos[0].camera == Camera()
    assert "level" not in plain.to_json()["videos"][0]["camera"]


def test_everything_but_frames_has_a_default() -> None:
    assert MotionRequest.from_json({"frames": 10}) == MotionRequest(frames=10)
    assert MotionRequest.from_json({"frames": 10, "path": None, "sampling": {}}).sampling == Sampling()


def test_requests_built_from_numpy_become_plain_json() -> None:
    pin = Pin("l_foot", int(np.int64(3)), 5, tuple(np.array([1.0, 2.0, 3.0], dtype=np.float32)))
    document = MotionRequest(frames=10, pins=(pin,), prompts=(Prompt("a", 0, 5),)).to_json()
    assert json.loads(json.dumps(document))["pins"][0]["position"] == [1.0, 2.0, 3.0]


def test_all_joints_means_all_that_are_given() -> None:
    keyframe = {"frame": 3, "joints": "all", "rotations": {"r_knee": UPRIGHT, "pelvis": UPRIGHT}}
    read = MotionRequest.from_json({"frames": 10, "keyframes": [keyframe]}).keyframes[0]
    assert read.joints == ("pelvis", "r_knee")
    del keyframe["joints"]
    assert MotionRequest.from_json({"frames": 10, "keyframes": [keyframe]}).keyframes[0] == read


def test_keyframe_may_set_the_root_alone() -> None:
    request = MotionRequest.from_json({"frames": 10, "keyframes": [{"frame": 3, "root_position": [0, 1, 2]}]})
    assert request.keyframes == (Keyframe(3, (), (0.0, 1.0, 2.0), {}),)


WRONG = [
    ("prompts.0.txt", "x", "prompts[0]: unknown key 'txt' (did you mean 'text'?)"),
    ("prompts.0.stop", -5, "prompts[0]: stop -5 must be after start 0"),
    ("prompts.0.stop", 0, "prompts[0]: stop 0 must be after start 0"),
    ("prompts.0.start", "0", "prompts[0].start: must be a whole number, not '0'"),
    ("prompts.0.start", True, "prompts[0].start: must be a whole number, not true"),
    ("prompts.0.start", 1.5, "prompts[0].start: must be a whole number, not 1.5"),
    ("prompts.0.stop", 10**30, "prompts[0].stop: must be from -1000000 to 1000000, not a number with too many digits"),
    ("prompts.0.text", 5, "prompts[0].text: must be text, not 5"),
    ("prompts.0.text", None, "prompts[0].text: must be text, not null"),
    ("prompts.0.text", "a\ud800", "prompts[0].text: contains characters that are not text"),
    ("prompts.0", ["a", 0, 5], "prompts[0]: must be an object, not a list"),
    ("prompts", {"text": "a"}, "prompts: must be a list, not an object"),
    ("prompts", "walk", "prompts: must be a list, not 'walk'"),
    ("frames", 0, "frames: must be from 1 to 1000000, not 0"),
    ("frames", 10**9, "frames: must be from 1 to 1000000, not 1000000000"),
    ("frames", False, "frames: must be a whole number, not false"),
    ("fps", float("nan"), "fps: must be a finite number, not nan"),
    ("fps", 0, "fps: must be from 1 to 1000, not 0"),
    ("version", 2, "version: 2 is not known, this program reads version 1"),
    ("frame", 3, "request: unknown key 'frame' (did you mean 'frames'?)"),
    ("keyframes.1.joints", "some", "keyframes[1].joints: must be a list, not 'some'"),
    ("keyframes.1.joints.0", "l_hand", "keyframes[1].joints[0]: unknown joint 'l_hand', the joints are pelvis, "),
    ("keyframes.1.joints", ["l_wrist", "head"], "keyframes[1]: joint 'head' is listed but has no rotation"),
    ("keyframes.1.joints", [], "keyframes[1]: joint 'l_wrist' has a rotation but is not listed in 'joints'"),
    ("keyframes.1.joints", ["l_wrist", "l_wrist"], "keyframes[1].joints: lists a joint twice"),
    ("keyframes.1.rotations.l_wrist", [1, 0, 0], "keyframes[1].rotations.l_wrist: must have 4 members, not 3"),
    ("keyframes.1.rotations", {"wrist": UPRIGHT}, "keyframes[1].rotations: unknown joint 'wrist'"),
    ("keyframes.1", {"frame": 2}, "keyframes[1]: sets nothing, give 'rotations' or 'root_position'"),
    ("keyframes.0.root_position", [0, float("inf"), 0], "keyframes[0].root_position[1]: must be a finite number"),
    ("keyframes.0.root_position", [0, 10**400, 0], "keyframes[0].root_position[1]: must be a finite number"),
    ("keyframes.0.root_position", [0, 1e9, 0], "keyframes[0].root_position[1]: must be from -1e+06 to 1e+06"),
    ("pins.0.position", None, "pins[0].position: must be a list, not null"),
    ("pins.0.joint", "hand", "pins[0].joint: unknown joint 'hand'"),
    ("path.frames", [60, 0], "path.frames[1]: 0 must be after 60"),
    ("path.frames", [0, 0], "path.frames[1]: 0 must be after 0"),
    ("path.points", [[0, 0]], "path.points: has 1 members for 2 frames"),
    ("path.headings", [0.0], "path.headings: has 1 members for 2 frames"),
    ("path", {"frames": [], "points": []}, "path: has no frames"),
    ("path.dense", 1, "path.dense: must be true or false, not 1"),
    ("videos.0.path", " ", "videos[0].path: must name a file"),
    ("videos.0.camera.focal_px", -3, "videos[0].camera.focal_px: must be from 1 to 1e+06, not -3"),
    ("videos.0.camera.rotations.1", [1, 0, 0, "0"], "videos[0].camera.rotations[1][3]: must be a number, not '0'"),
    ("music.0.source_start", -1, "music[0].source_start: must be from 0 to 1e+06, not -1"),
    ("reference.0.strength", 1.5, "reference[0].strength: must be from 0 to 1, not 1.5"),
    ("sampling.mode", "magic", "sampling.mode: must be one of auto, generate, estimate, not 'magic'"),
    ("sampling.mode", ["auto"], "sampling.mode: must be one of"),
    ("sampling.samples", 0, "sampling.samples: must be from 1 to"),
    ("sampling.seed", -1, "sampling.seed: must be from 0 to"),
    ("sampling", None, "sampling: must be an object, not null"),
]


@pytest.mark.parametrize(("place", "value", "sentence"), WRONG)
def test_wrong_input_is_one_sentence_that_names_the_place(place: str, value: object, sentence: str) -> None:
    with pytest.raises(RequestError) as caught:
        MotionRequest.from_json(changed(place, value))
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["frames", "prompts.0.text", "keyframes.0.frame", "pins.0.joint", "path.points"])
def test_missing_key_is_named(place: str) -> None:
    document = changed(place, None)
    *above, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    target: Any = document
    for part in above:
        target = target[part]
    del target[last]
    with pytest.raises(RequestError, match=f"'{last}' is missing"):
        MotionRequest.from_json(document)


@pytest.mark.parametrize("document", [None, 3, "text", [], [FULL], {3: 4}])
def test_a_request_is_an_object(document: Any) -> None:
    with pytest.raises(RequestError):
        MotionRequest.from_json(document)


def test_load_request_finds_media_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text("\ufeff" + json.dumps(FULL), encoding="utf-8")
    request = load_request(file)
    assert request.videos[0].path == str(tmp_path / "clip.mp4")
    assert request.music[0].path == str(tmp_path / "song.wav")
    assert request.prompts == MotionRequest.from_json(FULL).prompts


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe\x00", b'{"frames": NaN}', b"[" * 100_000, b'{"frames": ' + b"9" * 10_000 + b"}"]
)
def test_load_request_refuses_what_is_not_a_request(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "request.json"
    file.write_bytes(data)
    with pytest.raises(RequestError):
        load_request(file)


def test_load_request_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"absent\.json: cannot be read"):
        load_request(tmp_path / "absent.json")
    with pytest.raises(RequestError, match="cannot be read"):
        load_request(tmp_path)
