"""Operators of the Video panel."""
# ruff: noqa: D415 - the docstrings of operators are tooltips, which Blender ends with a full stop itself
# pyright: reportInvalidTypeForm=false

from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Event, Object, Operator

from ..genmo_blender import checks, footage, generation, people, takes, videos
from ..genmo_blender.idnames import Op
from ..genmo_blender.stubs import Context, Result
from ..genmo_blender.together import Together
from ..runtime.errors import UserError
from .base import CharacterOperator, RemoveOperator, reported
from .generate import GenerateOperator
from .media import FileOperator


class GENMO_OT_video_add(FileOperator):
    """Follow a person in a video, from the playhead on"""

    bl_idname = Op.VIDEO_ADD
    bl_label = "Add Video"

    filter_glob: StringProperty(default=videos.VIDEO_FILES, options={"HIDDEN"})

    def run(self, context: Context, target: Object) -> str:
        """Add the video."""
        videos.add_file(target, context.scene, self.filepath)
        return ""


class GENMO_OT_video_from_clip(CharacterOperator):
    """Follow a person in a movie clip of this file; its solved camera is used if it has one"""

    bl_idname = Op.VIDEO_FROM_CLIP
    bl_label = "Video from Movie Clip"

    clip: StringProperty(name="Clip", description="Movie clip; empty for the one of the Movie Clip Editor")

    def run(self, context: Context, target: Object) -> str:
        """Add the clip."""
        clip = bpy.data.movieclips.get(self.clip) or getattr(context, "edit_movieclip", None)
        if clip is None:
            raise UserError("There is no such movie clip: open one in the Movie Clip Editor")
        videos.add_clip(target, context.scene, clip)
        return ""


class GENMO_OT_video_from_strip(CharacterOperator):
    """Follow a person in the active movie strip of the sequencer, where it lies"""

    bl_idname = Op.VIDEO_FROM_STRIP
    bl_label = "Video from Sequencer"

    def run(self, context: Context, target: Object) -> str:
        """Add the strip's file."""
        strip = videos.movie_strip(context.scene)
        if strip is None:
            raise UserError("Select a movie strip in the sequencer")
        videos.add_strip(target, context.scene, strip)
        return ""


class GENMO_OT_video_remove(RemoveOperator):
    """Remove the video; its file stays"""

    bl_idname = Op.VIDEO_REMOVE
    bl_label = "Remove Video"
    track = "videos"


class GENMO_OT_people_find(CharacterOperator):
    """Look for everybody in the video, to choose whom to follow. What was found is kept: it is looked for once"""

    bl_idname = Op.PEOPLE_FIND
    bl_label = "Find People"
    bl_options = {"REGISTER"}

    def run(self, context: Context, target: Object) -> str:
        """Begin to look; without a window, to the end."""
        row = videos.active(target)
        people.find(target, row)
        found = people.of(row)
        if people.message(row):
            raise UserError(people.message(row))
        return f"{len(found.people)} people found" if found else ""


class GENMO_OT_people_cancel(Operator):
    """Stop looking; what is done so far is kept"""

    bl_idname = Op.PEOPLE_CANCEL
    bl_label = "Stop Looking"

    def execute(self, context: Context) -> Result:
        """Stop."""
        return {"FINISHED"} if people.cancel() else {"CANCELLED"}


class GENMO_OT_person_choose(CharacterOperator):
    """Follow this person"""

    bl_idname = Op.PERSON_CHOOSE
    bl_label = "Choose Person"

    person: IntProperty(name="Person", description="Number of the person; 0 is the most prominent", min=0)

    def run(self, context: Context, target: Object) -> str:
        """Choose."""
        row = videos.active(target)
        row.person = self.person
        videos.take_in(target, row)
        return ""


