package engine

import (
	"math"
	"os"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/pool"
)

// refinerOf compresses a tiny model for llama.cpp and readies its refinement.
func refinerOf(t *testing.T, b *gguftest.Builder, windows, fresh [][]int32) (*refiner, map[string]*tensor) {
	t.Helper()
	m := loadFile(t, b.Write(t), Options{MLA: MLAOff})
	made := map[string]*tensor{}
	plan := slices.Repeat([]latentShape{{r: 8, l: 24, blocks: 1}}, m.h.layers)
	c := &converter{m: m, cal: newCalibration(m, windows), h: m.h.planned(plan), plan: plan, made: made, compat: true}
	if err := c.h.makeTurns(m.run.ropes); err != nil {
		t.Fatal(err)
	}
	if err := c.run(t.Context(), func(int) {}); err != nil {
		t.Fatal(err)
	}
	r := &refiner{c: c, tape: new(refineTape)}
	if err := r.prepare(&refineOptions{seen: seenText(c), fresh: targeted(t, c, fresh)}); err != nil {
		t.Fatal(err)
	}
	return r, made
}

// seenText is the text that a conversion's statistics come from.
func seenText(c *converter) refineText { return refineText{c.cal.windows, c.targets(c.cal.x)} }

// targeted gives windows the targets that the original model makes of them.
func targeted(t *testing.T, c *converter, windows [][]int32) refineText {
	t.Helper()
	return refineText{windows, c.targets(original(t, c, windows))}
}

