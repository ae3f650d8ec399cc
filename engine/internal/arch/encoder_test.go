package arch_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// Encoders give llama.cpp's row for each token of a text, also when texts of several lengths share a pass.
func TestEncoderVariants(t *testing.T) {
	for name, c := range gguftest.EncoderVariants() {
		t.Run(name, func(t *testing.T) {
			ids := gguftest.RandomIDs(28, c.Vocab)
			want := readFloats(t, "../../testdata/encoders/"+name+".f32")
			path := c.Build().Write(t)
			for _, plain := range []bool{false, true} {
				m := open(t, path, model.Options{Threads: 2, PlainGQA: plain})
				if e := nmse(encoded(t, m, ids)[0], want); !(e < 1e-5) {
					t.Errorf("plain %v: error %.2g", plain, e)
				}
				texts := [][]int32{ids[:1], ids[3:9], ids, ids[:2], ids[5:28]}
				for i, got := range encoded(t, m, texts...) {
					if e := nmse(got, encoded(t, m, texts[i])[0]); !(e < 1e-9) {
						t.Errorf("plain %v, text of %d tokens among others: error %.2g", plain, len(texts[i]), e)
					}
				}
			}
		})
	}
}

// encoded returns the rows of each text, all evaluated in one pass.
func encoded(t *testing.T, m *model.Model, texts ...[]int32) [][]float32 {
	t.Helper()
	var rows []model.Rows
	for _, ids := range texts {
		rows = append(rows, model.Rows{Seq: m.NewSequence(attention.F16, 0), Tokens: ids})
	}
	if err := m.Run(rows, nil); err != nil {
		t.Fatal(err)
	}
	at, out := 0, [][]float32{}
	for _, ids := range texts {
		x := make([]float32, len(ids)*m.Spec().Width)
		m.Hidden(x, at, len(ids))
		out, at = append(out, x), at+len(ids)
	}
	return out
}

// A vector is pooled as the file says.
func TestPooling(t *testing.T) {
	ids := gguftest.RandomIDs(9, 48)
	for kind, pick := range map[model.Pooling]func(rows []float32, width, i int) float32{
		1: func(rows []float32, width, i int) float32 {
			sum := float32(0)
			for t := range ids {
				sum += rows[t*width+i]
			}
			return sum / float32(len(ids))
		},
		2: func(rows []float32, width, i int) float32 { return rows[i] },
		3: func(rows []float32, width, i int) float32 { return rows[8*width+i] },
	} {
		b := gguftest.EncoderVariants()["bert"].Build().AddKV("bert.pooling_type", uint32(kind))
		m := open(t, b.Write(t), model.Options{Threads: 2})
		if m.Spec().Pooling != kind {
			t.Errorf("pooling %d read as %d", kind, m.Spec().Pooling)
		}
		width := m.Spec().Width
		rows, p := encoded(t, m, ids)[0], model.NewPool(kind, width)
		p.Add(rows[:2*width])
		p.Add(nil)
		p.Add(rows[2*width:])
		got := p.Vector()
		want := make([]float32, len(got))
		for i := range want {
			want[i] = pick(rows, len(want), i)
		}
		if e := nmse(got, want); !(e < 1e-10) {
			t.Errorf("pooling %d: error %.2g", kind, e)
		}
	}
}

// What an encoder can't do is an error that says so.
func TestEncoderErrors(t *testing.T) {
	c := gguftest.EncoderVariants()["nomic-bert"]
	m := open(t, c.Build().Write(t), model.Options{Threads: 1})
	seq := m.NewSequence(attention.F16, 0)
	rows := []model.Rows{{Seq: seq, Tokens: []int32{1, 2, 3}}}
	if err := m.Run(rows, nil); err != nil {
		t.Fatal(err)
	}
	if err := m.Run(rows, nil); !errors.Is(err, model.ErrInvalid) || !strings.Contains(err.Error(), "whole") {
		t.Errorf("a text in pieces: %v", err)
	}
	causal := gguftest.EncoderVariants()["bert"].Build().Set("bert.attention.causal", true)
	if _, err := loadBuilt(t, causal); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), "attention.causal") {
		t.Errorf("a causal encoder: %v", err)
	}
	rank := gguftest.EncoderVariants()["bert"].Build().AddKV("bert.pooling_type", uint32(7))
	if _, err := loadBuilt(t, rank); !errors.Is(err, model.ErrUnsupported) || !strings.Contains(err.Error(), "pooling_type") {
		t.Errorf("unknown pooling: %v", err)
	}
}

// Classification heads give llama.cpp's scores.
func TestClassifiers(t *testing.T) {
	for name, b := range gguftest.RankVariants() {
		ids := gguftest.RandomIDs(28, 48)
		m := open(t, b.Write(t), model.Options{Threads: 2})
		kind, err := m.Classified()
		if err != nil {
			t.Fatal(err)
		}
		p := model.NewPool(kind, m.Spec().Width)
		p.Add(encoded(t, m, ids)[0])
		got := m.Classify(p.Vector())
		want := readFloats(t, "../../testdata/encoders/"+name+".f32")
		if len(got) != len(want) {
			t.Fatalf("%s: %v, want %v", name, got, want)
		}
		for i, w := range want { // sums of some fifty rounded products around 0.2
			if d := math.Abs(float64(got[i] - w)); !(d < 5e-3) {
				t.Errorf("%s, class %d: %v, want %v", name, i, got[i], w)
			}
		}
	}
	m := open(t, gguftest.EncoderVariants()["bert"].Build().Write(t), model.Options{Threads: 1})
	if _, err := m.Classified(); !errors.Is(err, model.ErrUnsupported) {
		t.Errorf("no head: %v", err)
	}
}
