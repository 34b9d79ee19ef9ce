"""What does not make sense in a well-formed request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path as FilePath

import numpy as np
import pytest

from genmo.runtime.errors import RequestError
from genmo.runtime.request import (
    Camera,
    Keyframe,
    MotionRequest,
    Music,
    Path,
    Pin,
    Prompt,
    Quaternion,
    Reference,
    Sampling,
    Video,
)
from genmo.runtime.skeleton import JOINT_NAMES
from genmo.runtime.validation import Fix, Problem, ProblemKind, problems, raise_errors

UPRIGHT = (1.0, 0.0, 0.0, 0.0)
WALK = Prompt("a person walks", 0, 100)
ROOT = (0.0, 0.9, 0.0)


@dataclass(frozen=True)
class Facts:
    """What is asked of a pack."""

    fps: float = 30.0
    understands: tuple[str, ...] = ("prompts",)


def only(request: MotionRequest, pack: Facts | None = None) -> Problem:
    found = problems(request, pack)
    assert len(found) == 1, found
    return found[0]


def good_request() -> MotionRequest:
    return MotionRequest(
        frames=100,
        prompts=(WALK, Prompt("a person waves", 50, 100)),
        keyframes=(Keyframe(0, ("head",), ROOT, {"head": UPRIGHT}), Keyframe(0, ("neck",), None, {"neck": UPRIGHT})),
        pins=(Pin("l_wrist", 10, 20, (0.5, 1.4, 0.2)), Pin("r_foot", 10, 20, (0.1, 0.0, 0.2))),
        path=Path((0, 99), ((0.0, 0.0), (1.0, 3.0)), dense=True),
    )


def test_a_good_request_has_no_problems() -> None:
    assert problems(good_request()) == ()
    assert problems(good_request(), Facts()) == ()
    raise_errors(good_request(), Facts())


def test_nothing_asked_offers_a_prompt() -> None:
    problem = only(MotionRequest(100))
    assert (problem.kind, problem.fix, problem.where) == (ProblemKind.NOTHING_ASKED, Fix.ADD_PROMPT, None)
    assert problems(MotionRequest(100, keyframes=(Keyframe(0, (), ROOT),))) == ()


@pytest.mark.parametrize(
    ("prompt", "kind", "severity", "fix"),
    [
        (Prompt("  ", 0, 10), ProblemKind.EMPTY_PROMPT, "error", Fix.REMOVE),
        (Prompt("a", 10, 10), ProblemKind.EMPTY_RANGE, "error", Fix.REMOVE),
        (Prompt("a", 10, 5), ProblemKind.EMPTY_RANGE, "error", Fix.REMOVE),
        (Prompt("a", 100, 120), ProblemKind.OUTSIDE, "error", Fix.REMOVE),
        (Prompt("a", -20, 0), ProblemKind.OUTSIDE, "error", Fix.REMOVE),
        (Prompt("a", 90, 101), ProblemKind.OUTSIDE, "warning", Fix.CLIP),
        (Prompt("a", -1, 10), ProblemKind.OUTSIDE, "warning", Fix.CLIP),
    ],
)
def test_prompts(prompt: Prompt, kind: ProblemKind, severity: str, fix: Fix) -> None:
    problem = only(MotionRequest(100, prompts=(WALK, prompt)))
    assert (problem.kind, problem.severity, problem.fix) == (kind, severity, fix)
    assert problem.where == ("prompts", 1)
    assert str(problem).startswith("prompts[1]: ")


def test_frames_outside_are_named() -> None:
    request = MotionRequest(
        100,
        keyframes=(Keyframe(100, (), ROOT),),
        pins=(Pin("head", 200, 210, ROOT),),
        path=Path((-1, 5), ((0, 0), (0, 0))),
    )
    found = [problem for problem in problems(request) if problem.kind == ProblemKind.OUTSIDE]
    assert {problem.where for problem in found} == {("keyframes", 0), ("pins", 0), ("path", 0)}
    assert "3.33 s" in found[0].message


def test_limits() -> None:
    request = MotionRequest(20_001, prompts=(WALK,), sampling=Sampling(samples=17))
    assert {problem.kind for problem in problems(request)} == {ProblemKind.TOO_LONG, ProblemKind.TOO_MANY_SAMPLES}


def test_two_keys_for_one_joint_are_warned_about() -> None:
    first = Keyframe(5, ("head", "neck"), ROOT, {"head": UPRIGHT, "neck": UPRIGHT})
    problem = only(MotionRequest(10, keyframes=(first, Keyframe(5, ("head",), None, {"head": UPRIGHT}))))
    assert (problem.kind, problem.severity, problem.where) == (ProblemKind.SET_TWICE, "warning", ("keyframes", 1))
    assert "head" in problem.message
    assert only(MotionRequest(10, keyframes=(first, Keyframe(5, (), ROOT)))).kind == ProblemKind.SET_TWICE
    assert problems(MotionRequest(10, keyframes=(first, replace(first, frame=6)))) == ()


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (2, 0, 0, 0), (1, 0.1, 0, 0)])
def test_rotations_must_be_unit(quaternion: tuple[float, float, float, float]) -> None:
    for request in (
        MotionRequest(10, keyframes=(Keyframe(5, ("head",), None, {"head": quaternion}),)),
        MotionRequest(10, pins=(Pin("head", 0, 5, ROOT, quaternion),)),
    ):
        problem = only(request)
        assert (problem.kind, problem.severity, problem.fix) == (ProblemKind.NOT_UNIT, "error", Fix.NORMALIZE)


def test_unknown_joints_are_named() -> None:
    problem = only(MotionRequest(10, pins=(Pin("hand", 0, 5, ROOT),)))
    assert problem.kind == ProblemKind.UNKNOWN_JOINT
    assert "'hand'" in problem.message
    assert "l_wrist" in problem.message
    keyframe = Keyframe(0, ("tail",), None, {"tail": UPRIGHT})
    assert only(MotionRequest(10, keyframes=(keyframe,))).where == ("keyframes", 0)


def test_impossible_speed_says_how_long_it_needs() -> None:
    problem = only(MotionRequest(100, path=Path((0, 30), ((0, 0), (24, 0)))))
    assert (problem.kind, problem.severity, problem.where) == (ProblemKind.TOO_FAST, "warning", ("path", 1))
    assert problem.message == "24.0 m between 0.00 s and 1.00 s are 24 m/s, a person needs at least 2.0 s"
    assert problems(MotionRequest(100, path=Path((0, 60), ((0, 0), (24, 0))))) == ()
    keys = (Keyframe(40, (), (0, 1, 30)), Keyframe(10, (), (0, 1, 0)))
    assert only(MotionRequest(100, keyframes=keys)).where == ("keyframes", 0)


def test_path_and_key_pose_may_disagree_but_it_is_said() -> None:
    path = Path((10, 20), ((0, 0), (0, 0)))
    problem = only(MotionRequest(100, keyframes=(Keyframe(10, (), (0.5, 1, 0)),), path=path))
    assert (problem.kind, problem.severity) == (ProblemKind.CONFLICT, "warning")
    assert problem.message == "At 0.33 s the key pose and the path put the pelvis 0.50 m apart, the key pose is met"


@pytest.mark.parametrize("dense", [False, True])
def test_pin_out_of_reach_of_the_path(dense: bool) -> None:
    path = Path((0, 15, 90), ((0, 0), (0, 0), (0, 0)), dense=dense)
    problem = only(MotionRequest(100, path=path, pins=(Pin("l_wrist", 10, 20, (3, 1, 0)),)))
    assert (problem.kind, problem.severity, problem.where) == (ProblemKind.OUT_OF_REACH, "error", ("pins", 0))
    assert problems(MotionRequest(100, path=path, pins=(Pin("l_wrist", 10, 20, (0.6, 1, 0)),))) == ()


def test_a_dense_path_counts_between_its_points() -> None:
    path = Path((0, 90), ((0, 0), (9, 0)), dense=True)
    pin = Pin("l_wrist", 40, 50, (0, 1, 0))
    assert only(MotionRequest(100, path=path, pins=(pin,))).kind == ProblemKind.OUT_OF_REACH
    assert problems(MotionRequest(100, path=replace(path, dense=False), pins=(pin,))) == ()


def test_pin_too_far_for_the_time() -> None:
    request = MotionRequest(100, keyframes=(Keyframe(0, (), ROOT),), pins=(Pin("l_foot", 30, 40, (0, 0, 20)),))
    problem = only(request)
    assert (problem.kind, problem.where) == (ProblemKind.TOO_FAST, ("pins", 0))
    assert "between 0.00 s and 1.00 s" in problem.message


def test_pins_that_contradict_each_other() -> None:
    same = (Pin("head", 0, 10, ROOT), Pin("head", 9, 20, (0, 1.0, 0)))
    assert only(MotionRequest(100, pins=same)).kind == ProblemKind.CONFLICT
    assert problems(MotionRequest(100, pins=(same[0], replace(same[1], start=10)))) == ()
    apart = (Pin("l_wrist", 0, 10, (-2, 1, 0)), Pin("r_foot", 5, 20, (3, 0, 0)))
    problem = only(MotionRequest(100, pins=apart))
    assert (problem.kind, problem.severity) == (ProblemKind.OUT_OF_REACH, "error")


def test_packs_say_what_they_understand(tmp_path: FilePath) -> None:
    (tmp_path / "a").touch()
    file = str(tmp_path / "a")
    request = MotionRequest(
        10,
        prompts=(Prompt("a", 0, 10),),
        videos=(Video(file, 0, 10),),
        music=(Music(file, 0, 10),),
        reference=(Reference(file, 0, 10),),
    )
    assert problems(request) == ()
    found = problems(request, Facts())
    assert {problem.where for problem in found} == {("videos", 0), ("music", 0), ("reference", 0)}
    assert {problem.fix for problem in found} == {Fix.CHOOSE_PACK}
    assert only(replace(request, fps=24.0), Facts(understands=("prompts", "videos", "music", "reference"))).kind == (
        ProblemKind.WRONG_RATE
    )


def test_media(tmp_path: FilePath) -> None:
    (tmp_path / "a").touch()
    video = Video(str(tmp_path / "a"), 0, 10)
    assert only(MotionRequest(10, videos=(replace(video, path="absent.mp4"),))).kind == ProblemKind.MISSING_FILE
    assert only(MotionRequest(20, videos=(video, replace(video, start=9, stop=20)))).severity == "warning"
    assert problems(MotionRequest(20, videos=(video, replace(video, start=10, stop=20)))) == ()
    camera = Camera(1000.0, False, (UPRIGHT,) * 9)
    assert only(MotionRequest(10, videos=(replace(video, camera=camera),))).kind == ProblemKind.CAMERA_LENGTH
    needs = MotionRequest(10, prompts=(Prompt("a", 0, 10),), sampling=Sampling(mode="estimate"))
    assert only(needs).kind == ProblemKind.NEEDS_VIDEO


@pytest.mark.parametrize(
    "request_",
    [
        MotionRequest(100, prompts=(WALK,), fps=float("nan")),
        MotionRequest(100, keyframes=(Keyframe(0, (), (0.0, float("nan"), 0.0)),)),
        MotionRequest(100, keyframes=(Keyframe(0, ("head",), None, {}),)),
        MotionRequest(100, path=Path((5, 3), ((0, 0), (1, 1)))),
        MotionRequest(100, path=Path((0, 3), ((0, 0),))),
        MotionRequest(100, pins=(Pin("head", 0, 5, (0.0, 1.0)),)),  # type: ignore[arg-type]
        MotionRequest(100, prompts=(WALK,), sampling=Sampling(mode=object())),  # type: ignore[arg-type]
    ],
)
def test_requests_built_wrongly_in_python_are_a_problem_not_an_exception(request_: MotionRequest) -> None:
    found = problems(request_)
    assert ProblemKind.MALFORMED in {problem.kind for problem in found}
    with pytest.raises(RequestError):
        raise_errors(request_)


def test_errors_come_first_and_are_raised() -> None:
    request = MotionRequest(100, prompts=(Prompt("a", 90, 101), Prompt("", 0, 5)))
    assert [problem.severity for problem in problems(request)] == ["error", "warning"]
    with pytest.raises(RequestError, match=r"prompts\[1\]: The prompt has no words"):
        raise_errors(request)


def test_long_requests_have_no_problems_by_themselves() -> None:
    frames = 20_000
    path = Path(tuple(range(frames)), tuple((0.01 * frame, 0.0) for frame in range(frames)), dense=True)
    pins = tuple(Pin("l_foot", 20 * step, 20 * step + 10, (0.2 * step, 0.0, 0.0)) for step in range(300))
    rotations: dict[str, Quaternion] = dict.fromkeys(JOINT_NAMES, UPRIGHT)
    keyframes = tuple(Keyframe(frame, JOINT_NAMES, None, rotations) for frame in range(0, frames, 20))
    assert problems(MotionRequest(frames, keyframes=keyframes, pins=pins, path=path)) == ()


def test_moving_and_turning_everything_changes_no_verdict() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        points = random.normal(scale=4.0, size=(2, 2))
        hand = random.normal(scale=1.0, size=3)
        turn = np.linalg.qr(random.normal(size=(2, 2)))[0]
        shift = random.normal(scale=100.0, size=2)

        def kinds(move: bool, points: np.ndarray = points, hand: np.ndarray = hand, turn: np.ndarray = turn,
                  shift: np.ndarray = shift) -> list[ProblemKind]:  # fmt: skip
            ground = points @ turn + shift if move else points
            x, z = hand[[0, 2]] @ turn + shift if move else hand[[0, 2]]
            path = Path((0, 10), tuple((float(a), float(b)) for a, b in ground))
            pins = (Pin("l_wrist", 0, 1, (float(x), float(hand[1]), float(z))),)
            return [problem.kind for problem in problems(MotionRequest(20, path=path, pins=pins))]

        assert kinds(move=False) == kinds(move=True)
