package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/latentgo/latentgo/internal/testenv"
)

// randomLatents are tensors of compressed layers with random weights: what speed needs of a conversion.
func randomLatents(t testing.TB, m *Model, s latentShape, small kernel.Type) map[string]*tensor {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	made := map[string]*tensor{}
	for i := range m.w.layers {
		g := m.w.layers[i].geo
		row := s.r + s.l
		add := func(name string, typ kernel.Type, scale float64, shape ...int) {
			n := 1
			for _, d := range shape {
				n *= d
			}
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(rng.NormFloat64() * scale)
			}
			data := make([]byte, typ.RowBytes(shape[0])*(n/shape[0]))
			if err := kernel.Quantize(data, typ, x); err != nil {
				t.Fatal(err)
			}
			name = fmt.Sprintf("blk.%d.%s", i, name)
			made[name] = madeTensor(name, typ, data, shape...)
		}
		add(tensorEncKV, ggtype.Q8_0, 0.05, g.KVHeads/s.blocks*(g.KeySize+g.ValueSize), row, s.blocks)
		add(tensorQuery, small, 0.1, g.KeySize, s.r+s.keys(), g.KVHeads)
		add(tensorValue, small, 0.1, s.l, g.ValueSize, g.KVHeads)
		if s.r > 0 {
			pairs := make([]byte, 4*s.r/2*s.blocks)
			for i := range s.r / 2 * s.blocks {
				pairs[4*i] = byte(i % (m.h.rope.Dims / 2))
			}
			name := fmt.Sprintf("blk.%d.%s", i, tensorPairs)
			made[name] = madeTensor(name, ggtype.I32, pairs, s.r/2, s.blocks)
		}
	}
	return made
}

// latentModel is m with compressed layers of that shape.
func latentModel(t testing.TB, m *Model, over map[string]*tensor, s latentShape) *Model {
	t.Helper()
	h := m.h.planned(slices.Repeat([]latentShape{s}, m.h.layers))
	if err := h.makeTurns(m.run.ropes); err != nil {
		t.Fatal(err)
	}
	w, err := loadWeights(m.file, over, h, MLAOff)
	if err != nil {
		t.Fatal(err)
	}
	c := &Model{file: m.file, opt: m.opt, h: h, w: w, tok: m.tok, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	c.run = newRunner(h, w, m.run.ropes, m.opt.Threads)
	t.Cleanup(c.run.pool.Close)
	return c
}

// One token of SmolLM2 after a context, plain and with rows of several sizes.
func BenchmarkLatentDecode(b *testing.B) {
	plain := loadFile(b, testenv.Model(b), Options{MLA: MLAOff})
	type form struct {
		name string
		m    *Model
	}
	models := []form{{"off", plain}}
	for _, s := range []latentShape{{l: 192, blocks: 1, key: 64, near: 64}, {l: 96, blocks: 1, key: 32, near: 64}} {
		for _, small := range []kernel.Type{ggtype.F16, ggtype.Q8_0} {
			name := fmt.Sprintf("%d+%d,%v", s.r, s.l, small)
			models = append(models, form{name, latentModel(b, plain, randomLatents(b, plain, s, small), s)})
		}
	}
	for _, depth := range []int{1, 4096} {
		for _, c := range models {
			for _, cache := range []CacheType{CacheF16, CacheQ8} {
				b.Run(fmt.Sprintf("depth=%d/%s/%v", depth, c.name, cache), func(b *testing.B) { decodeAt(b, c.m, cache, depth) })
			}
		}
	}
}

// decodeAt measures one token after depth others.
func decodeAt(b *testing.B, m *Model, cache CacheType, depth int) {
	s := newSession(b, m, &SessionOptions{Cache: cache})
	ids := randomIDs(depth, m.w.embed.Rows)
	if _, err := s.Eval(context.Background(), ids); err != nil {
		b.Fatal(err)
	}
	best := time.Duration(math.MaxInt64) // other programs do not touch it as they do the mean
	b.ResetTimer()
	for range b.N {
		s.Truncate(depth)
		start := time.Now()
		if _, err := s.Eval(context.Background(), ids[:1]); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
	b.ReportMetric(1/best.Seconds(), "best-tokens/s")
}
