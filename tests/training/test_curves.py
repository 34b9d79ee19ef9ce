"""The picture of a run: rows of older runs, headers, restarts and lost rows are read as what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genmo.training.curves import draw_curves, main, read_curves, update_picture
from genmo.training.train import COLUMNS

OLD = "100,138,2.1,0.7,0.015,0.00037,0.00052,0.11,17.4\n"
WITH_VIEW = "200,267,1.9,0.6,0.012,0.00015,0.00002,0.10,0.005,18.6\n"
HEADER = ",".join(COLUMNS) + "\n"


def row(step: int, total: float = 1.0) -> str:
    values = dict.fromkeys(COLUMNS, 0.5) | {"step": step, "total": total, "learning_rate": 1e-3}
    return ",".join(str(values[name]) for name in COLUMNS) + "\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "losses.csv"
    path.write_text(text)
    return path


def test_rows_without_a_header_are_known_by_their_length(tmp_path: Path) -> None:
    curves = read_curves(write(tmp_path, OLD + WITH_VIEW))
    assert curves.steps.tolist() == [100, 200]
    assert curves.values["path"].tolist() == [0.11, 0.10]
    assert curves.values["rate"].tolist() == [17.4, 18.6]
    np.testing.assert_array_equal(curves.values["view"], [np.nan, 0.005])
    assert "learning_rate" not in curves.values
    assert curves.restarts == ()


def test_a_header_names_the_columns_and_marks_a_restart(tmp_path: Path) -> None:
    curves = read_curves(write(tmp_path, OLD + WITH_VIEW + HEADER + row(300, 0.9) + row(400, 0.8)))
    assert curves.values["total"].tolist() == [2.1, 1.9, 0.9, 0.8]
    assert curves.values["learning_rate"][2:].tolist() == [1e-3, 1e-3]
    assert curves.restarts == (200,)


def test_rows_behind_the_checkpoint_of_a_restart_are_lost(tmp_path: Path) -> None:
    text = HEADER + row(100, 9.0) + row(200, 8.0) + row(300, 7.0) + HEADER + row(200, 6.0) + row(300, 5.0)
    curves = read_curves(write(tmp_path, text))
    assert curves.steps.tolist() == [100, 200, 300]
    assert curves.values["total"].tolist() == [9.0, 6.0, 5.0]
    assert curves.restarts == (100,)


def test_the_first_header_and_sessions_without_rows_are_no_restarts(tmp_path: Path) -> None:
    assert read_curves(write(tmp_path, HEADER + HEADER + row(100) + HEADER)).restarts == ()


@pytest.mark.parametrize("bad", ["1,2,3\n", OLD.replace("2.1", "two"), HEADER + OLD])
def test_rows_that_fit_nothing_are_errors(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ValueError, match=r"line|could not convert"):
        read_curves(write(tmp_path, bad))


def test_the_command_draws_a_panel_for_each_loss(tmp_path: Path) -> None:
    write(tmp_path, OLD + WITH_VIEW + HEADER + "".join(row(step) for step in range(300, 1300, 100)))
    main([str(tmp_path), "-o", str(tmp_path / "picture.svg")])
    text = (tmp_path / "picture.svg").read_text()
    # Text is drawn as paths, with the characters in a comment before them.
    for title in ("total", "features", "travelled path", "learning rate", "samples a second"):
        assert f"<!-- {title} -->" in text
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_picture_is_a_png_of_some_size(tmp_path: Path) -> None:
    draw_curves(read_curves(write(tmp_path, HEADER + row(100) + row(200))), tmp_path / "losses.png")
    data = (tmp_path / "losses.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 10_000


def test_a_run_is_not_harmed_by_what_it_cannot_draw(tmp_path: Path) -> None:
    assert not update_picture(tmp_path)
    write(tmp_path, HEADER)
    assert not update_picture(tmp_path)
    write(tmp_path, "1,2\n")
    assert not update_picture(tmp_path)
    write(tmp_path, HEADER + row(100))
    assert update_picture(tmp_path)
    assert (tmp_path / "losses.png").exists()
