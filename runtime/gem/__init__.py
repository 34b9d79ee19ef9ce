"""The published GENMO/GEM-SMPL family: its vector, conditions and way through the world, on numpy."""
