#!/usr/bin/env python3
"""GENMO for Blender: the one entry point for everything around the code.

    python build.py setup      development environment in .venv, default pack checked
    python build.py demo       a character animated by the freshly built extension, result in out/demo
    python build.py test       linters and all tests, on every supported Blender; makes all it needs
    python build.py package    the extension zips, in dist/
    python build.py clean      delete what the others made

Needs Python 3.11 and a network for the first run; nothing else. Details: docs/developing.md.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence

from tools.house import demo, environments, packaging, parts, places, suites
from tools.house.shell import BuildError, say


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("setup", help="make .venv and check the default pack")
    verbs.add_parser("demo", help="animate a character with the freshly built extension")
    test = verbs.add_parser("test", help="linters and all tests")
    test.add_argument("--quick", action="store_true", help="without Blender")
    test.add_argument("--window", action="store_true", help="also drive a real Blender window (Linux, root)")
    test.add_argument("--blender", metavar="VERSION", nargs="+", default=[], help="only these, e.g. 4.2 5.0")
    package = verbs.add_parser("package", help="build the extension zips into dist/")
    package.add_argument("--platform", metavar="NAME", nargs="+", default=[], help="only these, e.g. linux-x64")
    clean = verbs.add_parser("clean", help="delete dist/, out/ and .venv")
    clean.add_argument("--cache", action="store_true", help=f"also delete {places.CACHE}")
    return parser


def _clean(*, with_cache: bool) -> None:
    """Delete what the other verbs made; never a file that git tracks."""
    folders = [places.DIST, places.OUT, places.DEV, places.ROOT / "build", *places.ROOT.glob("*.egg-info")]
    folders += [places.ROOT / ".ruff_cache", places.ROOT / ".pytest_cache"]
    if with_cache:
        folders.append(places.CACHE)
    for folder in folders:
        if folder.is_dir():
            say(f"deleting {folder}")
            shutil.rmtree(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        The exit status: 0 done, 1 something failed, 2 for a command line that makes no sense.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.verb == "setup":
            parts.prepare(environments.development())
            say(f"ready: {places.in_environment(places.DEV, 'python')}")
        elif options.verb == "demo":
            return 0 if demo.demo() else 1
        elif options.verb == "test":
            passed = suites.test(quick=options.quick, windows=options.window, versions=options.blender)
            return 0 if passed else 1
        elif options.verb == "package":
            packaging.package(options.platform)
        else:
            _clean(with_cache=options.cache)
    except BuildError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
