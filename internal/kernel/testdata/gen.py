#!/usr/bin/env python3
"""Writes the vectors of this folder with the Python package gguf (pip install gguf; made with 0.19.0, numpy 2.4).

  python3 gen.py [folder]

TYPE.dequant.bin   whole blocks of random bytes with chosen scales, then the float32 of each of their weights,
                   as gguf.quants.dequantize gives them
TYPE.quant.bin     float32 weights, then the blocks that gguf.quants.quantize makes of them; only for types that encode

Everything is little-endian. How many blocks there are follows from the size of the file and of a block.
"""
import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

# Byte offsets of the half floats in a block.
HALVES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.IQ4_NL: [0], T.MXFP4: [],
    T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.IQ4_XS: [0],
}
# Scales: 1, -1, 0, -0, smallest and largest subnormal, smallest normal, largest, its negative; the rest are random.
EDGES = [0x3C00, 0xBC00, 0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF]
EXPONENTS = [0, 1, 2, 3, 126, 127, 128, 252, 254, 255]  # of MXFP4
ENCODE = [T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, T.F16, T.BF16]

rng = np.random.default_rng(20240229)


def blocks(t: T) -> np.ndarray:
    """One block per edge scale in the first half float, other edges in the second, and two random ones."""
    n = len(EDGES) + 2
    b = rng.integers(0, 256, (n, GGML_QUANT_SIZES[t][1]), dtype=np.uint8)
    b[0, :] |= 0x88  # all high bits of the codes set, and of the packed scales
    b[1, :] &= 0x77
    for i, off in enumerate(HALVES[t]):
        h = (rng.standard_normal(n) * 0.01).astype(np.float16).view(np.uint16)
        h[: len(EDGES)] = EDGES if i == 0 else EDGES[::-1]
        b[:, off : off + 2] = h.astype("<u2").view(np.uint8).reshape(n, 2)
    if t == T.MXFP4:
        b[: len(EXPONENTS), 0] = EXPONENTS
    return b


def weights() -> np.ndarray:
    """Rows of 32: random ones of several sizes, zeros, constants, ties of the rounding, one outlier, subnormal halves."""
    normal = rng.standard_normal((6, 32)) * np.array([[1], [0.02], [1000], [1e-4], [1e-7], [3e4]])
    ramp = np.arange(32) - 16.0
    outlier = np.zeros(32)
    outlier[17] = -5
    rows = [*normal, np.zeros(32), np.full(32, 0.7), np.full(32, -0.7), ramp, -ramp, ramp / 2 + 0.25, outlier, ramp * 127 / 16]
    return np.stack(rows).astype("<f4")


def main(folder: pathlib.Path) -> None:
    for t in HALVES:
        b = blocks(t)
        with np.errstate(over="ignore", invalid="ignore"):
            f = dequantize(b, t)
        (folder / f"{t.name}.dequant.bin").write_bytes(b.tobytes() + f.astype("<f4").tobytes())
    w = weights()
    for t in ENCODE:
        with np.errstate(over="ignore", invalid="ignore"):
            q = quantize(w, t)
        (folder / f"{t.name}.quant.bin").write_bytes(w.tobytes() + q.tobytes())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent))
