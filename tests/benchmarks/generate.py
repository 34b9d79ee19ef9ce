"""How long a request takes in the worker, and how long the caller is ever held up.

`python -m genmo.tests.benchmarks.generate [FRAMES]` with the Python of `.venv`. One job loads the pack, the following
ones are timed while a loop polls as Blender's timer does.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from genmo.genmo_blender.job import Job, close_worker
from genmo.runtime.pack import DEFAULT_PACK
from genmo.runtime.request import MotionRequest, Prompt, Sampling

ROUNDS = 5


def timed(request: MotionRequest, pack: Path) -> tuple[float, float]:
    """Seconds from start to the last motion, and the longest single call of start or poll."""
    begun = time.perf_counter()
    job = Job(request, pack=str(pack), device="cpu")
    job.start()
    longest = time.perf_counter() - begun
    while not job.finished:
        time.sleep(0.02)
        before = time.perf_counter()
        job.poll()
        longest = max(longest, time.perf_counter() - before)
    if not job.motions:
        raise SystemExit(job.error)
    return time.perf_counter() - begun, longest


def main() -> None:
    """Print the table."""
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    half = frames // 2
    prompts = (Prompt("a person walks forward", 0, half), Prompt("a person waves", half, frames))
    first, _ = timed(MotionRequest(frames, prompts=prompts), DEFAULT_PACK)
    requests = [MotionRequest(frames, prompts=prompts, sampling=Sampling(seed=seed)) for seed in range(ROUNDS)]
    results = [timed(request, DEFAULT_PACK) for request in requests]
    close_worker()
    seconds = [result[0] for result in results]
    print(f"{frames} frames, default preset; first job with worker start and pack load {first:.2f} s")
    print(f"after that {statistics.median(seconds):.2f} s (median of {ROUNDS}; best {min(seconds):.2f})")
    print(f"longest call into the job from the main thread {1000 * max(result[1] for result in results):.2f} ms")


if __name__ == "__main__":
    main()
