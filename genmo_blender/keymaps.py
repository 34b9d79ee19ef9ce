"""Keys and buttons; people find and change them in the preferences, under Dopesheet and 3D View.

The operators on strips leave the event to Blender unless the mouse is over the strips.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from .idnames import Menu, Op
from .stubs import current_context

_TIMELINE: Final = ("Dopesheet", "DOPESHEET_EDITOR")
_VIEW: Final = ("3D View", "VIEW_3D")


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One entry of a keymap.

    Attributes:
        keymap: name of the keymap and type of its editor.
        operator: what it calls.
        type: key or button.
        value: press, double click.
        modifiers: "shift", "ctrl", "alt".
        settings: properties of the operator.
    """

    keymap: tuple[str, str]
    operator: str
    type: str
    value: str = "PRESS"
    modifiers: frozenset[str] = frozenset()
    settings: dict[str, Any] = field(default_factory=dict)


def _over(operator: Op, key: str, *modifiers: str, value: str = "PRESS", **settings: Any) -> Shortcut:
    return Shortcut(_TIMELINE, operator, key, value, frozenset(modifiers), {"at_mouse": True, **settings})


SHORTCUTS: Final = (
    _over(Op.STRIP_DRAG, "LEFTMOUSE"),
    _over(Op.STRIP_DRAG, "LEFTMOUSE", "shift", extend=True),
    _over(Op.STRIP_EDIT, "LEFTMOUSE", value="DOUBLE_CLICK"),
    _over(Op.STRIP_MENU, "RIGHTMOUSE"),
    _over(Op.STRIP_ADD, "A", "shift"),
    _over(Op.STRIP_SELECT_ALL, "A"),
    _over(Op.STRIP_SELECT_ALL, "A", "alt", deselect=True),
    _over(Op.STRIP_NEXT, "TAB"),
    _over(Op.STRIP_NEXT, "TAB", "shift", backwards=True),
    _over(Op.STRIP_EDIT, "RET"),
    _over(Op.STRIP_EDIT, "F2"),
    _over(Op.STRIP_MOVE, "G"),
    _over(Op.STRIP_MOVE, "E", part="STOP"),
    _over(Op.STRIP_MOVE, "E", "shift", part="START"),
    _over(Op.STRIP_MOVE, "LEFT_ARROW", "alt", frames=-1),
    _over(Op.STRIP_MOVE, "RIGHT_ARROW", "alt", frames=1),
    _over(Op.STRIP_SPLIT, "K"),
    _over(Op.STRIP_DUPLICATE, "D", "shift"),
    _over(Op.STRIP_MUTE, "H"),
    _over(Op.STRIP_REMOVE, "X"),
    _over(Op.STRIP_REMOVE, "DEL"),
    Shortcut(_VIEW, "wm.call_menu", "M", modifiers=frozenset({"ctrl", "alt"}), settings={"name": Menu.CHARACTER}),
)

_added: list[tuple[Any, Any]] = []


def attach() -> None:
    """Add the shortcuts to the add-ons' keymap, where there is one."""
    keyconfig = current_context().window_manager.keyconfigs.addon
    if keyconfig is None:
        return
    for each in SHORTCUTS:
        name, space = each.keymap
        keymap = keyconfig.keymaps.new(name=name, space_type=space)
        pressed = {modifier: modifier in each.modifiers for modifier in ("shift", "ctrl", "alt")}
        item = keymap.keymap_items.new(each.operator, each.type, each.value, **pressed)
        for setting, value in each.settings.items():
            setattr(item.properties, setting, value)
        _added.append((keymap, item))


def detach() -> None:
    """Take the shortcuts back."""
    for keymap, item in _added:
        keymap.keymap_items.remove(item)
    _added.clear()
