"""The packed runs of Label Studio's brush: RGBA values, bit by bit.

The form is that of `rle-pack` of thi.ng/umbrella, which Label Studio uses: 32 bits for the number of values, 5 bits for
the bits of a value less one, four times 4 bits for the bits of a length less one; then blocks of one bit (1: one value
repeated, 0: different values), two bits that choose one of the four lengths, the length less one, the value or values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

VALUE_BITS = 8
LENGTH_BITS = (3, 4, 8, 16)
"""What Label Studio itself writes."""


def unpacked(packed_runs: Sequence[int], expected: int) -> NDArray[np.uint8]:
    """The values of packed runs.

    Args:
        packed_runs: bytes, each 0..255.
        expected: how many values there must be.

    Returns:
        `(expected,) uint8`.

    Raises:
        ValueError: the runs give another number of values, or end too early.
    """
    data = bytes(packed_runs)
    position = 0

    def take(bits: int) -> int:
        nonlocal position
        start, end = position // 8, (position + bits + 7) // 8
        if end > len(data):
            raise ValueError("the packed runs end too early")
        value = int.from_bytes(data[start:end], "big") >> (8 * end - position - bits)
        position += bits
        return value & ((1 << bits) - 1)

    count = take(32)
    if count != expected:
        raise ValueError(f"the packed runs hold {count} values, the photo has {expected} (width x height x 4)")
    value_bits = take(5) + 1
    length_bits = [take(4) + 1 for _ in range(4)]
    if value_bits != VALUE_BITS:
        raise ValueError(f"values of {value_bits} bits, expected {VALUE_BITS}")
    values, done = np.zeros(count, np.uint8), 0
    while done < count:
        repeated = take(1)
        end = min(done + 1 + take(length_bits[take(2)]), count)
        if repeated:
            values[done:end] = take(value_bits)
        else:
            values[done:end] = [take(value_bits) for _ in range(end - done)]
        done = end
    return values


def packed(mask: NDArray[np.uint8]) -> list[int]:
    """Pack a mask as Label Studio does: each pixel four times, as red, green, blue and alpha.

    Args:
        mask: `(H, W) uint8`, 255 inside and 0 outside.

    Returns:
        Bytes, each 0..255.
    """
    flat = mask.ravel()
    ends = np.append(np.flatnonzero(np.diff(flat)) + 1, flat.size)
    starts = np.concatenate([[0], ends[:-1]])
    longest = 1 << LENGTH_BITS[-1]
    words = [f"{4 * flat.size:032b}", f"{VALUE_BITS - 1:05b}", *(f"{bits - 1:04b}" for bits in LENGTH_BITS)]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        value, left = f"{int(flat[start]):08b}", 4 * (end - start)
        while left:
            length = min(left, longest)
            choice = next(place for place, bits in enumerate(LENGTH_BITS) if length <= 1 << bits)
            words.append(f"1{choice:02b}{length - 1:0{LENGTH_BITS[choice]}b}{value}")
            left -= length
    text = "".join(words)
    text += "0" * (-len(text) % 8)
    return list(int(text, 2).to_bytes(len(text) // 8, "big"))
