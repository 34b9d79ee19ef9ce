"""What `build.py` is made of: environments, parts, test suites, packages. Standard library only."""
