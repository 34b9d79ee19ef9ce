"""`blender -b scene.blend --command genmo ...`: the runtime's command line, and `generate` on an armature.

Exit codes: 0 done; 2 bad input, with one sentence on stderr and nothing written; 3 cancelled; 1 a fault of ours.
"""

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NoReturn

import bpy
from bpy.types import Object, Scene

from ..runtime import cli
from ..runtime.errors import CancelledError, UserError
from ..runtime.pack import open_pack
from ..runtime.request import MotionRequest, load_request
from ..runtime.validation import raise_errors
from . import armature, collect, command_modes, generation, packs, tracks
from .collect import Collected
from .core.timeline import Timeline
from .stubs import current_context

NAME: Final = "genmo"
FAULT: Final = 1
_LOOK_SECONDS: Final = 0.2


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see --command {NAME} generate --armature NAME --help)")


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    if not (arguments[:1] == ["generate"] and any(word.split("=")[0] == "--armature" for word in arguments)):
        return _guarded(lambda: cli.main(list(arguments)))
    return _guarded(lambda: _generate(_parser().parse_args(arguments[1:])))


def attach() -> None:
    """Make the command known to Blender."""
    global _handle
    _handle = bpy.utils.register_cli_command(NAME, run)


def detach() -> None:
    """Take the command back."""
    bpy.utils.unregister_cli_command(_handle)


_handle: Any = None


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog=f"blender -b SCENE.blend --command {NAME} generate", description="Animate an armature.")
    parser.add_argument("--armature", metavar="NAME", required=True, help="armature object of the opened file")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--request", metavar="FILE", type=Path, help="what to generate, as JSON")
    source.add_argument("--from-scene", action="store_true", help="what the armature's tracks ask for (the default)")
    parser.add_argument("--save", metavar="OUT.blend", type=Path, required=True)
    parser.add_argument("--pack", metavar="DIR", type=Path, help="model pack to use")
    parser.add_argument("--seed", metavar="N", type=int, help="instead of the scene's or the request's")
    command_modes.add_arguments(parser)
    return parser


def _guarded(work: Callable[[], int]) -> int:
    try:
        return work()
    except UserError as error:
        sys.stderr.write(f"{NAME}: {' '.join(str(error).split())}\n")
        return cli.BAD_INPUT
    except (CancelledError, KeyboardInterrupt):
        sys.stderr.write(f"{NAME}: cancelled, nothing was written\n")
        return cli.CANCELLED
    except SystemExit as error:  # --help
        return error.code if isinstance(error.code, int) else cli.DONE
    except Exception:  # the border of the program: Blender would exit with 0
        traceback.print_exc()
        return FAULT


def _generate(arguments: argparse.Namespace) -> int:
    output = _checked_output(arguments.save)
    scene = current_context().scene
    target = _armature(scene, arguments.armature)
    folder = arguments.pack or packs.folder_of(scene)
    collected = _collected(target, scene, arguments)
    raise_errors(collected.request, open_pack(folder).info)
    if not _wait(generation.begin_with(target, scene, collected, folder)):
        sys.stderr.write(f"{NAME}: {generation.message()}\n")
        return FAULT
    sys.stdout.write(generation.deliver(apply=True) + "\n")
    _save(output)
    sys.stdout.write(f"{output}\n")
    return cli.DONE


def _armature(scene: Scene, name: str) -> Object:
    target = scene.objects.get(name)
    if target is None or not armature.is_armature(target):
        there = ", ".join(f"'{item.name}'" for item in scene.objects if armature.is_armature(item))
        raise UserError(f"There is no armature '{name}' in the scene; there is {there or 'none at all'}")
    if not tracks.bone_map(target):
        mapping = tracks.map_bones(target)
        if mapping.problems:
            raise UserError(mapping.problems[0])
    return target


def _collected(target: Object, scene: Scene, arguments: argparse.Namespace) -> Collected:
    """What to generate, with the seed of the command line."""
    if arguments.request is None:
        found = command_modes.collected(target, scene, arguments)
    else:
        request = load_request(arguments.request)
        timeline = Timeline(collect.frame_rate(scene), scene.frame_start)
        found = Collected(request, timeline, _key_frames(request, timeline))
    if arguments.seed is None:
        return found
    sampling = replace(found.request.sampling, seed=arguments.seed)
    return replace(found, request=MotionRequest.from_json(replace(found.request, sampling=sampling).to_json()))


def _key_frames(request: MotionRequest, timeline: Timeline) -> tuple[int, ...]:
    """Scene frames nearest to the request's constraints."""
    frames = {key.frame for key in request.keyframes}
    frames |= {frame for pin in request.pins for frame in (pin.start, pin.stop - 1)}
    frames |= set(request.path.frames if request.path else ())
    return tuple(sorted({round(timeline.scene_frame(frame)) for frame in frames}))


def _wait(current: generation.Generation) -> bool:
    """Wait for the job; Ctrl-C cancels it. Returns whether it went well.

    Raises:
        CancelledError: the user has stopped it.
    """
    with cli.stop_on_interrupt() as should_stop:
        while not current.job.wait(_LOOK_SECONDS):
            if should_stop():
                generation.cancel()
                raise CancelledError("cancelled")
    generation.poll()
    return not generation.message()


def _checked_output(path: Path) -> Path:
    """The absolute path of the file to write.

    Raises:
        UserError: it is no .blend, or cannot be written.
    """
    output = path.absolute()
    if output.suffix.lower() != ".blend":
        raise UserError(f"{output}: the name must end in .blend")
    cli.check_writable([output])
    return output


def _save(output: Path) -> None:
    """Save the opened file as `output`, under a temporary name first."""
    handle, name = tempfile.mkstemp(prefix=".genmo-", suffix=".blend", dir=output.parent)
    os.close(handle)
    temporary = Path(name)
    temporary.unlink()  # or Blender would keep it as a backup
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(temporary), copy=True, check_existing=False)
        temporary.replace(output)
    except (OSError, RuntimeError) as error:
        raise UserError(f"{output}: cannot be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)
