"""Captions measured from the ink, prompts in two languages, and the command that draws them."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

import inkdiff as ink
from inkdiff.cli import main
from inkdiff.datasets import as_prompt, captions, parse_prompt, stroke_features
from inkdiff.datasets.prompts import KINDS, PHRASES

DIGITS = ink.datasets.digits()


# ---- measures ------------------------------------------------------------------------------------------------------


def test_a_bar_has_the_weight_and_width_of_a_bar():
    for w, length in ((1, 20), (2, 30), (5, 9)):
        bar = np.zeros((1, length + 4, 16))
        bar[0, 2 : 2 + length, 4 : 4 + w] = 0.7
        found = stroke_features(bar)
        # The edge of a rectangle, but for the corner where both forward differences fall on one pixel.
        edge = 2 * (w + length) - (2 - np.sqrt(2))
        assert found.weight[0] == pytest.approx(2 * w * length / edge)
        assert found.slant[0] == pytest.approx(0)
        assert found.width[0] == pytest.approx(np.sqrt(w**2 - 1))  # an even bar of whole pixels


@pytest.mark.parametrize("k", [-2, -1, 1, 3])
def test_a_sheared_bar_leans_as_it_was_sheared(k):
    picture = np.zeros((1, 9, 40))
    for row in range(9):
        picture[0, row, 18 - k * (row - 4) : 21 - k * (row - 4)] = 1
    found, upright = (
        stroke_features(picture),
        stroke_features(np.where(np.arange(40) // 3 == 6, 1.0, 0.0) * np.ones((1, 9, 1))),
    )
    assert found.slant[0] == pytest.approx(k)  # positive: the top is to the right
    assert found.width[0] == pytest.approx(upright.width[0])
    assert stroke_features(picture[:, :, ::-1]).slant[0] == pytest.approx(-k)


def test_measures_do_not_depend_on_how_dark_the_ink_is_or_where():
    images = DIGITS.images[:50]
    moved = np.pad(images, ((0, 0), (3, 1), (0, 4)))
    for other in (0.3 * images, moved):
        for found, expected in zip(stroke_features(other), stroke_features(images), strict=True):
            assert np.allclose(found, expected, rtol=1e-5)


def test_bad_pictures_are_refused():
    with pytest.raises(ValueError, match="shape"):
        stroke_features(np.ones((4, 64)))
    with pytest.raises(ValueError, match="some ink"):
        stroke_features(np.zeros((1, 8, 8)))


# ---- captions ------------------------------------------------------------------------------------------------------


def test_every_class_has_a_third_of_every_look():
    said = captions(DIGITS)
    assert len(said) == len(DIGITS) and [int(saying[0]) for saying in said] == DIGITS.y.tolist()
    for k, kind in enumerate(KINDS):
        counts = Counter((saying[0], saying[k]) for saying in said)
        assert {word for _, word in counts} == set(KINDS[kind])
        if kind != "class":
            assert len(counts) == 30 and max(counts.values()) - min(counts.values()) <= 9


def test_words_order_the_measures_within_a_class():
    said, measures = captions(DIGITS), stroke_features(DIGITS.images)
    for kind in ("weight", "slant", "width"):
        values, words, column = getattr(measures, kind), KINDS[kind], list(KINDS).index(kind)
        for label in range(10):
            low, middle, high = (
                [v for v, s in zip(values, said, strict=True) if s[0] == str(label) and s[column] == w] for w in words
            )
            assert max(low) <= min(middle) and max(middle) <= min(high)


def test_captions_need_digits():
    with pytest.raises(ValueError, match="no labels"):
        captions(ink.datasets.Dataset(DIGITS.x, image_shape=(8, 8)))
    with pytest.raises(ValueError, match="no labels from 0 to 9"):
        captions(ink.datasets.Dataset(DIGITS.x, DIGITS.y + 5, image_shape=(8, 8)))


# ---- prompts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a thin slanted seven", ("7", "thin", "slanted")),
        ("un sette sottile e inclinato", ("7", "thin", "slanted")),
        ("bold zero", ("0", "bold")),
        ("A left-leaning, BOLD 4!", ("4", "bold", "left")),
        ("un otto largo e inclinato a sinistra", ("8", "left", "wide")),
        ("il numero sei, in grassetto", ("6", "bold")),
        ("upright", ("upright",)),
    ],
)
def test_prompts_are_understood(prompt, words):
    assert parse_prompt(prompt) == words


@pytest.mark.parametrize("lang", ["en", "it"])
def test_whatever_can_be_said_is_understood(lang):
    choices = [(None, *words) for words in KINDS.values()]
    for choice in itertools.product(*choices):
        words = tuple(word for word in choice if word)
        if words:
            assert parse_prompt(as_prompt(words, lang)) == words
    for word, both in PHRASES.items():
        for phrase in (*both[0], *both[1]):
            assert parse_prompt(phrase) == (word,), phrase


def test_other_words_are_an_error_that_lists_what_is_known():
    with pytest.raises(ValueError, match="'purple' in 'a purple seven' is not a word it knows") as error:
        parse_prompt("a purple seven")
    for both in PHRASES.values():
        assert all(phrase in str(error.value) for phrases in both for phrase in phrases)
    with pytest.raises(ValueError, match="did you mean 'sottile'"):
        parse_prompt("un sette sotile")
    with pytest.raises(ValueError, match="a digit has one weight"):
        parse_prompt("a thin bold 3")
    with pytest.raises(ValueError, match="says nothing of a digit"):
        parse_prompt("the")
    with pytest.raises(TypeError, match="text"):
        parse_prompt(7)
    with pytest.raises(ValueError, match=r"words: 'thinn' is no word of a caption; known are 0, 1, .*thin, medium"):
        as_prompt(("7", "thinn"))
    with pytest.raises(ValueError, match="lang must be one of en, it, got 'de'"):
        as_prompt(("7",), "de")


# ---- drawing -------------------------------------------------------------------------------------------------------


def test_draw_trains_once_and_writes_a_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INKDIFF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    flags = ["--steps", "2", "--quiet", "--n", "3"]
    assert main(["draw", "un sette sottile", *flags, "--lang", "it"]) == 0
    assert "training a score for 2 steps, once" in capsys.readouterr().out
    first = (tmp_path / "sette_sottile.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert main(["draw", "a thin seven", *flags, "--lang", "it", "--out", "again.png"]) == 0
    assert "training" not in capsys.readouterr().out
    assert (tmp_path / "again.png").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.png", "cache", "sette_sottile.png"]


def test_a_drawing_is_named_as_its_help_says(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        main(["draw", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "here, named by what was understood, in --lang, such as thin_slanted_seven.png" in said
    monkeypatch.setenv("INKDIFF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert main(["draw", "un sette sottile e inclinato", "--steps", "2", "--quiet", "--n", "1"]) == 0
    assert [path.name for path in tmp_path.glob("*.png")] == ["thin_slanted_seven.png"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["a purple seven"], "'purple'"),
        (["seven", "--out", "seven.txt"], "must end in .png"),
        (["seven", "--out", "nowhere/seven.png"], "folder"),
        (["seven", "--n", "0"], "--n must be at least 1"),
        (["seven", "--guidance", "-1"], "--guidance"),
        (["seven", "--guidance", "inf"], "--guidance must be at least 0 and finite, got inf"),
        (["seven", "--seed", "-1"], "--seed"),
    ],
)
def test_draw_refuses_before_any_work(flags, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("INKDIFF_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert main(["draw", *flags]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
