"""Switching the add-on on and off leaves Blender as it was."""

from types import ModuleType

import bpy


def names() -> set[str]:
    return set(dir(bpy.types))


def handlers() -> int:
    kinds = ("load_pre", "load_post", "undo_post", "redo_post", "depsgraph_update_post")
    return sum(len(getattr(bpy.app.handlers, kind)) for kind in kinds)


def test_off_and_on_again_changes_nothing(addon: ModuleType) -> None:
    on, watched = names(), handlers()
    addon.unregister()
    off = names()
    assert not hasattr(bpy.types.Object, "genmo")
    assert not hasattr(bpy.types.Scene, "genmo")
    assert not [name for name in off if name.startswith("GENMO_")]
    assert handlers() == watched - 5
    addon.register()
    assert names() == on
    assert handlers() == watched
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
        assert (panel.bl_space_type, panel.bl_region_type, panel.bl_category) == ("VIEW_3D", "UI", SIDEBAR)


def test_without_an_armature_the_operators_say_why_not() -> None:
    assert not bpy.ops.genmo.generate.poll()
    assert not bpy.ops.genmo.prompt_add.poll()
    assert bpy.ops.genmo.character_add.poll()
