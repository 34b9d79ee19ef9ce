"""What keeps a character from being animated, as sentences with fixes, computed outside of drawing."""

from dataclasses import dataclass
from typing import Final, Literal

import bpy
from bpy.types import Object, Scene

from ..runtime.errors import UserError
from ..runtime.validation import Fix, Problem, problems
from . import armature, changes, collect, packs, tracks
from .core import bonemap
from .properties import of_scene
from .stubs import current_context

MAP_BONES: Final = "map_bones"
REMOVE: Final = "remove"
ADD_PROMPT: Final = "add_prompt"
CHOOSE_PACK: Final = "choose_pack"
FIX_LABELS: Final = {
    MAP_BONES: "Map Bones",
    REMOVE: "Remove",
    ADD_PROMPT: "Add Prompt",
    CHOOSE_PACK: "Use Built-in Model",
}
"""Fixes that the panel offers, and the words on their buttons."""

TRACK_OF: Final = {"prompts": "prompts", "keyframes": "key_poses", "pins": "pins"}
"""List of a request -> track that has the same rows."""

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
    """

    message: str
    severity: Literal["error", "warning"] = "error"
    fix: str = ""
    track: str = ""
    index: int = 0


_cache: dict[int, tuple[int, tuple[Issue, ...]]] = {}


def issues(target: Object, scene: Scene) -> tuple[Issue, ...]:
    """Everything that is wrong with a character and its request now, errors first."""
    found = _rig_issues(target)
    if not any(issue.severity == "error" for issue in found):
        found += _request_issues(target, scene)
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
        now = changes.count()
        _cache[target.session_uid] = (now, issues(target, scene))
        redraw()


def redraw() -> None:
    """Draw the 3D views again, where the panels are."""
    manager = current_context().window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


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


def _request_issues(target: Object, scene: Scene) -> list[Issue]:
    try:
        request = collect.request_from(target, scene)
    except UserError as error:
        return [Issue(str(error))]
    try:
        info = packs.info_of(scene)
    except UserError as error:
        return [Issue(str(error), fix=CHOOSE_PACK if of_scene(scene).pack else "")]
    return [_issue(problem) for problem in problems(request, info)]


def _issue(problem: Problem) -> Issue:
    """A problem of the request in the words of the panels."""
    name, index = problem.where or ("", 0)
    track = TRACK_OF.get(name, "")
    label = f"{track.replace('_', ' ').rstrip('s').capitalize()} {index + 1}: " if track else ""
    fixes = {Fix.REMOVE: REMOVE if track else "", Fix.ADD_PROMPT: ADD_PROMPT, Fix.CHOOSE_PACK: CHOOSE_PACK}
    fix = fixes.get(Fix(problem.fix), "") if problem.fix else ""
    return Issue(label + problem.message, problem.severity, fix, track, index)


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
        case "add_prompt":
            tracks.add_prompt(target, scene, "a person walks forward")
        case "choose_pack":
            of_scene(scene).pack = ""
