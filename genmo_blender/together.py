"""Several people of one video as several characters in one space: what the camera saw of each fits the same camera."""

from collections.abc import Iterable
from typing import Any

import bpy
from bpy.types import Object

from ..runtime.errors import UserError
from . import armature, bodies, changes, character, footage, people, tracks, videos, workspace
from .collect import frame_rate
from .properties import of_object
from .stubs import Context


class Together:
    """Characters that get their motions one after another; the first one brings the camera.

    Objects are held by name: undo and deletion may happen meanwhile.
    """

    def __init__(self, context: Context, target: Object) -> None:
        """Give a character to everybody in the active video; see `characters_for`.

        Raises:
            UserError: nobody has looked at the video, or nobody else is in its range.
        """
        row = videos.active(target)
        others = [number for number in _seen(row, context.scene) if number != row.person]
        if not others:
            raise UserError("There is nobody else on these frames of the video")
        members = characters_for(context, target, len(others))
        for member, person in zip(members, others, strict=True):
            _copy(row, tracks.add(member, "videos"), person)
            videos.take_in(member, tracks.active(member, "videos"))  # the worker does this before the first motion
        self.names = [target.name, *(member.name for member in members)]
        self.scene, self.camera, self.at = context.scene.name, "", 0
        self._before = len(of_object(target).takes)

    @property
    def target(self) -> Object:
        """Whose turn it is.

        Raises:
            UserError: the character was deleted.
        """
        name = self.names[self.at]
        if name not in bpy.data.objects:
            raise UserError(f"'{name}' was deleted while its motion was made")
        return bpy.data.objects[name]

    def advance(self) -> bool:
        """Take in that the motion of `target` is there; whether there is another character to generate for.

        Raises:
            UserError: its take is not from a video, or a character is gone.
        """
        target, scene = self.target, bpy.data.scenes[self.scene]
        rows = of_object(target).takes
        if len(rows) <= self._before:  # cancelled
            return False
        take: Any = tracks.active(target, "takes")
        if self.at == 0:
            self.camera = footage.add_camera(target, scene, take).name
        else:
            footage.align(target, scene, take, bpy.data.objects[self.camera])
        self.at += 1
        if self.at == len(self.names):
            return False
        video: Any = tracks.active(self.target, "videos")
        video.camera_source, video.camera = "OBJECT", bpy.data.objects[self.camera]
        self._before = len(of_object(self.target).takes)
        changes.mark()
        return True


def _seen(row: Any, scene: Any) -> Iterable[int]:
    """Numbers of the people who are seen on a row's range."""
    found = people.of(row)
    if found is None:
        raise UserError("Press Find People first")
    first, last = row.source_start, row.source_start + (row.stop - row.start) / frame_rate(scene)
    return [number for number, each in enumerate(found.people) if each.start < last and each.stop > first]


def characters_for(context: Context, target: Object, count: int) -> list[Object]:
    """So many other characters: the other selected armatures with a bone map, then new ones like the first.

    The selection and the active object stay.
    """
    chosen = [each for each in context.selected_objects if armature.is_armature(each) and each != target]
    found = [each for each in chosen if tracks.bone_map(each)][:count]
    with workspace.preserved(context):
        offsets = bodies.rest_offsets(context.scene, target, "AUTO")
        found += [character.create(context, target.location, offsets) for _ in range(count - len(found))]
    return found


def _copy(source: Any, row: Any, person: int) -> None:
    """Give a new video the properties of another one, for another person."""
    for member in source.bl_rna.properties:
        if member.identifier != "rna_type" and not member.is_readonly:
            setattr(row, member.identifier, getattr(source, member.identifier))
    row.person = person
    videos.keep_own_edits(row)
