"""The page's own arithmetic on pixels, run in the browser, against NumPy, SciPy and OpenCV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy import ndimage

import mask_references as reference
import maskwright.web
from browser import browser

pytestmark = pytest.mark.browser

STATIC = Path(maskwright.web.__file__).parent / "static"
SHAPE = (37, 53)


@pytest.fixture(scope="module")
def modules() -> Iterator[Any]:
    """A page of an origin that serves the modules and nothing else."""
    with browser() as opened:
        page = opened.new_page()
        page.route("http://modules.test/**", _serve)
        page.goto("http://modules.test/")
        yield page


def _serve(route: Any) -> None:
    name = route.request.url.rsplit("/", 1)[1]
    if name:
        route.fulfill(body=(STATIC / name).read_text(encoding="utf-8"), content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html><title>modules</title>", content_type="text/html")


def _run(page: Any, module: str, body: str, **given: Any) -> Any:
    """Run JavaScript with a module as `m` and arguments as `a`."""
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in given.items()}
    return page.evaluate(f"async (a) => {{ const m = await import('/{module}.js'); {body} }}", plain)


SPANS = "const out = []; const put = (y, x0, x1) => out.push([y, x0, x1]);"


def _filled(spans: list[list[int]], shape: tuple[int, int] = SHAPE) -> reference.Flags:
    """The pixels of spans, of which none may lie outside or twice."""
    counts = np.zeros(shape, int)
    for y, x0, x1 in spans:
        assert 0 <= y < shape[0] and 0 <= x0 < x1 <= shape[1]
        counts[y, x0:x1] += 1
    assert counts.max(initial=0) <= 1
    return counts > 0


def _blobs(seed: int, classes: int = 3, shape: tuple[int, int] = SHAPE) -> reference.Ids:
    noise = np.random.default_rng(seed).normal(size=(classes, *shape))
    return np.argmax([ndimage.gaussian_filter(each, 1.5) for each in noise], axis=0).astype(np.uint8)


@pytest.mark.parametrize("seed", range(12))
def test_a_polygon_has_the_pixels_whose_centres_it_winds_round(modules: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-6, [59, 43], (rng.integers(3, 12), 2))
    if seed % 3 == 0:
        corners = np.floor(corners) + 0.5 * (seed % 2)  # corners on centres and on corners of pixels
    body = SPANS + "m.polygonSpans(a.corners.map(([x, y]) => ({x, y})), a.width, a.height, put); return out;"
    spans = _run(modules, "raster", body, corners=corners, width=SHAPE[1], height=SHAPE[0])
    expected = reference.polygon(SHAPE, [(x, y) for x, y in corners.tolist()])
    assert expected.any()
    np.testing.assert_array_equal(_filled(spans), expected)


def test_polygons_with_a_common_edge_share_no_pixel_and_leave_none_out(modules: Any) -> None:
    parts = [[(2, 3), (41, 5), (17, 19)], [(2, 3), (17, 19), (6, 34)], [(41, 5), (6, 34), (17, 19)]]
    body = SPANS + "m.polygonSpans(a.corners.map(([x, y]) => ({x, y})), 53, 37, put); return out;"
    filled = [_filled(_run(modules, "raster", body, corners=corners)) for corners in parts]
    whole = _filled(_run(modules, "raster", body, corners=[(2, 3), (41, 5), (6, 34)]))
    np.testing.assert_array_equal(np.sum(filled, axis=0), whole)


@pytest.mark.parametrize("diameter", [1, 2, 3, 4, 7, 10, 25])
def test_a_brush_covers_the_pixels_near_its_way(modules: Any, diameter: int) -> None:
    rng = np.random.default_rng(diameter)
    body = (
        SPANS + "const [p, q] = a.points.map(([x, y]) => m.snapped({x, y}, a.d));"
        "m.brushSpans(p, q, a.d, a.width, a.height, put); return [[p.x, p.y], [q.x, q.y], out];"
    )
    for points in rng.uniform(-4, [57, 41], (12, 2, 2)):
        first, last, spans = _run(modules, "raster", body, points=points, d=diameter, width=53, height=37)
        expected_ends = [reference.snapped(x, y, diameter) for x, y in points.tolist()]
        assert [tuple(first), tuple(last)] == expected_ends
        np.testing.assert_array_equal(_filled(spans), reference.stroke(SHAPE, expected_ends, diameter))


def test_a_brush_of_one_pixel_draws_a_line_without_gaps(modules: Any) -> None:
    body = SPANS + "m.brushSpans({x: 1.5, y: 2.5}, {x: 50.5, y: 30.5}, 1, 53, 37, put); return out;"
    line = _filled(_run(modules, "raster", body))
    assert ndimage.label(line, np.ones((3, 3)))[1] == 1
    assert line[2, 1] and line[30, 50]


@pytest.mark.parametrize("neighbours", [4, 8])
@pytest.mark.parametrize("seed", range(4))
def test_a_flooded_region_is_the_one_of_opencv(modules: Any, seed: int, neighbours: int) -> None:
    mask = _blobs(seed)
    x, y = np.random.default_rng(seed).integers([0, 0], [SHAPE[1], SHAPE[0]]).tolist()
    body = (
        "const r = m.regionAt(Uint8Array.from(a.mask.flat()), a.width, a.height, a.x, a.y, a.n);"
        "return [[...r.inside], r.count, r.rect];"
    )
    inside, count, rect = _run(modules, "regions", body, mask=mask, width=53, height=37, x=x, y=y, n=neighbours)
    flooded = np.zeros((SHAPE[0] + 2, SHAPE[1] + 2), np.uint8)
    cv2.floodFill(mask.copy(), flooded, (x, y), 0, 0, 0, neighbours | cv2.FLOODFILL_MASK_ONLY | (1 << 8))
    expected = flooded[1:-1, 1:-1] > 0
    np.testing.assert_array_equal(np.reshape(inside, SHAPE) > 0, expected)
    rows, columns = np.nonzero(expected)
    assert count == expected.sum()
    assert rect == {"x0": columns.min(), "y0": rows.min(), "x1": columns.max() + 1, "y1": rows.max() + 1}


def test_a_flooded_region_stays_within_a_selection(modules: Any) -> None:
    within = np.zeros(SHAPE, np.uint8)
    within[5:20, 10:30] = 1
    body = (
        "return [...m.regionAt(new Uint8Array(37 * 53), 53, 37, a.x, 12, 4, Uint8Array.from(a.within.flat())).inside];"
    )
    np.testing.assert_array_equal(np.reshape(_run(modules, "regions", body, within=within, x=12), SHAPE), within)
    assert sum(_run(modules, "regions", body, within=within, x=2)) == 0


@pytest.mark.parametrize("neighbours", [4, 8])
def test_components_are_those_of_scipy(modules: Any, neighbours: int) -> None:
    mask = _blobs(7)
    body = "const c = m.components(Uint8Array.from(a.mask.flat()), 53, 37, a.n); return [[...c.labels], c.count];"
    labels, count = _run(modules, "regions", body, mask=mask, n=neighbours)
    expected, total = np.zeros(SHAPE, int), 0
    for value in np.unique(mask):
        found, n = ndimage.label(mask == value, np.ones((3, 3)) if neighbours == 8 else None)
        expected[found > 0] = found[found > 0] + total
        total += n
    pairs = {*zip(labels, expected.ravel().tolist(), strict=True)}
    assert count == total == len(pairs) == len(set(labels))


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_smoothing_is_a_vote_in_a_disc(modules: Any, radius: int) -> None:
    mask = _blobs(radius)
    mask[np.random.default_rng(radius).random(SHAPE) < 0.08] = 1
    mask[3:9, 40:47] = 255
    body = "return [...m.smoothed(Uint8Array.from(a.mask.flat()), 53, 37, a.radius, 255)];"
    smooth = np.reshape(_run(modules, "regions", body, mask=mask, radius=radius), SHAPE)
    assert (smooth != mask).sum() > 20
    np.testing.assert_array_equal(smooth, reference.smoothed(mask, radius, 255))


def test_holes_are_filled_as_scipy_fills_them(modules: Any) -> None:
    body = "return [...m.withoutHoles(Uint8Array.from(a.mask.flat()), 53, 37)];"
    mask = (_blobs(11, 2) > 0).astype(np.uint8) * 2
    filled = np.reshape(_run(modules, "regions", body, mask=mask), SHAPE)
    expected = ndimage.binary_fill_holes(mask, ndimage.generate_binary_structure(2, 1))
    assert (filled != mask).any()
    np.testing.assert_array_equal(filled, expected * 2)


def test_a_hole_between_two_classes_stays_open(modules: Any) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:20, 5:15], mask[5:20, 15:25] = 1, 2
    mask[8:12, 13:17] = 0
    mask[14:16, 7:9] = 0
    body = "return [...m.withoutHoles(Uint8Array.from(a.mask.flat()), 53, 37)];"
    filled = np.reshape(_run(modules, "regions", body, mask=mask), SHAPE)
    assert (filled[8:12, 13:17] == 0).all()
    assert (filled[14:16, 7:9] == 1).all()


def test_a_component_taken_out_becomes_what_surrounds_it(modules: Any) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:30, 5:40] = 2
    mask[10:13, 10:13] = 1
    body = (
        "const mask = Uint8Array.from(a.mask.flat());"
        "return a.at.map(([x, y]) => m.surrounding(mask, 53, 37, m.regionAt(mask, 53, 37, x, y, 8)));"
    )
    assert _run(modules, "regions", body, mask=mask, at=[[11, 11], [20, 20], [0, 0]]) == [2, 0, 2]


def test_packed_masks_come_back(modules: Any) -> None:
    body = """
      const data = Uint8Array.from(a.data), runs = m.packed(data), back = m.unpacked(runs, data.length);
      const text = m.fromBase64(m.toBase64(data));
      return [m.sameBytes(data, back), m.sameBytes(data, text), runs.length];"""
    rng = np.random.default_rng(0)
    for data in (
        [],
        [7],
        [0] * 200_000,
        rng.integers(0, 256, 999).tolist(),
        np.repeat(rng.integers(0, 3, 60), 127).tolist(),
    ):
        same, text, size = _run(modules, "bytes", body, data=data)
        assert same and text
        assert size <= 2 * len(data)
    assert _run(modules, "bytes", "return m.packed(new Uint8Array(12e6)).length;") < 8


def test_every_edit_is_undone_and_done_again(modules: Any) -> None:
    body = """
      const { brushSpans } = await import('/raster.js'), { sameBytes } = await import('/bytes.js');
      const p = m.painting(400, 300, new Uint8Array(120000)), states = [p.mask.slice()];
      for (const [x, y, u, v, size, id] of a.strokes) {
        m.begin(p);
        brushSpans({x, y}, {x: u, y: v}, size, 400, 300, (row, x0, x1) => m.paintSpan(p, row, x0, x1, id));
        if (m.commit(p, 'brush')) states.push(p.mask.slice());
      }
      const back = states.slice(0, -1).reverse().every((state) => m.undo(p) && sameBytes(state, p.mask));
      const nothing = m.undo(p);
      const forth = states.slice(1).every((state) => m.redo(p) && sameBytes(state, p.mask));
      return [states.length, back, nothing, forth, m.redo(p)];"""
    rng = np.random.default_rng(1)
    strokes = np.column_stack(
        [rng.integers(0, 300, (60, 4)) + 0.5, rng.integers(0, 20, 60) * 2 + 1, rng.integers(0, 4, 60)]
    )
    edits, back, nothing, forth, no_more = _run(modules, "painting", body, strokes=strokes)
    assert edits > 40
    assert (back, nothing, forth, no_more) == (True, None, True, None)


def test_an_abandoned_edit_leaves_no_trace_and_a_new_one_ends_redo(modules: Any) -> None:
    body = """
      const p = m.painting(300, 200, new Uint8Array(60000));
      m.begin(p); m.paintSpan(p, 3, 10, 200, 1); m.commit(p, 'one');
      m.begin(p); m.paintSpan(p, 150, 0, 300, 2); const rect = m.abandon(p);
      m.begin(p); m.paintSpan(p, 3, 10, 20, 1); const none = m.commit(p, 'nothing');
      m.undo(p); m.begin(p); m.paintSpan(p, 9, 0, 5, 3); m.commit(p, 'other');
      return [rect !== null, none, m.redo(p), [...new Set(p.mask)], p.done.length];"""
    assert _run(modules, "painting", body) == [True, None, None, [0, 3], 1]


def test_undo_on_a_large_photo_keeps_only_what_changed(modules: Any) -> None:
    body = """
      const { brushSpans } = await import('/raster.js');
      const p = m.painting(4000, 3000, new Uint8Array(12e6));
      for (let n = 0; n < 200; n++) {
        const x = 100 + 19 * n, y = 100 + 13 * n;
        m.begin(p);
        brushSpans({x, y}, {x: x + 60, y}, 40, 4000, 3000, (row, x0, x1) => m.paintSpan(p, row, x0, x1, 1 + n % 3));
        m.commit(p, 'brush');
      }
      const tiles = p.done.flatMap((edit) => edit.tiles);
      return tiles.reduce((sum, tile) => sum + tile.before.length + tile.after.length, 0);"""
    assert 0 < _run(modules, "painting", body) < 1_000_000


def test_zooming_keeps_the_point_under_the_pointer(modules: Any) -> None:
    body = """
      const photo = {width: 640, height: 480}, pane = {width: 700, height: 500};
      let view = m.fitting(photo, pane);
      const at = {x: 310, y: 222}, point = m.toPhoto(view, at), seen = [];
      for (const factor of [1.5, 3, 0.8, 4]) {
        view = m.zoomed(view, factor, at, photo, pane);
        const now = m.toPhoto(view, at);
        seen.push(Math.hypot(now.x - point.x, now.y - point.y));
      }
      return [seen, m.toPane(view, m.toPhoto(view, {x: 5, y: 9}))];"""
    seen, there_and_back = _run(modules, "viewport", body)
    assert max(seen) < 1e-9
    assert there_and_back == pytest.approx({"x": 5, "y": 9})


def test_a_tint_shows_each_pixel_as_a_square_with_its_outline(modules: Any) -> None:
    body = """
      const canvas = document.createElement('canvas');
      canvas.width = 9 * 4 + 8; canvas.height = 7 * 4 + 8;
      const context = canvas.getContext('2d', { willReadFrequently: true });
      const classes = [{id: 0, name: 'b', rgb: [0, 0, 0]}, {id: 1, name: 'c', rgb: [240, 130, 30]}];
      const tints = m.classTints(classes, 255, 0.6, a.outline);
      const part = {x0: 0, y0: 0, x1: canvas.width, y1: canvas.height};
      m.drawTint(context, Uint8Array.from(a.mask.flat()), 9, 7, {scale: 4, x: -1, y: -1}, 1, tints, part);
      return [...context.getImageData(0, 0, canvas.width, canvas.height).data];"""
    mask = np.zeros((7, 9), np.uint8)
    mask[2:5, 3:8] = 1
    mask[3, 0] = 1
    shown = np.kron(np.pad(mask, 1), np.ones((4, 4), np.uint8)).astype(bool)
    inner = ndimage.binary_erosion(np.pad(shown[4:-4, 4:-4], 1, mode="edge"))[1:-1, 1:-1]
    edge = shown & ~np.pad(inner, 4)
    for outline, within in ((False, 153), (True, 0)):
        drawn = np.reshape(_run(modules, "tint", body, mask=mask, outline=outline), (36, 44, 4))
        np.testing.assert_array_equal(drawn[..., 3], np.where(edge, 255, np.where(shown, within, 0)))
        assert (drawn[edge][:, :3] == (240, 130, 30)).all()


def test_filters_take_what_passes_all_of_them(modules: Any) -> None:
    samples = [
        {"id": f"train/cat_{n:03d}", "split": "train" if n % 2 else "val", "checks": ["speck"] * (n % 3 == 0),
         "class_ids": [0, 1 + n % 2], "decision": [None, "keep", "exclude"][n % 3]}
        for n in range(30)
    ]  # fmt: skip
    body = """
      const found = m.passing(a.samples, {...m.NO_FILTERS, ...a.filters}, new Set(a.painted));
      return found.map((one) => one.id.slice(-3));"""

    def passing(**filters: str) -> list[int]:
        found = _run(modules, "filters", body, samples=samples, filters=filters, painted=["train/cat_004"])
        return [int(number) for number in found]

    assert passing() == list(range(30))
    assert passing(text="CAT 00") == list(range(10))
    assert passing(check="speck", split="train") == [3, 9, 15, 21, 27]
    assert passing(check="-", decision="keep", classId="1") == [4, 10, 16, 22, 28]
    assert passing(decision="none") == list(range(0, 30, 3))
    assert passing(decision="painted") == [4]
