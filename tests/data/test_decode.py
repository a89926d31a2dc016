"""What comes out of photos and masks of every kind."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from broken_files import chunk, encoded, png, turned
from maskwright.data.decode import RawMask, Undecodable, read_image, read_photo, read_raw_mask
from maskwright.errors import DataError
from small_folders import mask, photo, save


def _mask(path: Path) -> RawMask:
    return read_raw_mask(path, name=path.name)


def _values(raw: RawMask) -> np.ndarray:
    return np.array(raw.found.values)[raw.places]


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp"])
def test_lossless_photos_come_out_as_they_went_in(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    save(path, photo(1), **({"lossless": True} if ending == "webp" else {}))
    image = read_image(path)
    assert image.dtype == np.uint8
    assert np.array_equal(image, photo(1))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_exif_rotation_is_applied(orientation: int, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    turned(path, orientation, 1, (12, 16))
    with Image.open(path) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    decoded = read_photo(path, name="a")
    assert np.array_equal(decoded.image, expected)
    assert decoded.image.shape == ((16, 12, 3) if orientation >= 5 else (12, 16, 3))
    assert (decoded.orientation, decoded.unrotated_hw) == (orientation, (12, 16))


def test_a_mask_is_turned_by_its_own_tag(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "m.png", mask(1), exif=exif)
    assert np.array_equal(_values(_mask(tmp_path / "m.png")), np.rot90(mask(1), -1))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x09"]
)
def test_broken_exif_turns_nothing(exif: bytes, tmp_path: Path) -> None:
    whole = encoded(photo(1), "PNG")
    (tmp_path / "a.png").write_bytes(whole[:33] + chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")) + whole[33:])
    assert np.array_equal(read_image(tmp_path / "a.png"), photo(1))


def test_grey_photos_become_rgb(tmp_path: Path) -> None:
    grey = photo(1)[..., 0]
    save(tmp_path / "a.png", grey)
    assert np.array_equal(read_image(tmp_path / "a.png"), np.dstack([grey] * 3))


def test_black_and_white_photos_become_rgb(tmp_path: Path) -> None:
    Image.fromarray(photo(1)[..., 0]).convert("1").save(tmp_path / "a.png")
    assert set(np.unique(read_image(tmp_path / "a.png"))) == {0, 255}


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.array([[0, 128, 129, 257, 65535]], np.uint16))
    assert read_image(tmp_path / "a.png")[0, :, 1].tolist() == [0, 0, 1, 1, 255]


@pytest.mark.parametrize("kind", ["RGBA", "LA", "PA"])
def test_alpha_is_laid_on_white(kind: str, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (2, 1), (0, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    saved = picture.convert("LA" if kind == "LA" else "RGBA")
    if kind == "PA":
        saved = Image.new("P", (2, 1))
        saved.putpalette([0, 0, 0, 9, 9, 9])
        saved.putdata([0, 1])
        saved.info["transparency"] = bytes([255, 0])
    saved.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_cmyk_photos_become_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg")
    red, green, blue = read_image(tmp_path / "a.jpg")[8, 8].tolist()
    assert red > 240
    assert green < 15
    assert blue < 15


def test_palette_photos_become_rgb(tmp_path: Path) -> None:
    picture = Image.new("P", (3, 3), 1)
    picture.putpalette([0, 0, 0, 10, 20, 30])
    picture.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[1, 1].tolist() == [10, 20, 30]


def test_index_masks_keep_their_values(tmp_path: Path) -> None:
    for name, values in (("a.png", mask(1, 2)), ("b.tif", mask(3, 255)), ("c.bmp", mask(7)), ("d.webp", mask(9))):
        save(tmp_path / name, values, **({"lossless": True} if name == "d.webp" else {}))
        assert np.array_equal(_values(_mask(tmp_path / name)), values)


def test_sixteen_bit_masks_keep_their_values(tmp_path: Path) -> None:
    values = mask(1, 2).astype(np.uint16) * 1000
    for name in ("a.png", "b.tif"):
        save(tmp_path / name, values)
        raw = _mask(tmp_path / name)
        assert raw.found.values == (0, 1000, 2000)
        assert np.array_equal(_values(raw), values)


def test_palette_masks_keep_their_indices_and_know_their_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(mask(1, 2)).convert("P")
    picture.putdata(mask(1, 2).ravel().tolist())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    picture.save(tmp_path / "a.png")
    raw = _mask(tmp_path / "a.png")
    assert (raw.found.values, raw.found.colours) == ((0, 1, 2), (0, 0xFF0000, 0x0000FF))
    assert np.array_equal(_values(raw), mask(1, 2))


@pytest.mark.parametrize(("bits", "row"), [(1, 0b01010101), (2, 0b00011011), (4, 0b00000011)])
def test_masks_of_few_bits_are_not_stretched(bits: int, row: int, tmp_path: Path) -> None:
    width = 8 // bits
    (tmp_path / "a.png").write_bytes(png(width, 1, bytes([0, row]), bits=bits))
    expected = [row >> (8 - bits * (place + 1)) & (2**bits - 1) for place in range(width)]
    assert _values(_mask(tmp_path / "a.png")).tolist() == [expected]


def test_rgb_masks(tmp_path: Path) -> None:
    colours = np.array([[0, 0, 0], [200, 0, 0], [0, 0, 200]], np.uint8)
    save(tmp_path / "a.png", colours[mask(1, 2)])
    raw = _mask(tmp_path / "a.png")
    assert (raw.found.values, raw.found.colours) == ((), (0, 0x0000C8, 0xC80000))
    assert raw.found.counts == (152, 20, 20)


def test_grey_rgb_masks_have_values_too(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.dstack([mask(1, 2)] * 3))
    assert _mask(tmp_path / "a.png").found.values == (0, 1, 2)


def test_an_opaque_alpha_is_no_hindrance(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.dstack([mask(1)] * 3 + [np.full((12, 16), 255, np.uint8)]))
    assert np.array_equal(_values(_mask(tmp_path / "a.png")), mask(1))


def test_errors_name_the_file_and_travel_between_processes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.png: the file is empty") as caught:
        read_image(tmp_path / "a.png")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, Undecodable)
    assert (str(again), again.check) == (str(caught.value), "empty_file")


def test_nothing_but_a_data_error_comes_out_of_broken_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "TIFF"):
        whole = encoded(photo(1), kind)
        for _ in range(40):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), 6):
                damaged[place] = rng.integers(256)
            path = tmp_path / "a.png"
            path.write_bytes(damaged[: rng.integers(1, len(whole) + 1)])
            for read in (read_image, _mask):
                try:
                    read(path)
                except DataError as error:
                    assert path.name in str(error)


def test_the_encoder_of_these_tests_is_sound() -> None:
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(2, 1, b"\0\x01\x02")))), [[1, 2]])
