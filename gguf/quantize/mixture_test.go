package quantize

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// mixtureModels are models without weights, by what mixtures depend on: query heads per key head, experts, layers, a
// matrix of its own for the output, rows that are no blocks of 256.
var mixtureModels = map[string]struct {
	arch                              string
	layers, heads, kv, experts, width int
	tied, fused                       bool
}{
	"gqa4":   {arch: "llama", layers: 16, heads: 8, kv: 2, width: 256},
	"mha":    {arch: "llama", layers: 17, heads: 4, kv: 4, width: 256, tied: true},
	"moe8":   {arch: "llama", layers: 8, heads: 4, kv: 2, experts: 8, width: 256},
	"moe16":  {arch: "llama", layers: 8, heads: 8, kv: 2, experts: 16, width: 256},
	"odd":    {arch: "llama", layers: 8, heads: 4, kv: 4, width: 288},
	"large":  {arch: "llama", layers: 80, heads: 8, kv: 1, width: 256},
	"falcon": {arch: "falcon", layers: 16, heads: 4, kv: 1, width: 256, fused: true},
}

// mixtureModel builds one of them, in F16.
func mixtureModel(name string) *gguftest.Builder {
	m := mixtureModels[name]
	b := new(gguftest.Builder)
	a := m.arch + "."
	b.AddKV("general.architecture", m.arch).AddKV(a+"block_count", uint32(m.layers)).AddKV(a+"context_length", uint32(64))
	b.AddKV(a+"embedding_length", uint32(m.width)).AddKV(a+"feed_forward_length", uint32(m.width))
	b.AddKV(a+"attention.head_count", uint32(m.heads)).AddKV(a+"attention.head_count_kv", uint32(m.kv))
	b.AddKV(a+"attention.layer_norm_rms_epsilon", float32(1e-5)).AddKV(a+"attention.layer_norm_epsilon", float32(1e-5))
	b.AddKV(a+"vocab_size", uint32(32)).AddKV("tokenizer.ggml.model", "no_vocab")
	if m.experts > 0 {
		b.AddKV(a+"expert_count", uint32(m.experts)).AddKV(a+"expert_used_count", uint32(2))
	}
	w := uint64(m.width)
	matrix := func(name string, dims ...uint64) { b.AddTensor(name, ggtype.F16, dims, nil) }
	matrix("token_embd.weight", w, 32)
	if !m.tied {
		matrix("output.weight", w, 32)
	}
	for i := range m.layers {
		l := fmt.Sprintf("blk.%d.", i)
		b.AddTensor(l+"attn_norm.weight", ggtype.F32, []uint64{w}, nil)
		if m.fused {
			matrix(l+"attn_qkv.weight", w, w)
		} else {
			matrix(l+"attn_q.weight", w, w)
			matrix(l+"attn_k.weight", w, w/2)
			matrix(l+"attn_v.weight", w, w/2)
		}
		matrix(l+"attn_output.weight", w, w)
		if m.experts > 0 {
			n := uint64(m.experts)
			matrix(l+"ffn_gate_inp.weight", w, n)
			matrix(l+"ffn_gate_exps.weight", w, 4, n)
			matrix(l+"ffn_up_exps.weight", w, 4, n)
			matrix(l+"ffn_down_exps.weight", w, 4, n)
			continue
		}
		matrix(l+"ffn_gate.weight", w, 8)
		matrix(l+"ffn_up.weight", w, 8)
		matrix(l+"ffn_down.weight", w, 8)
	}
	return b
}

// Every mixture gives every tensor of the models the type that llama-quantize of llama.cpp (commit 0c1e570) gives it:
// lines "MODEL FILETYPE TYPE TENSOR…" of testdata/mixtures.txt. A tensor is a name, or "PART@LAYERS" for
// blk.LAYER.PART.weight, or "*" for all others that change.
func TestMixtures(t *testing.T) {
	file, err := os.Open("testdata/mixtures.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want := map[string]map[string]string{} // model and file type → tensor → type
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		key := f[0] + " " + f[1]
		if want[key] == nil {
			want[key] = map[string]string{}
		}
		for _, tensors := range f[3:] {
			part, layers, ok := strings.Cut(tensors, "@")
			if !ok {
				want[key][tensors] = f[2]
				continue
			}
			for _, i := range strings.Split(layers, ",") {
				want[key]["blk."+i+"."+part+".weight"] = f[2]
			}
		}
	}
	if len(want) < 100 {
		t.Fatalf("%d mixtures in the file", len(want))
	}
	files := map[string]*gguf.File{}
	for name := range mixtureModels {
		if files[name], err = gguf.OpenBytes(name, mixtureModel(name).Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	for key, types := range want {
		t.Run(strings.ReplaceAll(key, " ", "/"), func(t *testing.T) {
			name, typ, _ := strings.Cut(key, " ")
			fileType, err := ParseFileType(typ)
			if err != nil {
				t.Fatal(err)
			}
			f := files[name]
			p := &Plan{file: f, opt: Options{Type: fileType}}
			got, _ := p.types()
			for _, x := range f.Tensors() {
				w := types[x.Name]
				if w == "" && quantisable(x) {
					w = types["*"]
				}
				if w == "" {
					w = x.Type.String()
				}
				if g := got[x].Type.String(); !strings.EqualFold(g, w) {
					t.Errorf("%s: %s, llama.cpp has %s", x.Name, g, w)
				}
			}
		})
	}
}
