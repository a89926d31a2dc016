"""The playground as a person uses it: a real browser, a real server, keys and mouse; nothing may be complained of."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from broken_files import encoded
from browser import wait_until, watched
from maskwright.inference.postprocess.settings import PostProcess, settings
from maskwright.sentences import table
from maskwright.web.playground import Kept
from serve_case import Bright, model, on_a_port, png, service, three_bands

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
CAT, DOG = (69, 160, 245), (176, 204, 57)
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@dataclass
class Player:
    """Somebody before the page.

    Args:
        page: the tab.
        address: of the server.
        bright: the first model's network.
    """

    page: Page
    address: str
    bright: Bright

    def open(self, lang: str = "en") -> None:
        self.page.goto(f"{self.address}/?lang={lang}")
        self.page.wait_for_selector("body[data-ready=true]", state="attached")

    def choose(self, content: bytes, name: str = "bands.png") -> None:
        """Choose a file and wait for its mask."""
        self.page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": content})
        self.shown()

    def shown(self) -> None:
        self.page.wait_for_selector("body[data-state=shown]", state="attached")
        self.until(lambda: self.page.locator("#busy").is_hidden() and self.page.locator(".area").count() > 0)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        wait_until(self.page, holds, 60)

    def shares(self) -> list[str]:
        """The classes' shares in percent, as they are listed."""
        return [text.split(" %")[0] for text in self.page.locator(".area b").all_inner_texts()]

    def colour(self, x: float, y: float, pane: str = "a", layer: str = "tint") -> list[int]:
        """What a layer shows at a point of the view, in shares of its sides: RGBA."""
        script = (
            "([id, layer, x, y]) => { const c = document.querySelector(`#pane-${id} canvas.${layer}`);"
            " const at = [Math.round(x * c.width), Math.round(y * c.height)];"
            " return [...c.getContext('2d').getImageData(...at, 1, 1).data]; }"
        )
        return list(self.page.evaluate(script, [pane, layer, x, y]))

    def slide(self, name: str, place: float) -> None:
        """Move a slider."""
        self.page.locator(f"#step-{name}").evaluate(
            "(input, place) => { input.value = place; input.dispatchEvent(new Event('input', { bubbles: true })); }",
            place,
        )


def picture(path: Path) -> np.ndarray:
    """A picture's pixels."""
    with Image.open(path) as opened:
        return np.asarray(opened)


def near(found: list[int], rgb: tuple[int, ...], alpha: int) -> bool:
    """Whether a colour is as expected, but for what rounding by its transparency makes of it."""
    return all(abs(one - other) <= 2 for one, other in zip(found, (*rgb, alpha), strict=True))


@contextmanager
def playing(chromium: Any, viewport: dict[str, int] = WIDE, **context: Any) -> Iterator[Player]:
    bright = Bright()
    other = model("other", post=PostProcess(photo_vote_share=0.5))
    made = chromium.new_context(viewport=viewport, **context)
    with on_a_port(service(model("one", bright), other)) as address:
        page = made.new_page()
        page.set_default_timeout(60_000)
        complaints, requests = watched(page)
        player = Player(page, address, bright)
        player.open()
        yield player
        made.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith((address, "blob:", "data:"))] == []


@pytest.fixture
def player(chromium: Any) -> Iterator[Player]:
    with playing(chromium) as sitting:
        yield sitting


def test_a_photo_gets_its_mask_areas_times_and_a_file(player: Player) -> None:
    player.choose(png(three_bands()))
    assert player.shares() == ["33.3"] * 3
    assert player.page.locator("#caption").inner_text() == "bands.png · 60 × 48"
    assert near(player.colour(0.5, 0.5), CAT, 140)  # 55 %
    assert player.colour(0.3, 0.5)[3] == 0  # background lets the photo through
    assert "Network" in player.page.locator("#timing").inner_text()
    player.page.locator("#opacity").evaluate("input => { input.value = 100; input.dispatchEvent(new Event('input')); }")
    player.until(lambda: near(player.colour(0.5, 0.5), CAT, 255))
    with player.page.expect_download() as saving:
        player.page.get_by_role("button", name="Download the mask").click()
    assert saving.value.suggested_filename == "bands-mask.png"
    saved = picture(saving.value.path())
    assert saved.shape == (48, 60)
    assert np.bincount(saved.ravel()).tolist() == [960] * 3


