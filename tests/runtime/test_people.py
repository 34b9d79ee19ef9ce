"""Following people and telling them apart, with stand-in networks that see squares of colour."""

from __future__ import annotations

import numpy as np

from genmo.runtime.people.identities import Person, people
from genmo.runtime.people.tracking import squares
from genmo.tests.runtime.figures import BLUE, GREEN, RED, Colour, scene, tracked

SIZE = (200, 120)


def found(pictures: list, *colours: Colour) -> list[Person]:
    tracker = tracked(pictures, *colours)
    return people(tracker.pieces, np.arange(len(pictures)) / 30.0, SIZE)


def course(person: Person) -> dict[int, tuple[float, float]]:
    """Where a person is, by picture."""
    return {
        frame: tuple(seen.points[[11, 12, 23, 24]].mean(axis=0).round(1))
        for frame, seen in zip(person.frames, person.found, strict=True)
    }


def colour_of(person: Person) -> Colour:
    return min((RED, GREEN, BLUE), key=lambda colour: float(np.nanmean(np.abs(person.looks[1] - colour))))


def test_everybody_is_followed_from_the_first_picture_to_the_last() -> None:
    pictures = [scene((RED, 40 + t, 60), (GREEN, 160, 50)) for t in range(40)]
    one, other = found(pictures, RED, GREEN)
    assert {colour_of(one), colour_of(other)} == {RED, GREEN}
    assert one.frames == other.frames == list(range(40))


def test_people_who_cross_keep_their_names() -> None:
    """The red one goes to the right behind the green one, who goes to the left."""
    pictures = [scene((RED, 40 + 2 * t, 60), (GREEN, 160 - 2 * t, 60)) for t in range(60)]
    both = found(pictures, RED, GREEN)
    assert len(both) == 2
    for person in both:
        way = course(person)
        first, last = way[person.frames[0]][0], way[person.frames[-1]][0]
        assert (last - first > 80) if colour_of(person) == RED else (first - last > 80)
        assert len(person.frames) > 40


def test_somebody_who_was_hidden_is_the_same_person() -> None:
    pictures = [scene((RED, 40 + 2 * t, 60)) if not 20 <= t < 35 else scene() for t in range(60)]
    (person,) = found(pictures, RED)
    assert person.frames[0] == 0
    assert person.frames[-1] == 59
    assert 40 <= len(person.frames) <= 45


def test_somebody_else_in_the_same_place_is_somebody_else() -> None:
    """One leaves the picture at the edge, another comes in there in other clothes."""
    pictures = [scene((RED, 190 - 0 * t, 60)) for t in range(25)] + [scene() for _ in range(10)]
    pictures += [scene((BLUE, 190, 60)) for t in range(25)]
    both = found(pictures, RED, BLUE)
    assert sorted(map(colour_of, both)) == sorted([RED, BLUE])


def test_a_new_person_is_followed_back_to_where_they_came_from() -> None:
    """Searches are seldom while somebody is followed, but nothing of the new person is lost."""
    pictures = [scene((RED, 40, 60)) for _ in range(6)] + [scene((RED, 40, 60), (BLUE, 150, 60)) for _ in range(30)]
    both = found(pictures, RED, BLUE)
    (blue,) = [person for person in both if colour_of(person) == BLUE]
    assert blue.frames == list(range(6, 36))


def test_cuts_are_found_and_end_everything() -> None:
    dark = [scene((RED, 60, 60)) for _ in range(20)]
    bright = [(255 - scene((GREEN, 150, 40))).astype(np.uint8) for _ in range(20)]
    tracker = tracked([*dark, *bright], RED, tuple(255 - value for value in GREEN))
    assert tracker.cuts == [20]
    assert {piece.shot for piece in tracker.pieces} == {0, 1}
    assert all((piece.frames[0] < 20) == (piece.frames[-1] < 20) for piece in tracker.pieces)


def test_a_flash_of_a_person_is_nobody() -> None:
    pictures = [scene((RED, 60, 60), *([(BLUE, 150, 60)] if 10 <= t < 16 else [])) for t in range(60)]
    (person,) = found(pictures, RED, BLUE)
    assert colour_of(person) == RED


def test_nobody_is_no_error() -> None:
    assert found([scene() for _ in range(10)], RED) == []
    assert people([], np.zeros(0), SIZE) == []


def test_the_most_prominent_comes_first() -> None:
    pictures = [scene((GREEN, 150, 60), *([(RED, 40, 60)] if t < 30 else [])) for t in range(60)]
    first, second = found(pictures, RED, GREEN)
    assert (colour_of(first), colour_of(second)) == (GREEN, RED)
    assert first.prominence > second.prominence


def test_squares_cover_pictures_of_every_shape() -> None:
    for height, width in ((720, 1280), (1280, 720), (400, 400), (300, 2000)):
        pixels = np.zeros((height, width, 3), np.uint8)
        covered = np.zeros((height, width), bool)
        for left, top, right, bottom in squares(pixels):
            assert 0 <= left < right <= width
            assert 0 <= top < bottom <= height
            covered[top:bottom, left:right] = True
        assert covered.all()
