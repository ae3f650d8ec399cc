#!/usr/bin/env python3
"""Writes act.bin with ggml's own quantisation of activations (pip install llama-cpp-python; made with 0.3.36, AVX-512).

  python3 gen_act.py LIBGGML_CPU.so [folder]

act.bin holds 256 float32 of one row, then ggml's blocks of it: 8 of block_q8_0 (half d, 32 int8), 8 of block_q8_1 (half d,
half s, 32 int8) and one of block_q8_K (float32 d, 256 int8, 16 int16). All rows' floats come first, then all rows' blocks.
"""
import ctypes
import pathlib
import sys

import numpy as np

rng = np.random.default_rng(7)


def rows() -> np.ndarray:
    """Rows of 256: random ones of several sizes, ties of the rounding, constants, zeros, outliers of either sign."""
    r = [rng.standard_normal(256) * s for s in (1, 1e-3, 1e3, 0.02)]
    r.append((np.arange(256) % 64 - 32) * 0.5 + np.where(np.arange(256) % 32 == 7, 127 - 15.5, 0))
    r.append(np.full(256, -0.3))
    r.append(np.zeros(256))
    for v in (40.0, -40.0):
        x = rng.standard_normal(256)
        x[100] = v
        r.append(x)
    x = rng.standard_normal(256)
    x[3], x[250] = 5, -5  # the first of two largest counts
    r.append(x)
    return np.stack(r).astype("<f4")


def main(library: str, folder: pathlib.Path) -> None:
    lib = ctypes.CDLL(library)
    x = rows()
    blocks = b""
    for row in x:
        for name, size in (("q8_0", 34 * 8), ("q8_1", 36 * 8), ("q8_K", 292)):
            out = np.zeros(size, dtype=np.uint8)
            getattr(lib, "quantize_row_" + name)(
                row.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(256)
            )
            blocks += out.tobytes()
    (folder / "act.bin").write_bytes(x.tobytes() + blocks)


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parent))
