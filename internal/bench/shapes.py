#!/usr/bin/env python3
"""Writes a GGUF file of random weights with the shape of a model that people run, for measuring speed.

  pip install gguf
  internal/bench/shapes.py olmoe|gpt-oss|qwen35|lfm2 OUT.gguf
  llama-bench -m OUT.gguf -t 2 -p 512 -n 24 -fa 1 -o json > theirs.json
  chat bench OUT.gguf -t 2 -p 512 -n 24 --vs theirs.json

  olmoe    OLMoE-1B-7B: 8 of 64 experts, 1.3 of 6.9 billion weights, Q4_K and Q6_K
  gpt-oss  8 of the 24 layers of gpt-oss-20b and a small vocabulary: 4 of 32 experts in MXFP4, the rest Q8_0
  qwen35   Qwen 3.5 2B: 18 layers of gated delta net, 6 of attention, Q4_K and Q6_K
  lfm2     LFM2-1.2B: 10 layers of short convolution, 6 of attention, Q4_K and Q6_K
"""
import sys

import gguf
import numpy as np

RANDOM = np.random.default_rng(1)
POOL = RANDOM.integers(0, 256, size=64 << 20, dtype=np.uint8)
# Type, weights and bytes of a block, and what its scales are: half floats, or MXFP4's exponent.
TYPES = {
    "Q4_K": (gguf.GGMLQuantizationType.Q4_K, 256, 144, {0: np.float16(0.0006), 2: np.float16(0.004)}),
    "Q6_K": (gguf.GGMLQuantizationType.Q6_K, 256, 210, {208: np.float16(0.00003)}),
    "Q8_0": (gguf.GGMLQuantizationType.Q8_0, 32, 34, {0: np.float16(0.0004)}),
    "MXFP4": (gguf.GGMLQuantizationType.MXFP4, 32, 17, {0: np.uint8(118)}),
}


