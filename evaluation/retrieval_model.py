"""How good the retrieval model is on recorded motion: `python -m genmo.evaluation.retrieval_model --help`.

A judge is worth as much as it is right about motion whose truth is known, so this comes before any score of generated
motion. Clips of the split "val", with the original short descriptions and with the sentences of captions.jsonl.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation.retrieval import GALLERY, KS, r_precision, whole_gallery
from genmo.runtime import retrieval_features as features
from genmo.runtime.words import mirror_text
from genmo.training.captions import Encoder, open_encoder
from genmo.training.retrieval.data import Clip, has_side, load_clips
from genmo.training.retrieval.evaluator import load_evaluator

Vectors = NDArray[np.float32]

DRAWS: Final = 20
"""Random choices of one caption for each clip, averaged."""


class Embedder(Protocol):
    """A retrieval model: `training.retrieval.evaluator.Evaluator`, or that of a pack."""

    def features(self, motions: Sequence[NDArray[np.floating]]) -> Vectors:
        """Unit vectors (N, E) of motions, given as features."""
        ...

    def text(self, texts: Sequence[str], encoder: Any) -> Vectors:
        """Unit vectors (N, E) of texts."""
        ...


def retrieval_numbers(
    evaluator: Embedder, clips: list[Clip], encoder: Encoder | None, kind: str, seed: int = 0
) -> dict:
    """Recall of recorded motion by its own captions.

    Args:
        evaluator: the model.
        clips: of the split "val"; those without a caption of this kind are left out.
        encoder: the shipped text encoder, if the model does not bring its own.
        kind: "originals" or "written", an attribute of `Clip`.
        seed: of galleries and choices.

    Returns:
        clips: how many there are; text_to_motion and motion_to_text: r1_of32, r2_of32, r3_of32 (no two equal captions
        in a gallery; with fewer captions the gallery is smaller), and r1_all ... r10_all, median_rank over all clips
        (equal captions are one truth); left_right and left_right_pairs of `left_right`.

    Raises:
        ValueError: no clip has such a caption.
    """
    told = [clip for clip in clips if getattr(clip, kind)]
    if not told:
        raise ValueError(f"no clip has captions of the kind {kind}")
    texts = list(dict.fromkeys(text for clip in told for text in getattr(clip, kind)))
    row_of = {text: row for row, text in enumerate(texts)}
    motions, sentences = evaluator.features([clip.features for clip in told]), evaluator.text(texts, encoder)
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, float]]] = {"text_to_motion": [], "motion_to_text": []}
    for _ in range(DRAWS):
        chosen = np.array([row_of[rng.choice(getattr(clip, kind))] for clip in told])
        for direction, pair in (("text_to_motion", (sentences[chosen], motions)),
                                ("motion_to_text", (motions, sentences[chosen]))):  # fmt: skip
            rows[direction].append(_recalls(*pair, chosen, rng))
    found: dict = {"clips": len(told)}
    for direction, scores in rows.items():
        found[direction] = {name: round(float(np.mean([row[name] for row in scores])), 4) for name in scores[0]}
    share, pairs = left_right(evaluator, told, encoder, kind)
    return found | {"left_right": round(share, 4), "left_right_pairs": pairs}


def _recalls(queries: Vectors, candidates: Vectors, labels: NDArray, rng: np.random.Generator) -> dict[str, float]:
    size = min(GALLERY, len(set(labels.tolist())))
    small = r_precision(queries, candidates, labels.tolist(), rng, size=size, rounds=10)
    large = whole_gallery(queries, candidates, labels[:, None] == labels[None])
    names = {f"r{k}_of32": small[f"R{k:02d}"] for k in (1, 2, 3)} | {f"r{k}_all": large[f"R{k:02d}"] for k in KS}
    return names | {"median_rank": large["MedR"]}


def left_right(evaluator: Embedder, clips: list[Clip], encoder: Encoder | None, kind: str) -> tuple[float, int]:
    """Share of pairs told apart from their mirror images, and how many there are; 0.0 of 0 without any.

    Each caption that speaks of a side gives two questions: does the motion fit its caption better than the caption with
    the sides exchanged, and does the caption fit its motion better than the motion's mirror image?
    """
    pairs = [(clip, text) for clip in clips for text in getattr(clip, kind) if has_side(text)]
    if not pairs:
        return 0.0, 0
    motions = evaluator.features([clip.features for clip, _ in pairs])
    mirrors = evaluator.features([features.mirrored(clip.features) for clip, _ in pairs])
    texts = evaluator.text([text for _, text in pairs], encoder)
    swapped = evaluator.text([mirror_text(text) for _, text in pairs], encoder)
    right = (motions * texts).sum(axis=1)
    by_text, by_motion = right > (motions * swapped).sum(axis=1), right > (mirrors * texts).sum(axis=1)
    return float(np.concatenate([by_text, by_motion]).mean()), len(pairs)


def main(arguments: list[str] | None = None) -> None:
    """Print the numbers of both kinds of captions as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the motion archive")
    parser.add_argument("--model", type=Path, required=True, help="model.pt of genmo.training.retrieval.train")
    parser.add_argument("--text-encoder", type=Path, required=True, help="folder with text_encoder.onnx and vocab.txt")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the prepared clips")
    options = parser.parse_args(arguments)
    evaluator, encoder = load_evaluator(options.model), open_encoder(options.text_encoder)
    clips = load_clips(options.data, "val", options.cache)
    found = {kind: retrieval_numbers(evaluator, clips, encoder, kind) for kind in ("originals", "written")}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
