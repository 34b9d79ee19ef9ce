"""`build.py demo`: everything that the demonstration needs, then the demonstration itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from . import environments, packaging, parts
from .places import OUT, ROOT, blender_versions
from .shell import BuildError, run, say

SCRIPT: Final = ROOT / "tools" / "demo_scene.py"
SECONDS: Final = 900


def demo() -> bool:
    """Install the freshly built zip into a Blender and let `tools/demo_scene.py` animate a character with it.

    The script is run as `python tools/demo_scene.py ZIP OUTPUT_FOLDER`, with the newest bpy for Python 3.11.

    Returns:
        True when it succeeded; what it made is in `out/demo`.

    Raises:
        BuildError: when the set-up fails.
    """
    parts.prepare(environments.development())
    python = _newest_blender()
    zip_path = packaging.package([packaging.current_platform().name])[0]
    output = OUT / "demo"
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="genmo-demo-") as profile:
        variables = {"BLENDER_USER_RESOURCES": profile, "ORT_DISABLE_TELEMETRY": "1"}
        status = run([python, SCRIPT, zip_path, output], seconds=SECONDS, environment=variables)
    if status != 0:
        say(f"The demonstration ended with status {status}.")
        return False
    for path in sorted(output.iterdir()):
        say(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.2f} MB")
    return True


def _newest_blender() -> Path:
    """Return the interpreter of the newest Blender on the Python that .venv has, so that 3.11 alone is enough."""
    for version in reversed(blender_versions()):
        if version.python == "3.11":
            python = environments.blender(version)
            if python is not None:
                return python
    raise BuildError("The demonstration needs Python 3.11.")
