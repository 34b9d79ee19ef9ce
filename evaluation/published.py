"""Numbers that others have published, as they stand in their papers, tables and model cards.

None of them was measured on the data of this evaluation. They show how large such numbers are elsewhere.
"""

from __future__ import annotations

from typing import Final

from genmo.evaluation.findings import Table

TABLES: Final = {
    "video": Table(
        "Published: EMDB-2, world errors", ["", "WA-MPJPE100, mm", "W-MPJPE100, mm", "RTE, %"],
        [
            ["GLAMR", 280.8, 726.6, 11.4], ["SLAHMR", 326.9, 776.1, 10.2], ["WHAM", 135.6, 354.8, 6.0],
            ["GVHMR", 111.0, 276.5, 2.0], ["TRAM", 76.4, 222.4, 1.4], ["JOSH", 68.9, 174.7, 1.3],
        ],
        "Not comparable: real outdoor videos of up to a minute with detected people and unknown cameras there, virtual "
        "cameras around motion capture here. The definitions are the same.",
    ),
    "between": Table(
        "Published: LAFAN1", ["", "L2P 5", "L2P 15", "L2P 30", "L2P 45", "L2Q 30", "NPSS 30"],
        [
            ["zero velocity", 1.5231, 3.6946, 6.6005, 9.3293, 1.51, 0.2318],
            ["interpolation", 0.3729, 1.2489, 2.3159, 3.4471, 0.98, 0.2013],
            ["two-stage, context only", 0.1717, 0.4923, 1.0663, 1.9972, 0.5991, 0.1238],
            ["two-stage, full", 0.1049, 0.3943, 0.8948, 1.6777, 0.5446, 0.1124],
            ["two-stage, full, over interpolation", 0.28, 0.32, 0.39, 0.49, None, None],
        ],
        "Not comparable in absolute size: other motion, and positions are normalised by another deviation. The last "
        "row can be set beside the ratios of this report.",
    ),
    "text": Table(
        "Published: HumanML3D", ["", "R@1", "R@3", "FID"],
        [
            ["recorded motion", 0.511, 0.797, 0.002], ["MDM", None, 0.611, 0.544], ["MLD", 0.481, 0.772, 0.473],
            ["T2M-GPT", 0.491, 0.775, 0.116], ["MoMask", 0.521, 0.807, 0.045], ["SALAD", 0.524, None, 0.064],
        ],
        "Not comparable: another evaluator, other captions, 4,000 test motions. What compares is the distance of a "
        "method from the recorded motion of its own table.",
    ),
    "mbench": Table(
        "Published: MBench leaderboard", ["", "jitter", "dynamic", "sliding"],
        [
            ["MDM", 0.0136, 0.0376, 0.0136], ["MoMask", 0.0147, 0.0396, 0.0147],
            ["MotionDiffuse", 0.0111, 0.0289, 0.0063], ["ViMoGen", 0.0108, 0.0251, 0.0064],
            ["ViMoGen-light", 0.0129, 0.0294, 0.0051],
        ],
        "Not comparable: other prompts, and ViMoGen smooths its motion before it is scored. The published sliding was "
        "computed with the wrong axis for height.",
    ),
    "constraints": Table(
        "Published: Kimodo, before post-processing",
        ["", "full body, mm", "effector, mm", "root path, mm", "root path P95, mm"],
        [
            ["recorded motion", 0.0, 0.0, 38.4, 53.6], ["Kimodo RP v1.1, with text", 29.3, 30.3, 45.8, 77.7],
            ["Kimodo RP v1.1, without text", 29.4, 29.9, 44.1, 73.8],
        ],
        "Its content split, with the averages as corrected in May 2026. Its root error compares the pelvis with a "
        "smoothed path, so recorded motion has one too; ours is compared with the path itself.",
    ),
    "speed": Table(
        "Published: time for a clip", ["", "clip, s", "time, s", "machine"],
        [
            ["Kimodo, 100 steps", 5.0, 2.5, "RTX 3090"], ["Kimodo, 35 steps, 4 bit", 5.0, 0.94, "RTX 3090"],
            ["Kimodo, 100 steps", 5.0, 150.0, "CPU"], ["HY-Motion 1.0", None, 10.0, "GPU"], ["MLD", None, 0.22, "GPU"],
            ["MotionLCM, 1 step", None, 0.03, "GPU"],
        ],
        "Other machines: the first column of numbers is the length of the motion, where it is known.",
    ),
}  # fmt: skip
"""By the section beside whose tables they stand."""
