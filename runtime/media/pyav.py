"""PyAV (FFmpeg), which the extension brings along for the systems that it has a wheel for."""

from __future__ import annotations

from typing import Any

from ..errors import UserError


def load_pyav(why: str) -> Any:
    """The module av, silenced.

    Args:
        why: beginning of the sentence, what it is needed for.

    Raises:
        UserError: it is not installed or cannot be loaded, as on macOS before 14 with Apple's processors.
    """
    try:
        import av
        import av.logging
    except (ImportError, OSError) as error:
        raise UserError(
            f"{why}, which is not installed here or does not run on this system: install the extension's zip for this "
            "system (on Macs with Apple silicon macOS 14 or newer)"
        ) from error
    av.logging.set_libav_level(av.logging.PANIC)  # `set_level` would call Python from decoding threads, which can hang
    return av
