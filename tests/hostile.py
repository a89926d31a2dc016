"""What nobody should send to a server that takes photos: bytes that are none, and requests that are none."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from broken_files import chunk, encoded, huge_tiff, huge_webp, png

KINDS = {"JPEG": {}, "PNG": {}, "WEBP": {}, "BMP": {}, "TIFF": {"compression": "tiff_lzw"}}


def _photo(height: int = 40, width: int = 56) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)


def no_photos() -> Iterator[tuple[str, bytes]]:
    """Bytes that have to be refused with a 4xx, each with a name."""
    for kind, options in KINDS.items():
        whole = encoded(_photo(), kind, **options)
        for cut in range(12):
            yield f"truncated {kind} {cut}", whole[: 1 + (len(whole) - 64) * cut // 12]
    for width, height in (
        (100_000, 1),
        (1, 100_000),
        (5000, 8),
        (65_535, 65_535),
        (2**31 - 1, 2**31 - 1),
        (0, 5),
        (5, 0),
    ):
        yield f"png of {width} x {height}", png(width, height, b"\0" * 64)
    yield "100,000 x 1, whole", encoded(np.zeros((1, 100_000, 3), np.uint8), "PNG")
    yield "1 x 60,000, whole", encoded(np.zeros((60_000, 1, 3), np.uint8), "JPEG")
    yield "tiff bomb", huge_tiff()
    yield "webp bomb", huge_webp()
    yield "png bomb of zeros", png(6000, 7000, b"\0" * 1000)
    yield "bmp that promises gigabytes", _bmp(60_000, 60_000)
    yield "bmp of negative size", _bmp(-5, -5)
    yield "apng", _animated("PNG")
    yield "animated webp", _animated("WEBP")
    yield "tiff of several pages", _animated("TIFF")
    yield "gif", encoded(_photo(), "GIF")
    yield "png of floats", encoded(np.zeros((8, 8), np.float32), "TIFF")
    yield from _TEXTS.items()
    yield "gif that is a zip", b"GIF89a" + b"PK\x03\x04" * 40
    yield "png header before html", b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script></html>"
    yield "jpeg marker before a zip", b"\xff\xd8\xff" + b"PK\x03\x04" * 50
    yield "pdf that is a jpeg", b"%PDF-1.7\n" + encoded(_photo(), "JPEG")
    yield "svg that is a png", b"<svg xmlns='http://www.w3.org/2000/svg'>" + encoded(_photo(), "PNG")
    yield "png with a text bomb", _with_chunk(chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 80_000_000)))
    yield "png that ends in its header", b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
    yield "riff that is no webp", b"RIFF" + struct.pack("<I", 100) + b"WAVE" + b"\0" * 100
    yield "webp without a picture", b"RIFF" + struct.pack("<I", 4) + b"WEBP"
    yield "tiff that points to itself", b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 0) + struct.pack("<I", 8)
    yield "tiff of 65,535 tags", b"II*\0" + struct.pack("<IH", 8, 65_535) + b"\xff" * 4000
    for number in range(20):
        yield f"noise {number}", random.Random(number).randbytes(10 + 200 * number)


def mutated() -> Iterator[tuple[str, bytes]]:
    """Photos with some bytes changed: some can still be decoded, none may do harm."""
    for kind, options in KINDS.items():
        whole = encoded(_photo(), kind, **options)
        for number in range(30):
            luck, changed = random.Random(number), bytearray(whole)
            reach = len(changed) if number % 2 else min(120, len(changed))  # every second time in the header
            for _ in range(1 + number % 5):
                changed[luck.randrange(reach)] = luck.randrange(256)
            if number % 7 == 3:
                at = luck.randrange(len(changed))
                changed[at:at] = luck.randbytes(luck.randrange(1, 300))
            yield f"mutated {kind} {number}", bytes(changed)


_TEXTS = {
    "nothing but a zero": b"\0",
    "a blank": b" ",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><script>alert(1)</script></svg>',
    "svg with entities": b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">]><svg>&a;</svg>',
    "svg that reads a file": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    "html": b"<html><body>photo</body></html>",
    "json": b'{"image": "aGVsbG8="}',
    "base64 of a photo": b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJ",
    "a data address": b"data:image/png;base64,iVBORw0KGgo=",
    "a file's name": b"/etc/passwd",
    "an address": b"http://169.254.169.254/latest/meta-data/",
    "pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "zip": b"PK\x03\x04" + b"\0" * 60,
    "gzip": b"\x1f\x8b\x08" + b"\0" * 60,
    "elf": b"\x7fELF" + b"\0" * 60,
    "heic": b"\0\0\0\x18ftypheic" + b"\0" * 60,
    "avif": b"\0\0\0\x18ftypavif" + b"\0" * 60,
    "photoshop": b"8BPS\0\x01" + b"\0" * 60,
    "numpy": b"\x93NUMPY\x01\0" + b"\0" * 60,
    "postscript": b"%!PS-Adobe-3.0\n/x {} def",
    "imagemagick": b"push graphic-context\nviewbox 0 0 640 480\nfill 'url(https://x.example/)'\npop graphic-context",
}


def raw_requests(host: str) -> Iterator[tuple[str, bytes]]:
    """Requests as bytes that have to be answered with a 4xx, or with a closed connection."""
    head = b"POST /v1/segment HTTP/1.1\r\nHost: " + host.encode() + b"\r\n"
    yield from _broken_heads(head)
    yield from _broken_starts(head, host)
    yield from _broken_contents(head, host)


def _broken_heads(head: bytes) -> Iterator[tuple[str, bytes]]:
    body = b"\r\nhello"
    for value in ("-1", "abc", "1e3", "0x10", "5, 6", "99999999999999999999999", "+5", "5 5", "²"):
        yield f"content-length {value}", head + f"Content-Length: {value}\r\n".encode() + body
    yield "two lengths", head + b"Content-Length: 5\r\nContent-Length: 6\r\n" + body
    yield (
        "length and chunks",
        head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    )
    yield "chunks of no number", head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
    yield "chunks of a negative number", head + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"
    yield "unknown encoding", head + b"Transfer-Encoding: gzip\r\n" + body
    yield "an encoding twice", head + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"
    yield "a header of 200 kB", head + b"X: " + b"a" * 200_000 + b"\r\n" + body
    yield "10,000 headers", head + b"".join(b"X%d: y\r\n" % number for number in range(10_000)) + body
    yield "a header without a name", head + b": x\r\n" + body
    yield "a zero in a header", head + b"X: a\0b\r\n" + body
    yield "a folded header", head + b"X: a\r\n b: c\r\nContent-Length: 5\r\n" + body
    yield "a line break in a header", head + b"X: a\rb\r\n" + body
    yield "a blank before the colon", head + b"Content-Length : 5\r\n" + body


def _broken_starts(head: bytes, host: str) -> Iterator[tuple[str, bytes]]:
    body = b"\r\nhello"
    yield "no host", b"POST /v1/segment HTTP/1.1\r\nContent-Length: 5\r\n" + body
    yield "two hosts", head + b"Host: evil.example\r\nContent-Length: 5\r\n" + body
    yield "a foreign host", b"POST /v1/segment HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 5\r\n" + body
    for origin in ("http://[x", "http://[::1", "http://a]b", "http://\u2100.example", "null", "://", ""):
        asked = f"GET /v1/model HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: close\r\n\r\n"
        yield f"origin {origin}", asked.encode()
    yield "a host that is none", b"GET /v1/model HTTP/1.1\r\nHost: [x\r\nOrigin: http://[x\r\n\r\n"
    yield "http 0.9", b"GET /\r\n\r\n"
    yield "http 3.0", b"GET / HTTP/3.0\r\nHost: x\r\n\r\n"
    yield "http 2 by surprise", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100
    yield "an unknown method", b"BREW /v1/segment HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n"
    yield "an address of 100 kB", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n"
    for path in (
        "/static/../serve.py",
        "/static/..%2fserve.py",
        "/static/%2e%2e/%2e%2e/errors.py",
        "/static//etc/passwd",
        "//x/",
    ):
        yield f"path {path}", f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()


def _broken_contents(head: bytes, host: str) -> Iterator[tuple[str, bytes]]:
    body = b"\r\nhello"
    for kind in (
        "application/json",
        "text/html",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
        "x",
    ):
        yield f"type {kind}", head + f"Content-Type: {kind}\r\nContent-Length: 5\r\n".encode() + body
    for name, text in _forms().items():
        kind = b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(text)
        yield f"form {name}", head + kind + text
    for kind in (
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 3000,
    ):
        yield f"form {kind[:40]}", head + f"Content-Type: {kind}\r\nContent-Length: 5\r\n".encode() + body
    for query in (
        "format=gif",
        "format=",
        "format=%00",
        "model=nobody",
        "model=%ff%fe",
        "format=rle&format=x",
        "model=" + "m" * 2000,
    ):
        start = f"POST /v1/segment?{query} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n".encode()
        yield f"query {query[:30]}", start + body


def _forms() -> dict[str, bytes]:
    part = b'--b\r\nContent-Disposition: form-data; name="image"'
    return {
        "empty": b"",
        "only an end": b"--b--\r\n",
        "without an end": part + b'; filename="a"\r\n\r\nhello',
        "a field where a file should be": part + b"\r\n\r\nhello\r\n--b--\r\n",
        "another name": b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\nhello\r\n--b--\r\n',
        "without a name": b'--b\r\nContent-Disposition: form-data; filename="a"\r\n\r\nhello\r\n--b--\r\n',
        "without a disposition": b"--b\r\nX: y\r\n\r\nhello\r\n--b--\r\n",
        "two files": 2 * (part + b'; filename="a"\r\n\r\nhello\r\n') + b"--b--\r\n",
        "a hundred fields": b"".join(
            b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % n for n in range(100)
        )
        + b"--b--\r\n",
        "a path for a name": part + b'; filename="../../etc/passwd"\r\n\r\nhello\r\n--b--\r\n',
        "an unknown charset": part + b"; filename*=utf-9''a\r\n\r\nhello\r\n--b--\r\n",
        "a header of 100 kB": part + b'; filename="' + b"a" * 100_000 + b'"\r\n\r\nhello\r\n--b--\r\n',
        "no line breaks": b"--b--b--b--b",
    }


def _animated(kind: str) -> bytes:
    frames = [Image.fromarray(_photo()), Image.fromarray(255 - _photo())]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def _bmp(width: int, height: int) -> bytes:
    whole = bytearray(encoded(_photo(8, 8), "BMP"))
    struct.pack_into("<ii", whole, 18, width, height)
    return bytes(whole)


def _with_chunk(extra: bytes) -> bytes:
    whole = encoded(_photo(), "PNG")
    return whole[:33] + extra + whole[33:]
