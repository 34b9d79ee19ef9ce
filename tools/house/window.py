"""A real Blender window under a virtual display, driven by real X events: `build.py test --window`.

PyPI's bpy has no window; the Blender of Debian 13 (4.3.2) is the one that any Linux machine can have. It goes into
a folder of its own (debootstrap, 1.2 GB), since it needs a newer C library than older hosts have. Needs root.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .places import CACHE, OUT, ROOT
from .shell import BuildError, must, run, say, tail

SUITE: Final = "trixie"
SYSTEM: Final = CACHE / f"blender-{SUITE}"
BLENDER: Final = ("blender", "python3-numpy", "libgl1-mesa-dri", "libegl1")
DISPLAY: Final = ("xvfb", "xauth", "xdotool", "imagemagick")
DRIVE_SECONDS: Final = 1500

_INSTALL: Final = """
printf 'path-exclude=/usr/share/%s/*\\n' doc man locale info > "$0/etc/dpkg/dpkg.cfg.d/slim"
echo force-unsafe-io >> "$0/etc/dpkg/dpkg.cfg.d/slim"
echo 'APT::Install-Recommends "false";' > "$0/etc/apt/apt.conf.d/90slim"
chroot "$0" env DEBIAN_FRONTEND=noninteractive LC_ALL=C sh -ec '
  apt-get update; apt-get install -y "$@"; apt-get clean; rm -rf /var/lib/apt/lists/*' sh "$@"
"""

# onnxruntime aborts without /proc/cpuinfo. The mount lives in a private namespace and ends with the command, so the
# folder can be deleted at any time.
_ENTER: Final = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'

SCRIPTS: Final = ("clicks", "timeline", "scenarios")
"""Scripts in tests/window, each for a Blender of its own."""

_SESSION: Final = """
cd /tmp/genmo
blender --command extension install-file -r user_default --enable genmo.zip
for script in "$@"; do
  xvfb-run -a -s '-screen 0 1440x1100x24 +extension GLX' \\
    blender --window-geometry 0 0 1440 1100 --python-exit-code 9 --python "$script.py"
done
"""


def drive(zip_path: Path, pack: Path) -> tuple[int, int]:
    """Install the zip in a real Blender, click through its panel, leave screenshots in `out/window`.

    Args:
        zip_path: the zip for linux-x64.
        pack: a model pack's folder that the add-on is told to use.

    Returns:
        Steps that passed, and failed.

    Raises:
        BuildError: when this machine cannot have such a window.
    """
    system = _system()
    work = system / "tmp" / "genmo"
    shutil.rmtree(work, ignore_errors=True)
    (work / "out").mkdir(parents=True)
    shutil.copy2(zip_path, work / "genmo.zip")
    shutil.copytree(pack, work / "pack")
    for script in (ROOT / "tests" / "window").glob("*.py"):
        shutil.copy2(script, work)
    home = {"HOME": "/tmp/genmo", "BLENDER_USER_RESOURCES": "/tmp/genmo/profile", "LIBGL_ALWAYS_SOFTWARE": "1"}
    variables = [f"{name}={value}" for name, value in home.items()]
    enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, system]
    log = CACHE / "logs" / "window.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [*enter, "env", "-u", "DISPLAY", *variables, "sh", "-ec", _SESSION]
    status = run([*command, "sh", *SCRIPTS], seconds=DRIVE_SECONDS, log=log)
    pictures = OUT / "window"
    shutil.rmtree(pictures, ignore_errors=True)
    shutil.copytree(work / "out", pictures)
    return _read_steps([pictures / f"steps-{script}.json" for script in SCRIPTS], status, log)


def _read_steps(reports: Sequence[Path], status: int, log: Path) -> tuple[int, int]:
    """Print the steps that the scripts wrote down; return how many passed and failed. No report is a failure."""
    steps = [step for report in reports if report.is_file() for step in json.loads(report.read_text("utf-8"))]
    missing = [report.stem for report in reports if not report.is_file()]
    for step in steps:
        say(f"{'ok  ' if step['passed'] else 'FAIL'} {step['name']}{': ' * bool(step['note'])}{step['note']}")
    passed = sum(step["passed"] for step in steps)
    failed = len(steps) - passed
    if missing or status != 0:
        say(f"Blender ended with status {status}, without {missing}; the end of {log}:\n{tail(log)}")
        failed += max(len(missing), status != 0)
    return passed, failed


def _system() -> Path:
    """Make the folder with Debian's Blender, unless an earlier run has; return it."""
    if (SYSTEM / ".ready").exists():
        return SYSTEM
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        raise BuildError("The window test needs Linux and root, for its own Debian in a folder.")
    log = CACHE / "logs" / "window-system.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    say(f"making {SYSTEM} ...")
    if shutil.which("debootstrap") is None:
        must(["apt-get", "update"], seconds=300, what="apt-get update", log=log)
        install = ["apt-get", "install", "-y", "--no-install-recommends", "debootstrap"]
        must(install, seconds=300, what="installing debootstrap", log=log)
    shutil.rmtree(SYSTEM, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", SUITE, SYSTEM, *_mirror()]
    must(command, seconds=900, what="debootstrap", log=log)
    must(["sh", "-ec", _INSTALL, SYSTEM, *BLENDER, *DISPLAY], seconds=1200, what="installing Blender", log=log)
    (SYSTEM / ".ready").touch()
    return SYSTEM


def _mirror() -> list[str]:
    """Return the Debian mirror that this machine is set up for, if any; debootstrap knows one otherwise."""
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    address = re.compile(r"^(?:URIs:|deb )\s*(?:\[.*?\]\s*)?(\S+/debian)/?(?:\s|$)", re.MULTILINE)
    for path in filter(Path.is_file, sources):
        if match := address.search(path.read_text("utf-8")):
            return [match[1]]
    return []