def test_sliders_move_the_mask_without_the_network(player: Player) -> None:
    player.choose(png(three_bands(48, 90)))
    assert player.bright.batches == [1]
    player.page.get_by_text("Prefer a class").click()
    player.slide("logit_offsets-0", 80)  # 4 more for the background
    player.until(lambda: player.shares() == ["66.7", "0.0", "33.3"])
    player.page.get_by_role("button", name="all off").click()
    player.until(lambda: player.shares() == ["33.3"] * 3)
    player.slide("photo_vote_share", 1)
    player.until(lambda: sorted(player.shares()) == ["0.0", "33.3", "66.7"])
    assert player.bright.batches == [1]
    assert "kept" in player.page.locator("#timing").inner_text()


def test_every_step_has_its_slider_and_moves_without_an_error(player: Player) -> None:
    player.choose(png(three_bands()))
    for lang in ("en", "ru"):
        assert {f"playground.{kind}_{each.name}" for each in settings() for kind in ("step", "hint")} <= set(
            table(lang)
        )
    for one in player.page.locator("#steps details").all():
        one.locator("summary").click()
    sliders = player.page.locator("#steps input[type=range]")
    assert sliders.count() == 7 + 2 * 3
    for place in range(sliders.count()):
        for end in ("Home", "End", "ArrowLeft"):
            sliders.nth(place).press(end)
    player.until(lambda: player.page.locator("#busy").is_hidden())
    assert player.page.locator("#banner").is_hidden()


def test_a_class_shows_its_probabilities(player: Player) -> None:
    player.choose(png(three_bands(240, 300)))
    cat = player.page.locator("#area-1")
    cat.click()
    player.until(lambda: player.page.locator("#legend").is_visible())
    assert cat.get_attribute("aria-pressed") == "true"
    sure, unsure = player.colour(0.5, 0.5, layer="marks"), player.colour(0.72, 0.5, layer="marks")
    assert sure[1] > 200 > 120 > unsure[1]  # yellow against blue
    box = player.page.locator("#view").bounding_box()
    assert box is not None
    player.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    player.until(lambda: player.page.locator("#readout").inner_text() == "cat 95 %")
    cat.click()
    player.until(lambda: player.page.locator("#legend").is_hidden())
    player.page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2)
    assert player.page.locator("#readout").inner_text() == "cat"


def test_two_models_on_one_photo_with_a_divider(player: Player) -> None:
    player.choose(png(three_bands(48, 96)))
    player.page.select_option("#model-b", "other")
    divider = player.page.locator("#divider")
    divider.wait_for()
    assert player.page.locator("#agreement").inner_text() == "Both agree on 66.7 % of the pixels."
    assert player.page.locator("#label-b").inner_text() == "other"
    box, view = divider.bounding_box(), player.page.locator("#view").bounding_box()
    assert box is not None and view is not None
    player.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 200)
    player.page.mouse.down()
    player.page.mouse.move(view["x"] + 0.25 * view["width"], box["y"] + 260, steps=4)
    player.page.mouse.up()
    assert divider.get_attribute("aria-valuenow") == "25"
    divider.press("ArrowRight")
    divider.press("PageUp")
    assert divider.get_attribute("aria-valuenow") == "37"
    assert "37%" in player.page.locator("#pane-b").evaluate("pane => pane.style.clipPath")
    assert player.colour(0.5, 0.5, "a") != player.colour(0.5, 0.5, "b")
    player.page.select_option("#model-b", label="the network alone")
    player.until(lambda: player.page.locator("#agreement").inner_text() == "Both agree on 100.0 % of the pixels.")
    player.page.select_option("#model-b", "")
    player.until(divider.is_hidden)


def test_a_photo_can_be_pasted_dropped_or_come_from_the_camera(player: Player) -> None:
    script = """([kind, text]) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), data = new DataTransfer();
        data.items.add(new File([bytes], kind === "paste" ? "image.png" : "dropped.png", { type: "image/png" }));
        const event = kind === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
            : new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
    }"""
    text = base64.b64encode(png(three_bands())).decode()
    player.page.evaluate(script, ["paste", text])
    player.shown()
    assert player.page.locator("#caption").inner_text() == "pasted photo · 60 × 48"
    player.page.evaluate(script, ["dragenter", text])
    assert player.page.locator("#drop").is_visible()
    player.page.evaluate(script, ["drop", text])
    player.until(lambda: player.page.locator("#caption").inner_text() == "dropped.png · 60 × 48")
    assert player.page.locator("#drop").is_hidden()
    player.page.get_by_role("button", name="Camera").click()
    shutter = player.page.get_by_role("button", name="Take the photo")
    player.until(
        lambda: shutter.is_enabled() and player.page.evaluate("document.getElementById('video').videoWidth") > 0
    )
    shutter.click()
    player.until(lambda: player.page.locator("#caption").inner_text().startswith("photo from the camera · "))


