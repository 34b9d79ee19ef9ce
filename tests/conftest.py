"""What every test needs: no telemetry, a throw-away Blender profile, and a clean way out of bpy."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import Final

import pytest

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_PROFILE: Final = tempfile.mkdtemp(prefix="genmo-blender-")
# Blender reads this when bpy is imported: the tests never see, nor touch, the developer's own preferences.
os.environ["BLENDER_USER_RESOURCES"] = _PROFILE

_exit_status: int | None = None


def pytest_sessionfinish(exitstatus: int) -> None:
    """Remember the real exit status for `pytest_unconfigure`."""
    global _exit_status
    _exit_status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Leave without running bpy's static destructors.

    After an operator that reported an error bpy 4.2 crashes and bpy 4.5 hangs at exit, although all tests passed.
    """
    shutil.rmtree(_PROFILE, ignore_errors=True)
    if "bpy" in sys.modules and _exit_status is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_exit_status)
