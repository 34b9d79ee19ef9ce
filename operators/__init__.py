"""All operators of GENMO, in the order in which they are registered."""

from . import character, generate, key_poses, packs, places, prompts, takes

CLASSES = (
    *character.CLASSES,
    *prompts.CLASSES,
    *key_poses.CLASSES,
    *places.CLASSES,
    *generate.CLASSES,
    *takes.CLASSES,
    *packs.CLASSES,
)