class GENMO_OT_video_mask(CharacterOperator):
    """Leave keypoints out on a range of frames: they are wrong there, and the motion is made up between"""

    bl_idname = Op.VIDEO_MASK
    bl_label = "Mask Keypoints"

    start: IntProperty(name="Start", description="First frame that does not count")
    stop: IntProperty(name="End", description="Frame from which on they count again; without, the present frame")
    joints: StringProperty(name="Joints", description="Keypoints such as l_wrist, with commas; empty for all")

    def invoke(self, context: Context, event: Event) -> Any:
        """Offer the preview range, else the present frame."""
        scene = context.scene
        ranged = scene.use_preview_range
        self.start = scene.frame_preview_start if ranged else scene.frame_current
        self.stop = (scene.frame_preview_end if ranged else scene.frame_current) + 1
        return context.window_manager.invoke_props_dialog(self)

    def run(self, context: Context, target: Object) -> str:
        """Mask them and have the worker take it in."""
        row = videos.active(target)
        joints = tuple(name.strip() for name in self.joints.split(",") if name.strip())
        now = context.scene.frame_current
        span = (self.start, self.stop) if self.stop > self.start else (now, now + 1)
        videos.add_mask(row, context.scene, *span, joints)
        people.corrected(target, row)
        return ""


class GENMO_OT_video_masks_clear(CharacterOperator):
    """Let all keypoints of this person count again"""

    bl_idname = Op.VIDEO_MASKS_CLEAR
    bl_label = "Clear Masks"

    def run(self, context: Context, target: Object) -> str:
        """Forget the masks."""
        row = videos.active(target)
        videos.clear_masks(row)
        people.corrected(target, row)
        return ""


class GENMO_OT_footage_camera(CharacterOperator):
    """Add the camera that filmed the take, with the video behind: the character covers the person"""

    bl_idname = Op.FOOTAGE_CAMERA
    bl_label = "Add Camera with Footage"

    take: IntProperty(name="Take", description="Number of the take; -1 for the active one", default=-1, min=-1)
    fit_scene: BoolProperty(name="Fit Render Size", description="Render in the size of the video", default=True)

    def run(self, context: Context, target: Object) -> str:
        """Add it."""
        row = takes.find(target, self.take)
        camera = footage.add_camera(target, context.scene, row, fit_scene=self.fit_scene)
        return f"'{camera.name}' sees '{target.name}' as the video does"


class GENMO_OT_people_to_characters(GenerateOperator):
    """Make the motion of everybody in the video, each on a character of their own, all seen by one camera"""

    bl_idname = Op.PEOPLE_TO_CHARACTERS
    bl_label = "Everybody to Characters"

    _together: Together | None = None

    def run(self, context: Context, target: Object) -> str:
        """Begin with the active character; where the caller waits or there are no timers, see all of them through."""
        self._together = Together(context, target)
        generation.begin(target, context.scene)
        if not (self.wait or bpy.app.background or context.window is None):
            return ""
        while generation.running() is not None:
            generation.wait()
            generation.deliver(apply=True)
            self._go_on(context)
        return self._said()

    def modal(self, context: Context, event: Event) -> Result:
        """As for one character, and then the next one."""
        result = super().modal(context, event)
        if result != {"FINISHED"}:
            return result
        result = reported(self, lambda: self._go_on(context))
        if generation.running() is None:
            bpy.ops.ed.undo_push(message=self.bl_label)
            return result
        self._start_timer(context)
        return {"PASS_THROUGH"}

    def _go_on(self, context: Context) -> str:
        """Put the motion that has just been made in its place, and begin the next one."""
        if self._together is None or not self._together.advance():
            return self._said()
        generation.begin(self._together.target, context.scene)
        checks.redraw()
        return ""

    def _said(self) -> str:
        count = self._together.at if self._together else 0
        return f"{count} characters share one space" if count > 1 else ""


CLASSES = (
    GENMO_OT_video_add,
    GENMO_OT_video_from_clip,
    GENMO_OT_video_from_strip,
    GENMO_OT_video_remove,
    GENMO_OT_people_find,
    GENMO_OT_people_cancel,
    GENMO_OT_person_choose,
    GENMO_OT_video_mask,
    GENMO_OT_video_masks_clear,
    GENMO_OT_footage_camera,
    GENMO_OT_people_to_characters,
)
