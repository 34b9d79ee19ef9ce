"""What keeps a character from being animated, as sentences with fixes, computed outside of drawing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import bpy
from bpy.types import Object, Scene

from ..runtime.errors import UserError
from ..runtime.validation import Fix, Problem, problems
from . import armature, changes, collect, marks, packs, repairs, tracks
from .collect_media import heard
from .core import bonemap
from .properties import of_object, of_scene
from .stubs import current_context

MAP_BONES: Final = "map_bones"
REMOVE: Final = "remove"
ADD_PROMPT: Final = "add_prompt"
MUTE: Final = "mute"
MAKE_TIME: Final = "make_time"
TRIM: Final = "trim"
CHOOSE_PACK: Final = "choose_pack"
FIX_LABELS: Final = {
    MAP_BONES: "Map Bones",
    REMOVE: "Remove",
    ADD_PROMPT: "Add Prompt",
    MUTE: "Leave It Out",
    MAKE_TIME: "Make Time",
    TRIM: "Trim",
    CHOOSE_PACK: "Use Built-in Model",
}
"""Fixes that the panel offers, and the words on their buttons."""

TRACK_OF: Final = {
    "prompts": "prompts",
    "keyframes": "key_poses",
    "pins": "pins",
    "path": "paths",
    "videos": "videos",
    "music": "music",
    "reference": "references",
}
"""List of a request -> track that its members come from."""

_OVERLAP: Final = 0.5
"""Share of the shorter one of two prompts above which their overlap is worth a sentence."""
_DELAY: Final = 0.2
"""Seconds between an edit and its check, so that dragging stays smooth."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing to tell the user.

    Attributes:
        message: a sentence.
        severity: an "error" keeps Generate greyed out.
        fix: key of FIX_LABELS, "" when only the user can help.
        track: track of the row that is meant, "" for none.
        index: its number.
        frame: scene frame that it is about.
        count: scene frames that are missing before that.
    """

    message: str
    severity: Literal["error", "warning"] = "error"
    fix: str = ""
    track: str = ""
    index: int = 0
    frame: int = 0
    count: int = 0


_cache: dict[int, tuple[int, tuple[Issue, ...]]] = {}


def issues(target: Object, scene: Scene, *, exact: bool = True) -> tuple[Issue, ...]:
    """Everything that is wrong with a character and its request now, errors first; `exact` as in `collect`."""
    found = _rig_issues(target)
    if not any(issue.severity == "error" for issue in found):
        found += _request_issues(target, scene, exact=exact)
    return tuple(sorted(found, key=lambda issue: issue.severity != "error"))


def cached(target: Object, scene: Scene) -> tuple[Issue, ...]:
    """The latest known issues, at once; asks for a new check when something has changed since."""
    checked_at, found = _cache.get(target.session_uid, (-1, ()))
    if checked_at != changes.count() and not bpy.app.timers.is_registered(_refresh):
        _wanted.update(target=target.session_uid, scene=scene.session_uid)
        bpy.app.timers.register(_refresh, first_interval=_DELAY)
    return found


def forget() -> None:
    """Drop what is known: another file is open, or the extension goes."""
    _cache.clear()
    if bpy.app.timers.is_registered(_refresh):
        bpy.app.timers.unregister(_refresh)


_wanted: dict[str, int] = {}


def _refresh() -> None:
    """Timer: check the character that was drawn last and redraw the sidebars."""
    target = next((item for item in bpy.data.objects if item.session_uid == _wanted["target"]), None)
    scene = next((item for item in bpy.data.scenes if item.session_uid == _wanted["scene"]), None)
    if target is not None and scene is not None and armature.is_armature(target):
        marks.follow(target, scene)
        now = changes.count()
        _cache[target.session_uid] = (now, issues(target, scene, exact=False))
        redraw()


def redraw() -> None:
    """Draw the 3D views again, where the panels are."""
    manager = current_context().window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def rig_error(target: Object) -> str:
    """What is wrong with the rig alone, "" if it can be animated."""
    return next((issue.message for issue in _rig_issues(target) if issue.severity == "error"), "")


def _rig_issues(target: Object) -> list[Issue]:
    if not armature.is_armature(target):
        return [Issue("Select an armature")]
    if target.library is not None:
        return [Issue(f"'{target.name}' is linked from another file: make a library override (Object > Relations)")]
    mapping = tracks.bone_map(target)
    if not mapping:
        return [Issue("The bones are not mapped to the model's joints yet", fix=MAP_BONES)]
    found = [Issue(sentence, fix=MAP_BONES) for sentence in bonemap.check_bone_map(mapping, armature.rest_pose(target))]
    if not found:
        found += [Issue(sentence, "warning") for sentence in armature.conflicts(target, mapping)]
    return found


def _request_issues(target: Object, scene: Scene, *, exact: bool) -> list[Issue]:
    try:
        collected = collect.collect(target, scene, exact=exact)
    except UserError as error:
        return [Issue(str(error))]
    try:
        info = packs.info_of(scene)
    except UserError as error:
        return [Issue(str(error), fix=CHOOSE_PACK if of_scene(scene).pack else "")]
    found = [_issue(problem, collected) for problem in problems(collected.request, info, form=exact)]
    return _first_of_each(found) + _lost_keys(target) + _overlaps(target, scene)


def _first_of_each(found: Sequence[Issue]) -> list[Issue]:
    """Without repetitions: a row that becomes many members of the request is told of once."""
    seen: dict[tuple[str, str, int], Issue] = {}
    for issue in found:
        key = (issue.fix, issue.track, issue.index) if issue.track else (issue.message, "", 0)
        seen.setdefault(key, issue)
    return list(seen.values())


def _overlaps(target: Object, scene: Scene) -> list[Issue]:
    """Prompts most of which lie over each other: both act there, which is seldom meant."""
    rows = sorted(heard(of_object(target).prompts), key=lambda item: (item[1].start, item[0]))
    found: list[Issue] = []
    for (_, before), (index, after) in pairwise(rows):
        shared = min(before.stop, after.stop) - after.start
        if shared > _OVERLAP * max(1, min(before.stop - before.start, after.stop - after.start)):
            seconds = shared / collect.frame_rate(scene)
            message = f"Prompt {index + 1}: it lies over another prompt for {seconds:.2f} s, both act there"
            found.append(Issue(message, "warning", TRIM, "prompts", index))
    return found


def _lost_keys(target: Object) -> list[Issue]:
    """Key poses whose keys were deleted from the action."""
    sentence = "Key pose {}: its keys are gone from the action"
    lost = [index for index, frame in enumerate(marks.frames(target)) if frame is None]
    return [Issue(sentence.format(index + 1), "warning", REMOVE, "key_poses", index) for index in lost]


def _issue(problem: Problem, collected: collect.Collected) -> Issue:
    """A problem of the request in the words of the panels."""
    rows, timeline = collected.rows, collected.timeline
    name, member = problem.where or ("", 0)
    index = rows[name][member] if name in rows else member
    track = TRACK_OF.get(name, "")
    label = f"{track.replace('_', ' ').rstrip('s').capitalize()} {index + 1}: " if track else ""
    fixes = {Fix.ADD_PROMPT: ADD_PROMPT, Fix.CHOOSE_PACK: CHOOSE_PACK, Fix.RETIME: MAKE_TIME}
    fixes |= {Fix.REMOVE: REMOVE, Fix.MUTE: MUTE} if track else {}
    fix = fixes.get(Fix(problem.fix), "") if problem.fix else ""
    frame = 0 if problem.at is None else timeline.nearest_scene_frame(problem.at)
    count = math.ceil(problem.frames * timeline.scene_fps / timeline.model_fps)
    return Issue(label + problem.message, problem.severity, fix, track, index, frame, count)


def apply_fix(target: Object, scene: Scene, issue: Issue) -> None:
    """Do what a fix button says.

    Raises:
        UserError: it cannot be done.
    """
    match issue.fix:
        case "map_bones":
            tracks.map_bones(target)
        case "remove":
            tracks.remove(target, issue.track, issue.index)
        case "mute":
            repairs.mute(target, issue.track, issue.index, issue.frame)
        case "make_time":
            repairs.make_time(target, scene, issue.frame, issue.count)
        case "trim":
            repairs.trim(target, issue.track, issue.index)
        case "add_prompt":
            tracks.add_prompt(target, scene, "a person walks forward")
        case "choose_pack":
            of_scene(scene).pack = ""