class File:
    """A file that is being made, and the shape of its model."""

    def __init__(self, path, arch, vocab, width, layers, keys):
        self.w, self.width, self.layers = gguf.GGUFWriter(path, arch), width, layers
        self.w.add_tokenizer_model("test")
        self.w.add_token_list(["tok_%d" % i for i in range(vocab)])
        self.w.add_token_types([1] * vocab)
        for key, value in dict(context_length=32768, embedding_length=width, block_count=layers, **keys).items():
            key = arch + "." + key.replace("__", ".")
            add = {int: self.w.add_uint32, float: self.w.add_float32, list: self.w.add_array}[type(value)]
            add(key, value)
        self.vocab = vocab

    def vector(self, name, *shape):
        """Norms are 1, all else is small."""
        x = np.ones(shape, np.float32) if name.endswith("norm.weight") else 0.02 * RANDOM.standard_normal(shape).astype(np.float32)
        self.w.add_tensor(name, x.reshape(shape[::-1]))

    def matrix(self, name, kind, *shape):
        raw, elems, size, scales = TYPES[kind]
        b = np.resize(POOL, int(np.prod(shape)) // elems * size).reshape(-1, size).copy()
        for at, value in scales.items():
            bytes_ = np.frombuffer(value.tobytes(), np.uint8)
            b[:, at:at + len(bytes_)] = bytes_
        self.w.add_tensor(name, b.reshape(*shape[:0:-1], shape[0] // elems * size), raw_dtype=raw)

    def attention(self, p, heads, kv, size, kind="Q4_K", values="Q6_K", gated=1):
        self.matrix(p + "attn_q.weight", kind, self.width, heads * size * gated)
        self.matrix(p + "attn_k.weight", kind, self.width, kv * size)
        self.matrix(p + "attn_v.weight", values, self.width, kv * size)
        self.matrix(p + "attn_output.weight", kind, heads * size, self.width)

    def network(self, p, hidden, i):
        self.matrix(p + "ffn_gate.weight", "Q4_K", self.width, hidden)
        self.matrix(p + "ffn_up.weight", "Q4_K", self.width, hidden)
        self.matrix(p + "ffn_down.weight", "Q6_K" if i % 2 else "Q4_K", hidden, self.width)

    def ends(self, embedding="Q4_K", output="Q6_K"):
        self.matrix("token_embd.weight", embedding, self.width, self.vocab)
        self.matrix("output.weight", output, self.width, self.vocab)
        self.vector("output_norm.weight", self.width)

    def blocks(self):
        for i in range(self.layers):
            yield i, "blk.%d." % i

    def close(self):
        self.w.write_header_to_file()
        self.w.write_kv_data_to_file()
        self.w.write_tensors_to_file()
        self.w.close()


def olmoe(path):
    f = File(path, "olmoe", 50304, 2048, 16, dict(
        feed_forward_length=1024, expert_count=64, expert_used_count=8, attention__head_count=16, attention__head_count_kv=16,
        attention__layer_norm_rms_epsilon=1e-5, rope__freq_base=1e4))
    f.ends()
    for i, p in f.blocks():
        for name in ("attn_norm", "ffn_norm", "attn_q_norm", "attn_k_norm"):
            f.vector(p + name + ".weight", f.width)
        f.attention(p, 16, 16, 128)
        f.vector(p + "ffn_gate_inp.weight", f.width, 64)
        f.matrix(p + "ffn_gate_exps.weight", "Q4_K", f.width, 1024, 64)
        f.matrix(p + "ffn_up_exps.weight", "Q4_K", f.width, 1024, 64)
        f.matrix(p + "ffn_down_exps.weight", "Q6_K" if i % 2 else "Q4_K", 1024, f.width, 64)
    f.close()


def gpt_oss(path):
    f = File(path, "gpt-oss", 32768, 2880, 8, dict(
        feed_forward_length=2880, expert_feed_forward_length=2880, expert_count=32, expert_used_count=4, attention__head_count=64,
        attention__head_count_kv=8, attention__key_length=64, attention__value_length=64, attention__sliding_window=128,
        attention__layer_norm_rms_epsilon=1e-5, rope__freq_base=150000.0))
    f.ends("Q8_0", "Q8_0")
    for _, p in f.blocks():
        for name in ("attn_norm", "post_attention_norm"):
            f.vector(p + name + ".weight", f.width)
        f.attention(p, 64, 8, 64, "Q8_0", "Q8_0")
        for name, n in (("attn_q", 4096), ("attn_k", 512), ("attn_v", 512), ("attn_output", 2880), ("ffn_gate_inp", 32)):
            f.vector(p + name + ".bias", n)
        f.vector(p + "attn_sinks.weight", 64)
        f.vector(p + "ffn_gate_inp.weight", f.width, 32)
        for name in ("gate", "up", "down"):
            f.matrix(p + "ffn_%s_exps.weight" % name, "MXFP4", 2880, 2880, 32)
            f.vector(p + "ffn_%s_exps.bias" % name, 2880, 32)
    f.close()


def qwen35(path):
    f = File(path, "qwen35", 65536, 2048, 24, dict(
        feed_forward_length=6144, attention__head_count=8, attention__head_count_kv=2, attention__key_length=256,
        attention__value_length=256, attention__layer_norm_rms_epsilon=1e-6, rope__freq_base=1e7, rope__dimension_count=64,
        rope__dimension_sections=[11, 11, 10, 0], ssm__inner_size=2048, ssm__conv_kernel=4, ssm__state_size=128,
        ssm__time_step_rank=16, ssm__group_count=16, full_attention_interval=4))
    f.ends()
    for i, p in f.blocks():
        for name in ("attn_norm", "post_attention_norm"):
            f.vector(p + name + ".weight", f.width)
        if i % 4 == 3:
            f.attention(p, 8, 2, 256, gated=2)
            f.vector(p + "attn_q_norm.weight", 256)
            f.vector(p + "attn_k_norm.weight", 256)
        else:
            f.matrix(p + "attn_qkv.weight", "Q4_K", f.width, 6144)
            f.matrix(p + "attn_gate.weight", "Q4_K", f.width, 2048)
            f.matrix(p + "ssm_out.weight", "Q4_K", 2048, f.width)
            f.vector(p + "ssm_conv1d.weight", 4, 6144)
            f.vector(p + "ssm_norm.weight", 128)
            for name in ("ssm_a", "ssm_dt.bias"):
                f.vector(p + name, 16)
            for name in ("ssm_alpha.weight", "ssm_beta.weight"):
                f.vector(p + name, f.width, 16)
        f.network(p, 6144, i)
    f.close()


def lfm2(path):
    attention = {2, 5, 8, 10, 12, 14}
    f = File(path, "lfm2", 65536, 2048, 16, dict(
        feed_forward_length=8192, attention__head_count=32, attention__head_count_kv=[8 if i in attention else 0 for i in range(16)],
        attention__layer_norm_rms_epsilon=1e-5, rope__freq_base=1e6, shortconv__l_cache=3, vocab_size=65536))
    f.matrix("token_embd.weight", "Q6_K", f.width, f.vocab)
    f.vector("token_embd_norm.weight", f.width)
    for i, p in f.blocks():
        for name in ("attn_norm", "ffn_norm"):
            f.vector(p + name + ".weight", f.width)
        if i in attention:
            f.attention(p, 32, 8, 64, values="Q4_K")
            f.vector(p + "attn_q_norm.weight", 64)
            f.vector(p + "attn_k_norm.weight", 64)
        else:
            f.matrix(p + "shortconv.in_proj.weight", "Q4_K", f.width, 3 * f.width)
            f.matrix(p + "shortconv.out_proj.weight", "Q4_K", f.width, f.width)
            f.vector(p + "shortconv.conv.weight", 3, f.width)
        f.network(p, 8192, i)
    f.close()


SHAPES = {"olmoe": olmoe, "gpt-oss": gpt_oss, "qwen35": qwen35, "lfm2": lfm2}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in SHAPES:
        sys.exit(__doc__)
    SHAPES[sys.argv[1]](sys.argv[2])
