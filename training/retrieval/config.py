"""One dataclass holds every choice of a retrieval run."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from genmo.runtime import retrieval_features as features


@dataclass(frozen=True)
class RetrievalConfig:
    """Everything a run depends on; stored in each checkpoint.

    Attributes:
        captions: "all" for the shipped search model; "held_out" for the judge of generated motion, which learns only
            from the original short descriptions that the generator never reads.
        minutes: length of the run on the clock, over all its sessions; the learning rate follows it.
        batch: clips a step.
        frames: longest window; longer clips are embedded as the mean of several.
        patch: frames of one motion token.
        text_tokens: tokens kept of a caption.
        features: length of a feature row.
        text_width: width of a text token.
        width: channels of both encoders.
        motion_layers: transformer layers over the motion.
        text_layers: transformer layers over the text.
        heads: attention heads.
        dropout: in both encoders; hides whole channels.
        embedding: length of the unit vectors.
        odd: how many of their numbers change sign when left and right change places, exactly; the others do not change.
            0 leaves the sides to what is learnt.
        shown: share of the motion tokens that an encoder in training sees.
        said: captions of each clip in a batch, at most.
        speeds: slowest and fastest speed at which a motion is shown in training.
        noise: deviation of the noise that is added to normalised features in training.
        segments: equal parts of a motion whose mean features are reconstructed from its vector.
        reconstruction: weight of that loss; 0 leaves it out.
        temperature: at the start of the run.
        learn_temperature: whether it is a weight of the model.
        same_meaning: two captions with a sentence cosine above this are no negatives of each other (TMR: 0.6).
        side_pairs: share of the batch, at most, that is added as mirror images with the words exchanged; with `odd`,
            where sides need no examples, as reversed motions with forward and backward exchanged.
        sides: weight of the loss that compares a measured sentence about left or right with its opposite; with `odd`
            also a caption with the same caption of exchanged sides, or of a wrong direction, speed, height or order.
        aside: share of the training clips that is not learnt from but says which checkpoint is best.
        learning_rate: peak rate of AdamW.
        weight_decay: of AdamW.
        warmup_steps: linear warm-up.
        ema_decay: decay of the averaged weights that are saved.
        bfloat16: train the encoders in bfloat16, with weights in float32.
        threads: torch threads.
        seed: of this session; a restart uses another one.
        checkpoint_minutes: time between checkpoints.
    """

    captions: str = "held_out"
    minutes: float = 45.0
    batch: int = 64
    frames: int = 300
    patch: int = 10
    text_tokens: int = 24
    features: int = features.WIDTH
    text_width: int = 384
    width: int = 128
    motion_layers: int = 4
    text_layers: int = 2
    heads: int = 4
    dropout: float = 0.1
    embedding: int = 256
    odd: int = 0
    shown: float = 1.0
    said: int = 1
    speeds: tuple[float, float] = (1.0, 1.0)
    noise: float = 0.0
    segments: int = 16
    reconstruction: float = 0.5
    temperature: float = 0.1
    learn_temperature: bool = False
    same_meaning: float = 0.6
    side_pairs: float = 0.2
    sides: float = 0.3
    aside: float = 0.0
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_steps: int = 60
    ema_decay: float = 0.995
    bfloat16: bool = True
    threads: int = 1
    seed: int = 0
    checkpoint_minutes: float = 4.0

    def __post_init__(self) -> None:
        """Refuse what would fail later."""
        if self.captions not in CAPTIONS:
            raise ValueError(f"captions: one of {', '.join(CAPTIONS)}, not {self.captions}")
        if self.frames % self.patch or self.width % self.heads:
            raise ValueError("frames must be a multiple of patch, and width one of heads")

    def to_json(self) -> str:
        """JSON text that `from_json` reads back."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @staticmethod
    def from_json(text: str) -> RetrievalConfig:
        """Configuration of JSON text; unknown keys raise TypeError, impossible values ValueError."""
        values = json.loads(text)
        if "speeds" in values:
            values["speeds"] = tuple(values["speeds"])
        return RetrievalConfig(**values)

    @staticmethod
    def load(path: Path | None) -> RetrievalConfig:
        """Configuration of a JSON file, or the defaults."""
        return RetrievalConfig() if path is None else RetrievalConfig.from_json(path.read_text(encoding="utf-8"))


CAPTIONS = ("all", "held_out")
"""Which sentences a model may learn from."""
