"""The generation that is running now: begun by the Generate operator, polled by its timer, gone with the session.

Only names and session ids of data-blocks are held across time; undo, renaming and deletion may happen meanwhile.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import bpy
from bpy.app.handlers import persistent
from bpy.types import Object, Scene

from ..runtime.errors import UserError
from ..runtime.motion import Motion
from . import armature, checks, collect, packs, preferences, snapshot
from .collect import Collected
from .idnames import Op
from .job import Job, JobState, Worker, close_worker, shared_worker
from .properties import MAX_SEED, of_object, of_scene


@dataclass(slots=True)
class Generation:
    """One job and whom it is for.

    Attributes:
        job: the worker's side.
        collected: what was asked, and where it lies on the timeline.
        target: session id of the armature.
        scene: session id of the scene.
        name: name of the armature when it began, for messages.
    """

    job: Job
    collected: Collected
    target: int
    scene: int
    name: str


@dataclass(slots=True)
class _State:
    running: Generation | None = None
    finished: list[Motion] = field(default_factory=list)
    finished_for: Generation | None = None
    message: str = ""
    gpu_worker: Worker | None = None
    gpu_runtime: Path | None = None


_state = _State()


def running() -> Generation | None:
    """The generation in progress, None when there is none."""
    return _state.running


def message() -> str:
    """The sentence that the last generation ended with, "" when it went well."""
    return _state.message


def begin(target: Object, scene: Scene) -> Generation:
    """Start generating what a character's tracks ask for; returns at once.

    Raises:
        UserError: something is wrong with the rig, the tracks or the pack, or another job is running.
    """
    if _state.running is not None:
        raise UserError("A motion is being generated already: wait for it or cancel it")
    wrong = next((issue for issue in checks.issues(target, scene) if issue.severity == "error"), None)
    if wrong is not None:
        raise UserError(wrong.message)
    collected = replace(collect.collect(target, scene), tracks=snapshot.of(target))
    return begin_with(target, scene, collected, packs.folder_of(scene))


def begin_with(target: Object, scene: Scene, collected: Collected, folder: Path) -> Generation:
    """Start generating a request that has been checked; returns at once."""
    job = Job(collected.request, pack=folder, device=_device(scene), worker=worker())
    generation = Generation(job, collected, target.session_uid, scene.session_uid, target.name)
    _state.running, _state.message = generation, ""
    job.start()
    return generation


def poll() -> bool:
    """Take in news of the worker; returns whether a panel should be drawn again."""
    generation = _state.running
    if generation is None:
        return False
    changed = generation.job.poll()
    if generation.job.finished:
        _end(generation)
        return True
    return changed


def wait() -> None:
    """Block until the running generation has ended."""
    if _state.running is not None:
        _state.running.job.wait()
        _end(_state.running)


def cancel() -> None:
    """Stop the running generation; what it has made is dropped."""
    if _state.running is not None:
        _state.running.job.cancel()
        _end(_state.running)


def _end(generation: Generation) -> None:
    _state.running = None
    job = generation.job
    _state.message = job.error if job.state is JobState.FAILED else ""
    if job.state is JobState.DONE:
        _state.finished, _state.finished_for = list(job.motions), generation


def deliver(*, apply: bool = False) -> str:
    """Keep the finished motions as takes and apply the first one, each as one undo step.

    Args:
        apply: whether to apply it even if the scene's options say no.

    Returns:
        A sentence about what happened, for the status line.

    Raises:
        UserError: the job failed, the character is gone, or the take does not fit it.
    """
    if _state.message:
        raise UserError(_state.message)
    generation = _state.finished_for
    if generation is None:
        return "Cancelled"
    target, scene = _find(generation)
    count = len(_state.finished)
    names = {"object": target.name, "scene": scene.name}
    _call(Op.TAKES_KEEP, **names)
    if not (apply or of_scene(scene).apply_when_done):
        return f"{count} new take{'s' if count > 1 else ''} for '{target.name}'"
    takes = of_object(target).takes
    first = len(takes) - count
    _call(Op.APPLY_MOTION, take=first, **names)
    return f"'{takes[first].name}' applied to '{target.name}'"


def take_finished() -> tuple[Generation | None, list[Motion]]:
    """Hand over the finished motions, once."""
    finished = _state.finished_for, _state.finished
    _state.finished_for, _state.finished = None, []
    return finished


def next_seed(scene: Scene) -> None:
    """Move the scene's seed on, if it shall be another one each time."""
    options = of_scene(scene)
    if options.new_seed:
        options.seed = (options.seed + 1) % MAX_SEED


def _find(generation: Generation) -> tuple[Object, Scene]:
    target = next((item for item in bpy.data.objects if item.session_uid == generation.target), None)
    scene = next((item for item in bpy.data.scenes if item.session_uid == generation.scene), None)
    if target is None or scene is None or not armature.is_armature(target):
        take_finished()
        raise UserError(f"'{generation.name}' was deleted while its motion was made")
    return target, scene


def _call(operator: Op, **arguments: Any) -> None:
    """Run an operator as the user would, so that it leaves an undo step of its own (a plain call leaves none)."""
    function = getattr(cast("Any", bpy.ops).genmo, operator.removeprefix("genmo."))
    try:
        function("EXEC_DEFAULT", True, **arguments)
    except RuntimeError as error:  # what an operator's error report becomes
        raise UserError(str(error).removeprefix("Error: ").strip()) from error


def _device(scene: Scene) -> str:
    chosen = of_scene(scene).device.lower()
    return preferences.device() if chosen == "preferences" else chosen


def worker() -> Worker:
    """The worker process of this Blender, or the one with the GPU runtime of the preferences."""
    folder = preferences.gpu_runtime()
    if _state.gpu_runtime != folder:
        _close_workers()
        _state.gpu_runtime = folder
        _state.gpu_worker = Worker(extra_paths=(folder,)) if folder else None
    return _state.gpu_worker or shared_worker()


def _close_workers() -> None:
    """End the processes."""
    close_worker()
    if _state.gpu_worker is not None:
        _state.gpu_worker.close()
        _state.gpu_worker = None


@persistent
def on_load(*_arguments: Any) -> None:
    """Another file is about to be opened: its character is not the one the job is for."""
    cancel()
    take_finished()
    _state.message = ""
    checks.forget()


@persistent
def on_change(*_arguments: Any) -> None:
    """Something in the scene has changed."""
    checks.changes.mark()


@persistent
def on_update(*_arguments: Any) -> None:
    """Blender has evaluated something again."""
    checks.changes.mark_scene()


HANDLERS = (
    (bpy.app.handlers.load_pre, on_load),
    (bpy.app.handlers.undo_post, on_change),
    (bpy.app.handlers.redo_post, on_change),
    (bpy.app.handlers.load_post, on_change),
    (bpy.app.handlers.depsgraph_update_post, on_update),
)


def attach() -> None:
    """Watch the file and the scene."""
    for handlers, function in HANDLERS:
        handlers.append(function)


def detach() -> None:
    """Stop watching, cancel the job and end the worker."""
    for handlers, function in HANDLERS:
        handlers.remove(function)
    on_load()
    _close_workers()
    _state.gpu_runtime = None
