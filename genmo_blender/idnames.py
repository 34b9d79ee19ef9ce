"""Names of all operators, panels and lists, so that panels can name operators without importing them."""

from enum import StrEnum


class Op(StrEnum):
    """`bl_idname` of each operator."""

    CHARACTER_ADD = "genmo.character_add"
    MAP_BONES = "genmo.map_bones"
    PROMPT_ADD = "genmo.prompt_add"
    PROMPT_REMOVE = "genmo.prompt_remove"
    PROMPTS_FROM_MARKERS = "genmo.prompts_from_markers"
    KEY_POSE_ADD = "genmo.key_pose_add"
    KEY_POSE_UPDATE = "genmo.key_pose_update"
    KEY_POSE_JUMP = "genmo.key_pose_jump"
    KEY_POSE_REMOVE = "genmo.key_pose_remove"
    PIN_ADD = "genmo.pin_add"
    PIN_REMOVE = "genmo.pin_remove"
    PATH_ADD = "genmo.path_add"
    PATH_REMOVE = "genmo.path_remove"
    WAYPOINT_ADD = "genmo.waypoint_add"
    WAYPOINT_REMOVE = "genmo.waypoint_remove"
    GENERATE = "genmo.generate"
    CANCEL = "genmo.cancel"
    TAKES_KEEP = "genmo.takes_keep"
    APPLY_MOTION = "genmo.apply_motion"
    TAKE_PREVIEW = "genmo.take_preview"
    PREVIEW_CLEAR = "genmo.preview_clear"
    TAKE_REMOVE = "genmo.take_remove"
    FIX = "genmo.fix"
    PACK_CHECK = "genmo.pack_check"
    PACK_FOLDER_ADD = "genmo.pack_folder_add"
    PACK_FOLDER_REMOVE = "genmo.pack_folder_remove"


class Panel(StrEnum):
    """`bl_idname` of each panel."""

    CHARACTER = "GENMO_PT_character"
    BONES = "GENMO_PT_bones"
    PROMPTS = "GENMO_PT_prompts"
    KEY_POSES = "GENMO_PT_key_poses"
    PINS = "GENMO_PT_pins"
    PATHS = "GENMO_PT_paths"
    GENERATE = "GENMO_PT_generate"
    OPTIONS = "GENMO_PT_options"
    TAKES = "GENMO_PT_takes"


class UIList(StrEnum):
    """`bl_idname` of each list."""

    PROMPTS = "GENMO_UL_prompts"
    KEY_POSES = "GENMO_UL_key_poses"
    PINS = "GENMO_UL_pins"
    PATHS = "GENMO_UL_paths"
    WAYPOINTS = "GENMO_UL_waypoints"
    TAKES = "GENMO_UL_takes"


class Menu(StrEnum):
    """`bl_idname` of each menu."""

    KEY_POSE = "GENMO_MT_key_pose"


SIDEBAR: str = "GENMO"
"""Category of the panels in the 3D view's sidebar."""
