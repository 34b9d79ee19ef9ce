"""A counter of edits, so that what is derived from the scene knows when it is out of date."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

_count = 0
_edits = 0
_unnoticed = 0
watchers: list[Callable[[], None]] = []
"""Called when an edit by the user should be seen outside of the panels, as on the timeline."""


def mark() -> None:
    """Something that a request depends on may have changed."""
    global _edits
    if not _unnoticed:
        _edits += 1
    mark_scene()


def mark_scene() -> None:
    """Something in the scene has changed that tracks may depend on; the tracks themselves have not."""
    global _count
    if not _unnoticed:
        _count += 1


def show() -> None:
    """Something that is drawn outside of the panels has been edited."""
    for watcher in watchers:
        watcher()


def count() -> int:
    """Number of changes so far."""
    return _count


def edits() -> int:
    """Number of changes of tracks, undo and new files so far."""
    return _edits


@contextmanager
def unnoticed() -> Iterator[None]:
    """What happens meanwhile is our own doing and changes no request."""
    global _unnoticed
    _unnoticed += 1
    try:
        yield
    finally:
        _unnoticed -= 1
