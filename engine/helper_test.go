package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/quant"
)

// tiny describes a small random model, for tests that need weights but no language.
type tiny struct {
	arch                                 string
	layers, embed, ff, heads, kv, d, voc int
	bias, qkNorm, postNorm               bool
	bytes                                bool // a tokenizer of single bytes; voc must be 259
	matrix                               quant.Type
}

func tinyLlama() tiny {
	return tiny{arch: "llama", layers: 2, embed: 64, ff: 96, heads: 6, kv: 2, d: 16, voc: 80, matrix: quant.Q8_0}
}

// build returns the model as a GGUF file with its keys as metadata.
func (m tiny) build() *gguftest.Builder {
	b := &gguftest.Builder{}
	r := rand.New(rand.NewPCG(5, 6))
	a := m.arch + "."
	b.AddKV("general.architecture", m.arch).AddKV(a+"block_count", uint32(m.layers)).AddKV(a+"context_length", uint32(512))
	b.AddKV(a+"embedding_length", uint32(m.embed)).AddKV(a+"feed_forward_length", uint32(m.ff))
	b.AddKV(a+"attention.head_count", uint32(m.heads)).AddKV(a+"attention.head_count_kv", uint32(m.kv))
	b.AddKV(a+"attention.key_length", uint32(m.d)).AddKV(a+"attention.value_length", uint32(m.d))
	b.AddKV(a+"attention.layer_norm_rms_epsilon", float32(1e-5)).AddKV(a+"rope.freq_base", float32(10000))
	if m.bytes {
		byteTokens(b)
	} else {
		b.AddKV("tokenizer.ggml.model", "test")
	}
	m.tensor(b, r, "token_embd.weight", m.matrix, m.embed, m.voc)
	m.tensor(b, r, "output_norm.weight", quant.F32, m.embed)
	for i := range m.layers {
		m.layer(b, r, fmt.Sprintf("blk.%d.", i))
	}
	return b
}

// byteTokens adds an SPM vocabulary: unknown, BOS, EOS and the 256 bytes.
func byteTokens(b *gguftest.Builder) {
	tokens, types := []string{"<unk>", "<s>", "</s>"}, []int32{2, 3, 3}
	for i := range 256 {
		tokens, types = append(tokens, fmt.Sprintf("<0x%02X>", i)), append(types, 6)
	}
	b.AddKV("tokenizer.ggml.model", "llama").AddKV("tokenizer.ggml.tokens", tokens).AddKV("tokenizer.ggml.token_type", types)
	b.AddKV("tokenizer.ggml.scores", make([]float32, len(tokens)))
	b.AddKV("tokenizer.ggml.bos_token_id", uint32(1)).AddKV("tokenizer.ggml.eos_token_id", uint32(2))
}

// byteModel is a random model that speaks bytes: its texts are full of cut characters.
func byteModel(t testing.TB, opt Options) *Model {
	t.Helper()
	m := tinyLlama()
	m.bytes, m.voc = true, 259
	return loadFile(t, m.build().Write(t), opt)
}

func (m tiny) layer(b *gguftest.Builder, r *rand.Rand, p string) {
	q, kv := m.heads*m.d, m.kv*m.d
	for _, t := range []struct {
		name    string
		in, out int
	}{
		{"attn_q", m.embed, q}, {"attn_k", m.embed, kv}, {"attn_v", m.embed, kv}, {"attn_output", q, m.embed},
		{"ffn_gate", m.embed, m.ff}, {"ffn_up", m.embed, m.ff}, {"ffn_down", m.ff, m.embed},
	} {
		m.tensor(b, r, p+t.name+".weight", m.matrix, t.in, t.out)
	}
	m.tensor(b, r, p+"attn_norm.weight", quant.F32, m.embed)
	m.tensor(b, r, p+"ffn_norm.weight", quant.F32, m.embed)
	if m.bias {
		m.tensor(b, r, p+"attn_q.bias", quant.F32, q)
		m.tensor(b, r, p+"attn_k.bias", quant.F32, kv)
		m.tensor(b, r, p+"attn_v.bias", quant.F32, kv)
	}
	if m.qkNorm {
		m.tensor(b, r, p+"attn_q_norm.weight", quant.F32, m.d)
		m.tensor(b, r, p+"attn_k_norm.weight", quant.F32, m.d)
	}
	if m.postNorm {
		m.tensor(b, r, p+"post_attention_norm.weight", quant.F32, m.embed)
		m.tensor(b, r, p+"post_ffw_norm.weight", quant.F32, m.embed)
	}
}

// tensor adds random weights: norms around 1, others small.
func (tiny) tensor(b *gguftest.Builder, r *rand.Rand, name string, t quant.Type, shape ...int) {
	n, dims := 1, []uint64{}
	for _, d := range shape {
		n *= d
		dims = append(dims, uint64(d))
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64()) * 0.2
		if len(shape) == 1 {
			x[i]++
		}
	}
	data := make([]byte, gguftest.Size(t, dims))
	if err := quant.Quantize(data, t, x); err != nil {
		panic(err)
	}
	b.AddTensor(name, t, dims, data)
}

func loadFile(t testing.TB, path string, opt Options) *Model {
	t.Helper()
	if opt.Threads == 0 {
		opt.Threads = 2
	}
	m, err := Load(path, &opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func newSession(t testing.TB, m *Model, opt *SessionOptions) *Session {
	t.Helper()
	s, err := m.NewSession(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// allLogits evaluates ids in an empty session and returns the logits after each.
func allLogits(t testing.TB, m *Model, ids []int32) [][]float32 {
	t.Helper()
	var out [][]float32
	s := newSession(t, m, &SessionOptions{Context: len(ids)})
	defer s.Close()
	if err := s.EvalAll(context.Background(), ids, func(_ int, l []float32) error {
		out = append(out, append([]float32(nil), l...))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// nmse is the mean squared error of got over the mean square of want.
func nmse(got, want [][]float32) float64 {
	num, den := 0.0, 0.0
	for i := range want {
		for j, w := range want[i] {
			d := float64(got[i][j]) - float64(w)
			num += d * d
			den += float64(w) * float64(w)
		}
	}
	return num / den
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// readLogits reads little-endian float32 rows.
func readLogits(t testing.TB, path string, rows int) [][]float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, rows)
	for i := range out {
		part := b[i*len(b)/rows : (i+1)*len(b)/rows]
		for ; len(part) > 0; part = part[4:] {
			out[i] = append(out[i], math.Float32frombits(binary.LittleEndian.Uint32(part)))
		}
	}
	return out
}

func randomIDs(n, vocab int) []int32 {
	r := rand.New(rand.NewPCG(1, 9))
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(vocab))
	}
	return ids
}

// newRand is for weights that come on top of a tiny model's.
func newRand() *rand.Rand { return rand.New(rand.NewPCG(11, 12)) }