def test_a_large_turned_photo_is_played_with_small_and_downloaded_whole(player: Player) -> None:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(three_bands(1600, 2400)).save(buffer, "JPEG", exif=exif)
    player.choose(buffer.getvalue(), "turned.jpg")
    caption = "turned.jpg · 1600 × 2400, shown as 853 × 1280; the mask is downloaded at full size"
    assert player.page.locator("#caption").inner_text() == caption
    assert near(player.colour(0.5, 0.5), CAT, 140)
    assert near(player.colour(0.5, 0.8), DOG, 140)
    with player.page.expect_download() as saving:
        player.page.get_by_role("button", name="Download the mask").click()
    assert picture(saving.value.path()).shape == (2400, 1600)


def test_what_a_browser_cannot_show_comes_from_the_server(player: Player) -> None:
    player.choose(encoded(three_bands(), "TIFF"), "scan.tif")
    assert player.page.locator("#caption").inner_text() == "scan.tif · 60 × 48"
    assert near(player.colour(0.5, 0.5, layer="photo"), (128, 128, 128), 255)


def test_a_photo_that_the_server_let_go_of_is_sent_again(chromium: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskwright.web.playground.Kept", lambda: Kept(1))
    bright = Bright()
    context = chromium.new_context(viewport=WIDE)
    with on_a_port(service(model("one", bright))) as address:
        player = Player(context.new_page(), address, bright)
        player.open()
        player.choose(png(three_bands(48, 90)))
        for place, shares in ((40, ["33.3"] * 3), (80, ["66.7", "0.0", "33.3"])):
            player.page.locator("#steps details").first.evaluate("details => { details.open = true; }")
            player.slide("logit_offsets-0", place)
            player.until(lambda shares=shares: player.shares() == shares)  # type: ignore[misc]
        assert len(bright.batches) > 1
        context.close()


def test_what_is_no_photo_is_said(chromium: Any) -> None:
    context = chromium.new_context(viewport=WIDE)
    with on_a_port(service()) as address:
        player = Player(context.new_page(), address, Bright())
        player.open()
        banner = player.page.locator("#banner-text")
        player.page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"<svg/>"})
        player.until(lambda: "not a picture but SVG" in banner.inner_text())
        player.page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"hello"})
        player.until(lambda: banner.inner_text().startswith("This is no photo"))
        player.page.get_by_role("button", name="Close").click()
        assert player.page.locator("#banner").is_hidden()
    player.page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": png(three_bands())})
    player.until(lambda: banner.inner_text().startswith("The server does not answer"))
    context.close()


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_on_a_phone_nothing_is_wider_than_the_screen(chromium: Any, lang: str) -> None:
    with playing(chromium, PHONE, has_touch=True) as player:
        player.open(lang)
        said, wide = table(lang), "document.documentElement.scrollWidth"
        assert player.page.evaluate(wide) == 390
        player.choose(png(three_bands()))
        player.page.select_option("#model-b", "other")
        player.page.locator("#divider").wait_for()
        for one in player.page.locator("#steps details").all():
            one.locator("summary").click()
        assert player.page.evaluate(wide) == 390
        player.page.select_option("#model-b", label=said["playground.compare_plain"])
        player.until(lambda: player.page.locator("#label-b").inner_text() == said["playground.network_alone"])
        small = player.page.evaluate(
            "[...document.querySelectorAll('button, select, summary, .slide')].filter((each) => each.offsetParent"
            " && each.getBoundingClientRect().height < 26 && !each.matches('.link')).map((each) => each.outerHTML)"
        )
        assert small == []


def test_all_of_it_is_reached_by_keys(player: Player) -> None:
    player.choose(png(three_bands()))
    player.page.select_option("#model-b", "other")
    player.page.locator("#divider").wait_for()
    reached = set()
    player.page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        player.page.keyboard.press("Tab")
        reached.add(player.page.evaluate("document.activeElement.id || document.activeElement.dataset.act || ''"))
    wanted = {"choose", "camera", "download", "view", "divider", "model-a", "model-b", "area-0", "area-2", "opacity"}
    wanted |= {"step-temperature", "step-edge_radius_frac", "step-colour_weight"}
    assert wanted | {"fitted", "off", "theme", "language"} <= reached
    before = player.colour(0.68, 0.5)
    player.page.locator("#view").press("+")
    player.page.locator("#view").press("+")
    player.page.locator("#view").press("+")
    player.until(lambda: player.colour(0.68, 0.5) != before)
    player.page.locator("#view").press("0")
    player.until(lambda: player.colour(0.68, 0.5) == before)
