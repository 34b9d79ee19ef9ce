"""A counter of edits, so that what is derived from the scene knows when it is out of date."""

_count = 0


def mark() -> None:
    """Something that a request depends on may have changed."""
    global _count
    _count += 1


def count() -> int:
    """Number of changes so far."""
    return _count
