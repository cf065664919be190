"""Figures: what is drawn is what was given, words exist in both languages, files are whole, nothing heavy at import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from inkdiff import Box, viz
from inkdiff.metrics import Estimate


@pytest.fixture(autouse=True)
def _english():
    viz.use_language("en")
    yield
    viz.use_language("en")


@pytest.fixture
def ax():
    return viz.figure()[1][0, 0]


def test_importing_viz_loads_no_matplotlib_and_drawing_no_pyplot():
    code = (
        "import sys; from inkdiff import viz; assert 'matplotlib' not in sys.modules; fig, axes = viz.figure(); "
        "viz.theory(axes[0, 0], [0, 1], [0, 1], 'line'); axes[0, 0].legend(); fig.canvas.draw(); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_label_has_both_languages():
    for key, texts in viz.LABELS.items():
        assert len(texts) == 2 and all(text.strip() for text in texts), key


def test_labels_follow_the_language():
    assert viz.label("entropy") == "entropy $S$ (nats)"
    viz.use_language("it")
    assert viz.label("entropy") == "entropia $S$ (nat)"
    assert viz.label("entropy", "en") == "entropy $S$ (nats)"
    assert viz.say("the drop", "la goccia") == "la goccia"


@pytest.mark.parametrize(
    "wrong", [lambda: viz.label("entrpy"), lambda: viz.use_language("de"), lambda: viz.label("ink", "de")]
)
def test_unknown_keys_and_languages_are_named(wrong):
    with pytest.raises(ValueError, match=r"'entrpy'.*'entropy'|'de'"):
        wrong()


@pytest.mark.parametrize(("width", "font"), [(6.0, 14.0), (12.0, 14.0), (18.0, 21.0)])
def test_letters_grow_with_the_figure(width, font):
    fig, axes = viz.figure(2, 3, width=width)
    assert axes.shape == (2, 3)
    assert fig.get_figwidth() == width
    assert axes[0, 0].xaxis.label.get_size() == font


def test_concentration_is_drawn_with_x_to_the_right_and_y_up(ax):
    counts = np.zeros((4, 3), int)
    counts[3, 0] = 7  # largest x, smallest y: lower right
    drawn = viz.concentration(ax, counts, Box((0, -1), (2, 1)))
    assert drawn.get_extent() == [0, 2, -1, 1]
    assert drawn.origin == "lower"
    np.testing.assert_array_equal(np.asarray(drawn.get_array()), counts.T)
    assert drawn.get_clim() == (0, 7)


def test_concentration_of_nothing_is_white(ax):
    drawn = viz.concentration(ax, np.zeros((4, 4)), Box(0, 1))
    assert drawn.to_rgba(0.0)[:3] == (1.0, 1.0, 1.0)


def test_ink_gets_darker_with_concentration():
    shades = viz.ink_colors()(np.linspace(0, 1, 20))[:, :3] @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(shades) < 0).all()


def test_images_stand_in_reading_order_with_seams(ax):
    x = np.arange(5.0)[:, None] * np.ones((1, 6)) / 5
    mosaic = np.ma.filled(viz.images(ax, x, (2, 3), 2, 3).get_array(), np.nan)
    assert mosaic.shape == (2 * 2 + 1, 3 * 3 + 2)
    np.testing.assert_allclose(mosaic[:2, 8:], 2 / 5)  # third of the first row
    np.testing.assert_allclose(mosaic[3:, :3], 3 / 5)  # first of the second row
    assert np.isnan(mosaic[2]).all() and np.isnan(mosaic[:, 3]).all() and np.isnan(mosaic[3:, 8:]).all()


@pytest.mark.parametrize(("n", "shape"), [(1, (1, 1)), (9, (3, 3)), (12, (3, 4)), (13, (3, 5))])
def test_images_without_numbers_of_rows_shows_all(ax, n, shape):
    mosaic = viz.images(ax, np.ones((n, 1)), (1, 1)).get_array()
    assert mosaic.shape == (2 * shape[0] - 1, 2 * shape[1] - 1)
    assert np.ma.count(mosaic) == n


def test_colour_images_keep_their_colours(ax):
    red = np.tile([1.0, 0, 0], 4)[None]
    np.testing.assert_array_equal(viz.images(ax, red, (2, 2, 3)).get_array(), red.reshape(2, 2, 3))


def test_film_runs_from_left_to_right(ax):
    frames = np.arange(6.0).reshape(3, 2, 1, 1) / 6  # three moments of two images
    mosaic = viz.film(ax, frames, ["a", "b", "c"], row_labels=["one", "two"]).get_array()
    np.testing.assert_allclose(mosaic[0, ::2], np.array([0, 2, 4]) / 6)
    np.testing.assert_allclose(mosaic[2, ::2], np.array([1, 3, 5]) / 6)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b", "c"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["one", "two"]


def test_points_carry_their_errors(ax):
    drawn = viz.with_errors(ax, [0, 1], [Estimate(1.0, 0.1), Estimate(2.0, 0.3)], "measured", "red")
    line, _, (bars,) = drawn.lines
    np.testing.assert_allclose(line.get_ydata(), [1, 2])
    np.testing.assert_allclose([s[:, 1] for s in bars.get_segments()], [[0.9, 1.1], [1.7, 2.3]])
    assert line.get_color() == viz.COLORS["red"]


def test_theory_is_a_line_or_a_level(ax):
    viz.theory(ax, [0, 1, 2], [3, 4, 5], "exact")
    viz.theory(ax, None, 4.0, "maximum")
    curve, level = ax.get_lines()
    np.testing.assert_allclose(curve.get_ydata(), [3, 4, 5])
    assert set(level.get_ydata()) == {4.0}


def test_vectors_sit_on_their_grid_points(ax):
    x, y = np.array([0.0, 1.0, 2.0]), np.array([5.0, 6.0])
    u = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)  # the arrow at (x, y) is (x, y)
    viz.vectors(ax, x, y, u.reshape(-1, 2))
    quiver = ax.collections[0]
    np.testing.assert_allclose(quiver.get_offsets(), np.column_stack([quiver.U, quiver.V]))


def test_unit_length_keeps_directions_and_no_arrow_stays_none(ax):
    viz.vectors(ax, [0.0, 1.0], [0.0], np.array([[[3.0, 4.0]], [[0.0, 0.0]]]), unit_length=True)
    quiver = ax.collections[0]
    np.testing.assert_allclose(np.column_stack([quiver.U, quiver.V]), [[0.6, 0.8], [0, 0]])


def test_scatter_draws_all_points_smaller_in_a_crowd(ax):
    rng = np.random.default_rng(0)
    viz.scatter(ax, rng.normal(size=(100, 2)))
    viz.scatter(ax, rng.normal(size=(10_000, 2)))
    few, many = ax.collections
    assert len(many.get_offsets()) == 10_000
    assert many.get_sizes()[0] < few.get_sizes()[0]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda ax: viz.concentration(ax, np.zeros(4), Box(0, 1)),
        lambda ax: viz.images(ax, np.zeros((2, 5)), (2, 3)),
        lambda ax: viz.film(ax, np.zeros((2, 3, 3))),
        lambda ax: viz.film(ax, np.zeros((2, 1, 3, 3)), ["one label"]),
        lambda ax: viz.with_errors(ax, [0, 1], [(1.0, 0.1)]),
        lambda ax: viz.vectors(ax, [0, 1], [0, 1], np.zeros((3, 2))),
        lambda ax: viz.scatter(ax, np.zeros((5, 3))),
    ],
)
def test_wrong_shapes_are_named(ax, wrong):
    with pytest.raises(ValueError, match=r"shape|label"):
        wrong(ax)


def test_figures_are_saved_whole_or_not_at_all(tmp_path, monkeypatch):
    fig, _ = viz.figure()
    path = tmp_path / "figure.png"
    viz.save(fig, path)
    before = path.read_bytes()
    assert before.startswith(b"\x89PNG") and before.endswith(b"IEND\xaeB`\x82")

    def half(file, **options):
        file.write(b"\x89PNG half")
        raise OSError("disk full")

    monkeypatch.setattr(fig, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        viz.save(fig, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["figure", "figure.bmpp", "figure.txt"])
def test_unknown_formats_are_refused_before_writing(tmp_path, name):
    with pytest.raises(ValueError, match=r"path must end in"):
        viz.save(viz.figure()[0], tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_table_holds_its_texts_and_refuses_ragged_ones():
    _, axes = viz.figure(1, 1)
    viz.table(axes[0, 0], [["1", "2"], ["3", "4"]], ["a", "b"], ["first", "second"])
    assert [t.get_text() for t in axes[0, 0].texts] == ["a", "b", "first", "1", "2", "second", "3", "4"]
    with pytest.raises(ValueError, match="2 rows of 2 texts"):
        viz.table(axes[0, 0], [["1", "2"], ["3"]], ["a", "b"], ["first", "second"])
