"""Stands for Blender's layouts, which exist only while a window is drawn: takes everything and keeps the words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class Paper:
    """A layout."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def __getattr__(self, name: str) -> Any:
        def call(*_arguments: object, **options: object) -> Paper:
            self.words.append(str(options.get("text", "")))
            return Paper(self.words)

        return call


class Sheet:
    """A panel that is drawn on paper."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.layout = Paper(self.words)


def context_of(real: Any) -> Any:
    """A context with a sidebar of 300 pixels."""
    return SimpleNamespace(
        scene=real.scene,
        active_object=real.active_object,
        region=SimpleNamespace(width=300),
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
    )
