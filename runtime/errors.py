"""Exceptions of the runtime; each crosses the worker's wire by its class name (DESIGN section 3).

`UserError` and its children carry one clear sentence for the person who asked (CLI exit code 2, a red line
in the panel); every other exception is a fault of ours (exit code 1).
"""

from __future__ import annotations

from typing import Final


class GenmoError(Exception):
    """Base of all errors that the runtime raises on purpose."""


class UserError(GenmoError):
    """Bad input: `str(error)` is one sentence that the user can act on."""


class RequestError(UserError):
    """A request that cannot be read or does not make sense."""


class MotionError(UserError):
    """A motion file that cannot be read."""


class PackError(UserError):
    """A model pack that is missing, damaged or of another format."""


class CancelledError(GenmoError):
    """The caller asked to stop (CLI exit code 3)."""


class WireError(GenmoError):
    """A message that breaks the framing of `runtime.wire`."""


ERRORS_BY_NAME: Final = {
    cls.__name__: cls
    for cls in (GenmoError, UserError, RequestError, MotionError, PackError, CancelledError, WireError)
}
"""Class name -> class, for rebuilding a worker's failure on the Blender side."""