// original returns what the original model makes of windows behind its last layer.
func original(t *testing.T, c *converter, windows [][]int32) stream {
	t.Helper()
	m, cal := c.m, newCalibration(c.m, windows)
	if err := cal.embed(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range m.w.layers {
		l := &m.w.layers[i]
		store := scratchStore(l, cal.longest())
		err := cal.each(t.Context(), func(p *pass, x, _ stream) func(*pool.Worker, *lane, int, int) {
			return func(w *pool.Worker, ln *lane, lo, hi int) {
				x.load(ln.x, lo, hi)
				p.bind(w, ln, l, i)
				p.heads(w, ln, l, store, lo, hi)
				p.combine(w, ln, l, lo, hi)
				p.addTo(ln, l.oBias, l.postAttnNorm, lo, hi)
				p.feedForward(w, ln, l, lo, hi)
				x.save(ln.x, lo, hi)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return cal.x
}

// The gradient of every kind of parameter, in the first and the last layer, is the loss's slope.
func TestRefineGradient(t *testing.T) {
	r, _ := refinerOf(t, exactTiny("llama").build(), windowsOf(6, 37, 90), nil)
	b := r.batch[0]
	if len(b.windows) < 2 {
		t.Fatalf("a batch of %d windows", len(b.windows))
	}
	type slope struct {
		p    *parameter
		grad []float32
	}
	var all []slope
	r.gradient(b, func(l *refined) {
		for _, p := range []*parameter{l.enc, l.query, l.value} {
			if l == r.layers[0] || l == r.layers[len(r.layers)-1] {
				all = append(all, slope{p, slices.Clone(p.grad)})
			}
			clear(p.grad)
		}
	})
	loss := func() float64 {
		r.forward(b)
		return r.lossBack(b, false)
	}
	for i, s := range all { // along the gradient itself, and along a random direction
		for _, random := range []bool{false, true} {
			dir, norm, want := slices.Clone(s.grad), 0.0, 0.0
			if random {
				rng := newRand()
				for j := range dir {
					dir[j] = float32(rng.NormFloat64())
				}
			}
			for _, v := range dir {
				norm += float64(v) * float64(v)
			}
			step := 0.002 * float64(s.p.rate) * math.Sqrt(float64(len(dir))/norm)
			old := slices.Clone(s.p.w)
			var at [2]float64
			for k, sign := range []float64{1, -1} {
				for j, v := range dir {
					s.p.w[j] = old[j] + float32(sign*step)*v
				}
				at[k] = loss()
			}
			copy(s.p.w, old)
			for j, v := range dir {
				want += float64(v) * float64(s.grad[j])
			}
			got := (at[0] - at[1]) / (2 * step)
			scale := math.Sqrt(norm) * math.Sqrt(sumSquares64(s.grad))
			if norm == 0 || math.Abs(got-want) > 0.03*math.Max(math.Abs(want), 0.1*scale) {
				t.Errorf("parameter %d, random %v: slope %g, gradient says %g", i, random, got, want)
			}
		}
	}
}

// A step's matrix is about the orthogonal one next to what it is made of, which the singular value decomposition gives: large and small
// directions count the same.
func TestOrthogonal(t *testing.T) {
	rng := newRand()
	for _, size := range [][2]int{{24, 64}, {64, 24}, {1, 9}, {9, 1}, {40, 40}} {
		rows, cols := size[0], size[1]
		x := mat.NewDense(rows, cols, nil)
		for i := range rows {
			for j := range cols {
				x.Set(i, j, rng.NormFloat64()*(1+float64(i%5)))
			}
		}
		single := make([]float32, rows*cols)
		for i, v := range x.RawMatrix().Data {
			single[i] = float32(v)
		}
		got := new(refineScratch).orthogonal(single, rows, cols)
		var svd mat.SVD
		var u, v, want mat.Dense
		svd.Factorize(x, mat.SVDThin)
		svd.UTo(&u)
		svd.VTo(&v)
		want.Mul(&u, v.T())
		dot, n := 0.0, float64(min(rows, cols))
		y := mat.NewDense(rows, cols, nil)
		for i, w := range want.RawMatrix().Data {
			y.RawMatrix().Data[i] = float64(got[i])
			dot += w * float64(got[i]) / n
		}
		svd.Factorize(y, mat.SVDNone)
		if s := svd.Values(nil); s[0] > 1.3 || s[len(s)-1] < 0.3 || dot < 0.65 {
			t.Errorf("%d×%d: singular values %.2f to %.2f, %.2f of the orthogonal matrix", rows, cols, s[len(s)-1], s[0], dot)
		}
	}
}

func sumSquares64(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

// The refiner's forward pass is the converted model's.
func TestRefineForward(t *testing.T) {
	for _, factor := range []float32{1, 1.5} {
		b := exactTiny("llama").build().AddKV("llama.rope.scaling.attn_factor", factor)
		r, made := refinerOf(t, b, windowsOf(6, 37, 90), nil)
		m := r.c.m
		if err := m.rebuild(made, m.h.planned(r.c.plan)); err != nil {
			t.Fatal(err)
		}
		r.forward(r.batch[0])
		ids := r.batch[0].windows[0]
		hidden := make([]float32, m.h.embed)
		last := r.back[(len(ids)-1)*m.h.embed:][:m.h.embed]
		norm(hidden, last, m.w.norm, m.h.eps)
		all := allLogits(t, m, ids)
		logits := all[len(all)-1]
		row := make([]float32, m.h.embed)
		for x := range logits {
			m.w.output.Row(row, x)
			sum := 0.0
			for j, v := range row {
				sum += float64(v) * float64(hidden[j])
			}
			if math.Abs(sum-float64(logits[x])) > 0.02*(1+math.Abs(sum)) {
				t.Fatalf("attention factor %g: logit %d is %g, the converted model says %g", factor, x, sum, logits[x])
			}
		}
	}
}

// What the closed form leaves of the original model's stream is what the model makes of the text, and so is what the model has in hand while
// it writes.
func TestRefineTarget(t *testing.T) {
	r, _ := refinerOf(t, exactTiny("llama").build(), windowsOf(6, 37, 90), windowsOf(2, 30, 90))
	c, width := r.c, r.c.h.embed
	same := func(what string, n int, got, want keeper, most float64) {
		t.Helper()
		x, y := make([]float32, n*width), make([]float32, n*width)
		got.load(x, 0, n)
		want.load(y, 0, n)
		for i, v := range x {
			if w := y[i]; math.Abs(float64(v-w)) > most*(1+math.Abs(float64(w))) {
				t.Fatalf("%s: token %d, value %d: %g, the model says %g", what, i/width, i%width, v, w)
			}
		}
	}
	same("seen", 6*37, c.cal.x, original(t, c, c.cal.windows), 0.02)
	var text refineText
	text.windows = write(t, c.m, selfTextOptions{tokens: 700, window: 200, targets: &text.targets})
	same("written", countTokens(text.windows), text.targets, targeted(t, c, text.windows).targets, 0.05) // a step of 8 bits
	at, got, want := 0, make([]float32, refineTokens*width), make([]float32, refineTokens*width)
	for _, b := range r.batch[:r.seen] {
		b.target.load(got, 0, b.n)
		seenText(c).targets.from(at).load(want, 0, b.n)
		if at += b.n; !slices.Equal(got, want) {
			t.Errorf("a batch of %d tokens has the targets of others", b.n)
		}
	}
	if at != 6*37 || len(r.batch) != r.seen+1 {
		t.Errorf("%d tokens have a target, %d batches of which %d are seen", at, len(r.batch), r.seen)
	}
}

// Refining brings the divergence down.
func TestRefine(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute without assembly")
	}
	windows := windowsOf(400, 64, 90)
	windows, fresh := windows[:240], windows[240:]
	r, _ := refinerOf(t, exactTiny("llama").build(), windows, fresh)
	tick := func() error { return nil }
	before, err := r.divergence(r.batch, tick)
	if err != nil {
		t.Fatal(err)
	}
	c := r.c
	steps := 0
	if err := c.refine(t.Context(), &refineOptions{seen: seenText(c), fresh: targeted(t, c, fresh), seed: 1, steps: 30}, func(int, int) { steps++ }); err != nil {
		t.Fatal(err)
	}
	again := &refiner{c: c, tape: new(refineTape)}
	if err := again.prepare(&refineOptions{seen: seenText(c), fresh: targeted(t, c, fresh)}); err != nil {
		t.Fatal(err)
	}
	after, err := again.divergence(again.batch, tick)
	if err != nil {
		t.Fatal(err)
	}
	if t.Logf("divergence %.5f, refined %.5f", before, after); !(after < 0.998*before) || steps < len(r.batch) {
		t.Errorf("divergence %g after %d steps, %g before", after, steps, before)
	}
}

// Without text held back to judge by, tensors stay as they are.
func TestRefineKeepsWhatItCannotJudge(t *testing.T) {
	windows := windowsOf(20, 64, 90)
	r, made := refinerOf(t, exactTiny("llama").build(), windows, nil)
	before := map[string][]byte{}
	for name, x := range made {
		b, err := x.bytes()
		if err != nil {
			t.Fatal(err)
		}
		before[name] = slices.Clone(b)
	}
	o := &refineOptions{seen: seenText(r.c), steps: 2 * len(r.batch)}
	steps := 0
	if err := r.c.refine(t.Context(), o, func(int, int) { steps++ }); err != nil || o.paid {
		t.Fatalf("paid %v, error %v", o.paid, err)
	}
	if steps != 2*len(r.batch) {
		t.Errorf("%d steps, want twice %d", steps, len(r.batch))
	}
	for name, x := range made {
		if b, err := x.bytes(); err != nil || !slices.Equal(b, before[name]) {
			t.Errorf("%s has changed, error %v", name, err)
		}
	}
}

// A conversion says whether refinement paid: then the file differs from one that is not refined, else it is the same and there is a warning.
// Two steps are a toss on a model of noise; TestRefine takes more.
func TestConvertRefined(t *testing.T) {
	path := tinyLlama().build().Write(t)
	convert := func(opt *ConvertOptions) (data []byte, paid bool, warnings int) {
		opt.Progress = func(p Progress) {
			if p.Warning != "" {
				warnings++
			}
		}
		out, r := convertTo(t, path, opt)
		if x := loadFile(t, out, Options{}).Conversion(); r.Refined != x.Refined {
			t.Errorf("report %+v, file %+v", r.Conversion, x)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return data, r.Refined > 0, warnings
	}
	plain := refining()
	plain.Refine = 0
	want, paid, warnings := convert(plain)
	if paid || warnings > 0 {
		t.Errorf("without refinement: paid %v, %d warnings", paid, warnings)
	}
	data, paid, warnings := convert(refining())
	if same := slices.Equal(data, want); same == paid || (warnings == 1) == paid {
		t.Errorf("paid %v, same file %v, %d warnings", paid, same, warnings)
	}
}
