package arch_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Architectures with layer norms, parallel blocks, networks without a gate, learned positions or ALiBi give llama.cpp's
// logits for the same files: all tokens at once, in pieces and one by one, as latent attention in its exact form and as
// plain one.
func TestClassicVariants(t *testing.T) {
	for name, c := range gguftest.ClassicVariants() {
		t.Run(name, func(t *testing.T) {
			ids := gguftest.RandomIDs(28, c.Vocab)
			want := readFloats(t, "../../testdata/classic/"+name+".f32")
			path := c.Build().Write(t)
			limit := 1e-5
			if c.Layers > 30 {
				limit = 1e-4 // what both round adds up
			}
			for _, plain := range []bool{false, true} {
				m := open(t, path, model.Options{Threads: 2, PlainGQA: plain})
				for _, step := range []int{len(ids), 9, 1} {
					if e := nmse(logits(t, m, ids, step), want); !(e < limit) {
						t.Errorf("plain %v, %d tokens at a time: error %.2g", plain, step, e)
					}
				}
			}
		})
	}
}

// Sequences that share passes get the logits that each gets alone.
func TestClassicSequencesInOnePass(t *testing.T) {
	for _, name := range []string{"gptneox", "falcon-40b", "bloom", "cohere2", "dbrx", "starcoder2", "stablelm-12b"} {
		c := gguftest.ClassicVariants()[name]
		m := open(t, c.Build().Write(t), model.Options{Threads: 3})
		for _, f := range []attention.Format{attention.F16, attention.Q8} {
			together(t, m, f)
		}
	}
}

// A tensor that is optional in general and that files of the architecture have is missed by name.
func TestRequiredTensors(t *testing.T) {
	for name, missing := range map[string]string{
		"starcoder2": "blk.1.ffn_up.bias", "gpt2": "blk.0.attn_qkv.bias", "phi2": "output.bias", "orion": "output_norm.bias",
		"xverse": "output.weight", "bloom": "token_embd_norm.bias", "jais": "blk.1.ffn_gate.bias", "gptneox": "blk.0.attn_norm.bias",
		"olmo": "blk.1.ffn_up.weight", "falcon-40b": "output_norm.bias", "mpt-positions": "output_norm.weight",
	} {
		b := gguftest.ClassicVariants()[name].Build()
		if !b.Remove(missing) {
			t.Fatalf("%s has no %s", name, missing)
		}
		if _, err := loadBuilt(t, b); !errors.Is(err, fs.ErrNotExist) && !strings.Contains(err.Error(), `"`+missing+`"`) {
			t.Errorf("%s without %s: %v", name, missing, err)
		}
	}
}

// A tensor that the architecture does not have is refused by name.
func TestSuperfluousTensors(t *testing.T) {
	for name, extra := range map[string]string{
		"command-r": "output.weight", "cohere2": "blk.0.attn_norm.bias", "olmo": "output_norm.weight", "falcon-7b": "blk.0.ffn_up.bias",
		"xverse": "output_norm.bias", "nemotron": "position_embd.weight", "phi2": "blk.0.ffn_norm.weight", "mpt": "blk.0.attn_q_norm.weight",
	} {
		b := gguftest.ClassicVariants()[name].Build()
		b.AddRandom(gguftest.NewRand(), extra, ggtype.F32, 64)
		if _, err := loadBuilt(t, b); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), `"`+extra+`"`) {
			t.Errorf("%s with %s: %v", name, extra, err)
		}
	}
}

// Tokens behind the last learned position are an error, in pieces and all at once, and the sequence stays usable.
func TestLearnedPositionsEnd(t *testing.T) {
	c := gguftest.ClassicVariants()["gpt2"]
	m := open(t, c.Build().Write(t), model.Options{Threads: 1})
	ids := gguftest.RandomIDs(c.Context+1, c.Vocab)
	seq := m.NewSequence(attention.F16, 0)
	if err := m.Run([]model.Rows{{Seq: seq, Tokens: ids}}, nil); !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "64") {
		t.Errorf("%d tokens: %v", len(ids), err)
	}
	if err := m.Run([]model.Rows{{Seq: seq, Tokens: ids[:c.Context]}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := m.Run([]model.Rows{{Seq: seq, Tokens: ids[:1]}}, nil); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("one more: %v", err)
	}
}

// ALiBi's slopes for a number of heads that is no power of two are those of the paper.
func TestALiBiSlopes(t *testing.T) {
	if got := model.ALiBiSlopes(6, 8); !slices.Equal(got, []float32{1. / 4, 1. / 16, 1. / 64, 1. / 256, 1. / 2, 1. / 8}) {
		t.Errorf("6 heads: %v", got)
	}
}

// A decode step allocates nothing, whatever its layers are made of.
func TestClassicDecodeAllocatesNothing(t *testing.T) {
	for _, name := range []string{"gptneox", "bloom", "gpt2", "nemotron", "olmo-clamped", "stablelm-12b", "command-r"} {
		c := gguftest.ClassicVariants()[name]
		m := open(t, c.Build().Write(t), model.Options{Threads: 2})
		rows := []model.Rows{{Seq: m.NewSequence(attention.F16, c.Context), Tokens: []int32{1}}}
		logits := make([]float32, c.Vocab)
		step := func() {
			if err := m.Run(rows, nil); err != nil {
				t.Fatal(err)
			}
			if err := m.Logits(logits, 0, 1); err != nil {
				t.Fatal(err)
			}
		}
		step()
		if n := testing.AllocsPerRun(c.Context-4, step); n > 0 {
			t.Errorf("%s: %v allocations per token", name, n)
		}
	}
}

// A file that claims compressed rows under attention that they can't express is refused.
func TestCompressedUnderALiBi(t *testing.T) {
	for name, b := range map[string]*gguftest.Builder{
		"ALiBi": gguftest.ClassicVariants()["bloom"].Build(), "later tokens": gguftest.EncoderVariants()["bert"].Build(),
	} {
		f, s := spec(t, b)
		s = s.Compress([]model.CompressedShape{{L: 32, Blocks: 1}, {L: 32, Blocks: 1}}, 0.4)
		if _, err := model.Load(f, s, model.Options{Threads: 1}); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
