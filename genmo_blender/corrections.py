"""Which file a video row stands for: the video, or its keypoints with the corrections that were made by hand."""

from pathlib import Path
from typing import Any

from ..runtime.errors import UserError
from .properties_media import absolute


def key_of(row: Any) -> str:
    """What corrected keypoints depend on."""
    return f"{absolute(row)}|{row.person}|{row.edits}"


def source_of(row: Any) -> tuple[str, int]:
    """File and person to name in a request.

    Raises:
        UserError: there are corrections that the worker has not taken in.
    """
    if not row.edits:
        return absolute(row), row.person
    if row.corrected_for == key_of(row) and Path(row.corrected).is_file():
        return row.corrected, 0
    raise UserError(f"'{row.name or 'The video'}': press Find People to take the corrections in")
