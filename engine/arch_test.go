package engine

import (
	"context"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"

	"github.com/latentgo/latentgo/internal/testenv"
)

var bothForms = []MLA{MLAExact, MLAOff}

// The small random models of the shared vectors, against llama.cpp's logits: whole prompt at once, and token by token.
func TestLogitsEqualLlamaCpp(t *testing.T) {
	var ids []int32
	readJSON(t, testenv.Shared(t, "vectors/arch/ids.json"), &ids)
	for _, name := range []string{"llama-dense", "mistral3-dense", "qwen2-dense", "qwen3-dense", "gemma3-dense", "deepseek2-moe"} {
		want := readLogits(t, testenv.Shared(t, "vectors/arch/"+name+".logits.f32"), len(ids))
		for _, form := range bothForms {
			t.Run(name+"/"+form.String(), func(t *testing.T) {
				m := loadFile(t, testenv.Shared(t, "vectors/arch/"+name+".gguf"), Options{MLA: form})
				if e := nmse(allLogits(t, m, ids), want); !(e < 1e-5) {
					t.Errorf("prefill: normalised mean squared error %.2g", e)
				}
				if e := nmse(stepLogits(t, m, ids), want); !(e < 1e-5) {
					t.Errorf("decode: normalised mean squared error %.2g", e)
				}
			})
		}
	}
}

// stepLogits evaluates ids one by one.
func stepLogits(t *testing.T, m *Model, ids []int32) [][]float32 {
	t.Helper()
	s := newSession(t, m, nil)
	var out [][]float32
	for _, id := range ids {
		l, err := s.Eval(context.Background(), []int32{id})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, append([]float32(nil), l...))
	}
	return out
}

// Every switch of the block builder: latent and grouped-query attention agree, prefill and decode agree, and any number
// of threads gives the same bits.
func TestFormsBatchesAndThreadsAgree(t *testing.T) {
	for name, m := range tinyModels() {
		t.Run(name, func(t *testing.T) {
			path := m.Build().Write(t)
			ids := gguftest.RandomIDs(150, m.Vocab)
			exact := loadFile(t, path, Options{})
			want := allLogits(t, exact, ids)
			if e := nmse(allLogits(t, loadFile(t, path, Options{MLA: MLAOff}), ids), want); !(e < 1e-10) {
				t.Errorf("exact latent attention is not the grouped-query one: %.2g", e)
			}
			if e := nmse(stepLogits(t, exact, ids), want); !(e < 1e-3) {
				t.Errorf("decode differs from prefill: %.2g", e)
			}
			for _, threads := range []int{1, 3} {
				other := loadFile(t, path, Options{Threads: threads})
				if e := nmse(allLogits(t, other, ids), want); e != 0 {
					t.Errorf("%d threads differ from 2: %.2g", threads, e)
				}
				if e := nmse(stepLogits(t, other, ids), stepLogits(t, exact, ids)); e != 0 {
					t.Errorf("decode with %d threads differs from 2: %.2g", threads, e)
				}
			}
		})
	}
}

func tinyModels() map[string]gguftest.Tiny {
	models := map[string]gguftest.Tiny{"llama": gguftest.TinyLlama()}
	qwen2 := gguftest.TinyLlama()
	qwen2.Arch, qwen2.Bias = "qwen2", true
	models["qwen2"] = qwen2
	qwen3 := gguftest.TinyLlama()
	qwen3.Arch, qwen3.QKNorm = "qwen3", true
	models["qwen3"] = qwen3
	gemma := gguftest.TinyLlama()
	gemma.Arch, gemma.QKNorm, gemma.PostNorm = "gemma3", true, true
	models["gemma3"] = gemma
	return models
}

// Layers with a sliding window see no further: what happened before cannot matter.
func TestSlidingWindow(t *testing.T) {
	m := tinyModels()["gemma3"]
	b := m.Build().AddKV("gemma3.attention.sliding_window", uint32(8)).AddKV("gemma3.attention.sliding_window_pattern", []bool{true, true})
	model := loadFile(t, b.Write(t), Options{})
	ids := gguftest.RandomIDs(60, m.Vocab)
	want := allLogits(t, model, ids)
	changed := append([]int32(nil), ids...)
	changed[10] = (changed[10] + 1) % int32(m.Vocab)
	got := allLogits(t, model, changed)
	// Two layers reach back 2·(8-1) positions.
	if e := nmse(got[25:], want[25:]); e != 0 {
		t.Errorf("a token outside the window changed the logits: %.2g", e)
	}
	if e := nmse(got[10:24], want[10:24]); e == 0 {
		t.Error("a token inside the window changed nothing")
	}
}
