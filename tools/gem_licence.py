"""What is known of the terms under which the published checkpoints may be used; facts, not advice."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from genmo.runtime.errors import UserError

NAME: Final = "LicenseRef-GENMO-checkpoint"
CREDITS: Final = (
    "Network and weights: GENMO (GEM-SMPL) by NVIDIA, github.com/NVlabs/GENMO, huggingface.co/nvidia/GEM-X",
    "Its makers place the weights under the NVIDIA Open Model License; one model card says non-commercial research use",
    "Trained by its makers on AMASS, BEDLAM, Human3.6M, 3DPW, AIST++, HumanML3D, Motion-X and BEAT2",
)
BODY_CREDITS: Final = (
    "Skeleton and body shape: SMPL-X by the Max Planck Society, for non-commercial use, from your file",
)
OWN_BODY_CREDITS: Final = ("Skeleton: GENMO's own neutral rest pose, not the SMPL-X one; body shape is not known",)

_NOTE: Final = """\
This pack was made on your machine from a checkpoint that you downloaded. Nothing of it comes with GENMO for Blender.

{credits}

Which terms hold is for you to find out where you downloaded the checkpoint. Do not pass this pack on unless they allow
it; a skeleton taken from an SMPL-X file may not be passed on at all.
"""


def write(path: Path, licence: Path | None) -> Path:
    """Write the licence of a pack: the note above and, if there is one, the text of the user's file.

    Raises:
        UserError: that file cannot be read.
    """
    text = _NOTE.format(credits="\n".join(CREDITS))
    if licence is not None:
        try:
            text += f"\n{licence.name}:\n\n{licence.read_text('utf-8')}"
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{licence}: is not a readable text ({error})") from error
    path.write_text(text, encoding="utf-8")
    return path
