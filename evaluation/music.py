"""Music: does the motion come to rest on the beats, compared with no music and with recorded motion?"""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from genmo.evaluation.beats import beat_alignment
from genmo.evaluation.bench import Bench
from genmo.evaluation.clips import Recording, windows
from genmo.evaluation.findings import Cell, Findings, Table, mean_of
from genmo.evaluation.quality import mean_quality, quality_table
from genmo.runtime.media.music import music_channels
from genmo.runtime.motion import Motion
from genmo.runtime.request import MotionRequest, Music, Prompt, Sampling
from genmo.training.beats import kinematic_beats, synthetic_music

FRAMES: Final = 300
TAKES: Final = 6
TEMPI: Final = (90.0, 110.0, 130.0)
"""Beats per minute of the click tracks."""

PROMPT: Final = "a person dances to the music"

_RATE: Final = 22050
_RECORDINGS: Final = 60
_SHORTEST: Final = 150

COLUMNS: Final = {
    "beat_align_music": "over the music's beats",
    "beat_align_motion": "over the motion's beats",
    "motion_beats": "beats of the motion",
    "music_beats": "beats of the music",
}


def measure(bench: Bench) -> Findings:
    """All numbers of music: group "music"."""
    found = Findings()
    if not bench.understands("music"):
        found.left_out.append("The pack does not hear music.")
        return found
    tracks = [click_track(bench.folder / f"clicks_{tempo:.0f}.wav", tempo) for tempo in TEMPI] + list(bench.music)
    rows: dict[str, dict[str, float]] = {}
    motions: dict[str, list[Motion]] = {}
    prompt = (Prompt(PROMPT, 0, FRAMES),)
    ways = {"music": ((), True), "music and prompt": (prompt, True), "prompt alone": (prompt, False)}
    for name, (prompts, heard) in ways.items():
        motions[name] = []
        scores = []
        for track in tracks:
            for take in range(bench.few(TAKES, 1)):
                motion = danced(bench, track, prompts, take, heard=heard)
                scores.append(alignment(motion, track))
                motions[name].append(motion)
        rows[name] = {column: mean_of(scores, column) for column in COLUMNS}
    rows |= recorded(bench, tracks)
    found.add(
        "music", beat_align=rows["music"]["beat_align_music"],
        beat_align_prompt=rows["music and prompt"]["beat_align_music"],
        beat_align_without_music=rows["prompt alone"]["beat_align_music"],
        beat_align_recorded=rows["recorded motion, music made for it"]["beat_align_music"],
        beat_align_chance=rows["recorded motion, these tracks"]["beat_align_music"],
    )  # fmt: skip
    cells: list[list[Cell]] = [[name, *(row[column] for column in COLUMNS)] for name, row in rows.items()]
    found.tables.append(Table(
        "Beat alignment", ["", *COLUMNS.values()], cells,
        f"{len(tracks)} tracks: clicks at {', '.join(f'{tempo:g}' for tempo in TEMPI)} beats a minute"
        f"{' and music files' if bench.music else ''}, {FRAMES} frames. 1 is exact, each beat is worth exp(-d^2 / 18) "
        "at d frames from the nearest one. No recorded dance has its music here: \"music made for it\" is the made-up "
        "music that the pack learns from, struck on most of the motion's own beats; \"these tracks\" is what chance "
        "gives.",
    ))  # fmt: skip
    found.tables.append(quality_table({name: mean_quality(made) for name, made in motions.items()}))
    return found


def click_track(path: Path, tempo: float) -> Path:
    """Write a click on every beat (.wav, mono), as long as the motions.

    Args:
        path: file to write.
        tempo: beats per minute.
    """
    seconds = FRAMES / 30.0
    sound = np.zeros(int(seconds * _RATE))
    decay = np.arange(_RATE // 20) / _RATE
    click = np.sin(2.0 * np.pi * 1000.0 * decay) * np.exp(-decay / 0.01)
    for start in (np.arange(0.25, seconds - 0.1, 60.0 / tempo) * _RATE).astype(int):
        sound[start : start + len(click)] += click[: len(sound) - start]
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(_RATE)
        stream.writeframes((0.7 * 32767 * sound).astype("<i2").tobytes())
    return path


def danced(bench: Bench, track: Path, prompts: tuple[Prompt, ...], seed: int, *, heard: bool) -> Motion:
    """What the pack makes to a track, or of the prompt alone."""
    request = MotionRequest(FRAMES, prompts=prompts, sampling=Sampling(seed=seed))
    return bench.make(replace(request, music=(Music(str(track), 0, FRAMES),)) if heard else request)


def alignment(motion: Motion, track: Path) -> dict[str, float]:
    """Beat alignment of a motion with a track, by the names of COLUMNS."""
    features, _ = music_channels((Music(str(track), 0, motion.frames),), motion.frames, motion.fps)
    return beat_alignment(motion.positions, features, motion.fps)


def recorded(bench: Bench, tracks: Sequence[Path]) -> dict[str, dict[str, float]]:
    """Recorded motion against made-up music of its own and against the tracks."""
    items: list[Recording] = windows(bench.recordings, _SHORTEST, FRAMES, bench.few(_RECORDINGS))
    if not items:
        items = list(bench.recordings)
    own = [made_up(item.motion, index) for index, item in enumerate(items)]
    scores = [beat_alignment(item.motion.positions, music, 30.0) for item, music in zip(items, own, strict=True)]
    chance = [alignment(item.motion, tracks[index % len(tracks)]) for index, item in enumerate(items)]
    return {
        "recorded motion, music made for it": {column: mean_of(scores, column) for column in COLUMNS},
        "recorded motion, these tracks": {column: mean_of(chance, column) for column in COLUMNS},
    }


def made_up(motion: Motion, seed: int) -> NDArray[np.float32]:
    """Music (T, 35) to which a motion could have been danced."""
    return synthetic_music(kinematic_beats(motion.positions, motion.fps), np.random.default_rng(seed), motion.frames)
