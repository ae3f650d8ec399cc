"""Reads and writes small GGUF files and keeps the types of keys, so that one key or tensor of a model can be changed.

A key is (type, value), an array's value (type of elements, list); a tensor is (shape, type, bytes), fastest dimension
first. Types are GGUF's numbers.
"""
import re
import struct

import numpy as np

FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
U32, I32, F32, BOOL, STR, ARR = 4, 5, 6, 7, 8, 9
FLOAT32, FLOAT16, Q8_0, BF16 = 0, 1, 8, 30
BLOCKS = {0: (1, 4), 1: (1, 2), 26: (1, 4), 30: (1, 2), 8: (32, 34), 2: (32, 18), 12: (256, 144), 14: (256, 210), 35: (256, 66), 39: (32, 17)}


def u32(v): return U32, int(v)
def f32(v): return F32, float(v)
def flag(v): return BOOL, bool(v)
def text(v): return STR, v
def u32s(v): return ARR, (U32, [int(x) for x in v])
def i32s(v): return ARR, (I32, [int(x) for x in v])
def f32s(v): return ARR, (F32, [float(x) for x in v])
def flags(v): return ARR, (BOOL, [bool(x) for x in v])


class Model:
    """The content of a file."""

    def __init__(self, keys=None, tensors=None):
        self.keys, self.tensors = dict(keys or {}), dict(tensors or {})

    @property
    def arch(self):
        return self.keys["general.architecture"][1]

    @property
    def layers(self):
        return self.get("block_count")

    def get(self, key, default=None):
        """The value of a key of the architecture."""
        return self.keys.get(self.arch + "." + key, (0, default))[1]

    def copy(self):
        return Model(self.keys, self.tensors)

    def changed(self, keys):
        """A copy with other keys; None deletes. Lists of a value per layer grow and shrink with block_count."""
        g, old = self.copy(), self.layers
        new = keys.get("block_count", (0, old))[1]
        for k, (kind, v) in self.keys.items():
            if new != old and k.startswith(self.arch) and kind == ARR and len(v[1]) == old and not k.endswith("sections"):
                g.keys[k] = ARR, (v[0], [v[1][i % old] for i in range(new)])
        for k, v in keys.items():
            full = k if k.startswith(("general.", "tokenizer.")) else self.arch + "." + k
            if v is None:
                g.keys.pop(full, None)
            else:
                g.keys[full] = v
        return g

    def groups(self):
        """Names of tensors by what they are in their layers."""
        out = {}
        for n in self.tensors:
            out.setdefault(part(n)[1], []).append(n)
        return out


def part(name):
    """The layer that a tensor belongs to, -1 for none, and what it is there."""
    m = re.match(r"blk\.(\d+)\.(.*)", name)
    return (int(m[1]), m[2]) if m else (-1, name)


def size(shape, kind):
    weights, size = BLOCKS[kind]
    return int(np.prod(shape, dtype=np.int64)) // weights * size


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 24

    def take(self, form):
        v = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return v[0]

    def text(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at].decode("utf-8", "surrogateescape")

    def value(self, kind):
        if kind == STR:
            return self.text()
        if kind == ARR:
            of, n = self.take("I"), self.take("Q")
            return of, [self.value(of) for _ in range(n)]
        return self.take(FORMATS[kind])


def read(path):
    r, g = Reader(open(path, "rb").read()), Model()
    tensors, keys = struct.unpack_from("<QQ", r.data, 8)
    for _ in range(keys):
        name, kind = r.text(), r.take("I")
        g.keys[name] = kind, r.value(kind)
    places = []
    for _ in range(tensors):
        name = r.text()
        shape = tuple(r.take("Q") for _ in range(r.take("I")))
        places.append((name, shape, r.take("I"), r.take("Q")))
    align = g.keys.get("general.alignment", (U32, 32))[1]
    base = -(-r.at // align) * align
    for name, shape, kind, at in places:
        g.tensors[name] = shape, kind, r.data[base + at:base + at + size(shape, kind)]
    return g


def write(g, path):
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(g.tensors), len(g.keys)))

    def value(kind, v):
        if kind == STR:
            raw = v.encode("utf-8", "surrogateescape")
            out.extend(struct.pack("<Q", len(raw)) + raw)
        elif kind == ARR:
            out.extend(struct.pack("<IQ", v[0], len(v[1])))
            for x in v[1]:
                value(v[0], x)
        else:
            out.extend(struct.pack("<" + FORMATS[kind], v))

    for name, (kind, v) in g.keys.items():
        value(STR, name)
        value(U32, kind)
        value(kind, v)
    at = 0
    for name, (shape, kind, data) in g.tensors.items():
        value(STR, name)
        out.extend(struct.pack("<I%dQIQ" % len(shape), len(shape), *shape, kind, at))
        at += -(-len(data) // 32) * 32
    out.extend(b"\0" * (-len(out) % 32))
    for _, _, data in g.tensors.values():
        out.extend(data + b"\0" * (-len(data) % 32))
    with open(path, "wb") as f:
        f.write(out)


def random(name, shape, seed):
    """A tensor of random float32 of a size that suits it."""
    x = np.random.default_rng([seed] + list(name.encode())).standard_normal(int(np.prod(shape))).astype(np.float32) * 0.1
    if "ssm_a" in name and "alpha" not in name:
        x = -np.abs(x)  # decays
    if name.endswith("scale"):
        x = 1 + 3 * x
    if "rope_f" in name:
        x = 1 + 4 * np.abs(x)
    if "norm" in name and name.endswith("weight"):
        x = 1 + x
    return tuple(shape), FLOAT32, x.tobytes()


def cast(tensor, kind):
    """A tensor of float32 as another type."""
    shape, _, data = tensor
    x = np.frombuffer(data, np.float32).reshape(-1, shape[0])
    if kind == FLOAT16:
        data = x.astype(np.float16).tobytes()
    elif kind == BF16:
        bits = x.view(np.uint32)
        data = ((bits + 0x7fff + (bits >> 16 & 1)) >> 16).astype(np.uint16).tobytes()
    elif kind == Q8_0:
        import gguf
        data = gguf.quants.quantize(x, gguf.GGMLQuantizationType.Q8_0).tobytes()
    return shape, kind, data
