"""Sentences about mirror images."""

from __future__ import annotations

import pytest

from genmo.runtime.words import mirror_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a person turns left, then right", "a person turns right, then left"),
        ("moves leftwards and clockwise", "moves rightwards and counterclockwise"),
        ("turns anti-clockwise", "turns clockwise"),
        ("a bright man walks", "a bright man walks"),
        ("", ""),
    ],
)
def test_sides_change_places(text: str, expected: str) -> None:
    assert mirror_text(text) == expected
