"""Switching the add-on on and off leaves Blender as it was."""

from types import ModuleType

import bpy


def names() -> set[str]:
    return set(dir(bpy.types))


def handlers() -> int:
    """How many functions of the add-on Blender calls when something happens."""
    kinds = [kind for kind in dir(bpy.app.handlers) if isinstance(getattr(bpy.app.handlers, kind), list)]
    every = [function for kind in kinds for function in getattr(bpy.app.handlers, kind)]
    return sum(function.__module__.startswith("genmo.") for function in every)


def shortcuts() -> int:
    """How many entries the add-on has in the keymaps."""
    maps = bpy.context.window_manager.keyconfigs.addon.keymaps
    items = [item for keymap in maps for item in keymap.keymap_items]
    return sum("genmo" in item.idname or "GENMO" in str(getattr(item.properties, "name", "")) for item in items)


def test_off_and_on_again_changes_nothing(addon: ModuleType) -> None:
    on, watched, pressed = names(), handlers(), shortcuts()
    assert watched > 0
    assert pressed > 0
    addon.unregister()
    off = names()
    assert not hasattr(bpy.types.Object, "genmo")
    assert not hasattr(bpy.types.Scene, "genmo")
    assert not [name for name in off if name.startswith("GENMO_")]
    assert handlers() == shortcuts() == 0
    addon.register()
    assert names() == on
    assert (handlers(), shortcuts()) == (watched, pressed)
    addon.unregister()
    assert names() == off
    addon.register()


def test_every_operator_has_a_name_and_a_tooltip() -> None:
    from genmo.genmo_blender.idnames import Op

    for name in Op:
        operator = getattr(bpy.ops.genmo, name.removeprefix("genmo."))
        kind = operator.get_rna_type()
        assert kind.name
        assert kind.description
        assert not kind.description.endswith("."), f"Blender adds the full stop: {name}"


def test_panels_are_in_the_genmo_tab() -> None:
    from genmo.genmo_blender.idnames import SIDEBAR, Panel

    for name in Panel:
        panel = getattr(bpy.types, name)
        space = "CLIP_EDITOR" if name == Panel.CLIP else "VIEW_3D"
        assert (panel.bl_space_type, panel.bl_region_type, panel.bl_category) == (space, "UI", SIDEBAR)


def test_without_an_armature_the_operators_say_why_not() -> None:
    assert not bpy.ops.genmo.generate.poll()
    assert not bpy.ops.genmo.prompt_add.poll()
    assert bpy.ops.genmo.character_add.poll()
