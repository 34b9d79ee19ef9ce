"""The published GENMO/GEM-SMPL network in torch, under the published names of its weights."""
