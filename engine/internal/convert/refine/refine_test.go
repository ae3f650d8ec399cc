package refine

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/convert/tensors"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/ggtype"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// refinerOf readies the refinement of a small model for llama.cpp, made of noise: rows of 8 + 24 values that say
// something of its keys and values.
func refinerOf(t *testing.T, b *gguftest.Builder, windows, fresh [][]int32) *refiner {
	t.Helper()
	f, s := converttest.Open(t, b)
	m := converttest.Load(t, f, s, nil)
	shapes := slices.Repeat([]model.CompressedShape{{R: 8, L: 24, Blocks: 1}}, len(s.Layers))
	r := &refiner{m: m, spec: s.Compress(shapes, 0), made: rough(t, m), tape: new(tape)}
	if err := r.prepare(Options{Seen: targeted(t, m, windows), Fresh: targeted(t, m, fresh)}); err != nil {
		t.Fatal(err)
	}
	return r
}

// rough makes tensors of the form for llama.cpp: a row has the first four RoPE pairs of the first key head, and 24
// values that are near the first principal components of the weights of keys and values.
func rough(t *testing.T, m *model.Model) tensors.Map {
	t.Helper()
	made := tensors.Map{}
	for i := range m.Spec().Layers {
		p, _ := m.Layer(i).Projections()
		name := func(n string) string { return model.LayerName(i, n) }
		kv := new(mat.Dense)
		kv.Stack(tensors.Dense(p.K), tensors.Dense(p.V)) // [2·(16+16), width]
		var svd mat.SVD
		var u, v mat.Dense
		if !svd.Factorize(kv, mat.SVDThin) {
			t.Fatal("no principal components")
		}
		svd.UTo(&u)
		svd.VTo(&v)
		sigma := svd.Values(nil)
		width, keys := m.Spec().Width, p.KVHeads*p.KeySize
		enc := mat.NewDense(8+24, width, nil)
		enc.Slice(0, 8, 0, width).(*mat.Dense).Copy(kv.Slice(0, 8, 0, width))
		decode := mat.NewDense(kv.RawMatrix().Rows, 24, nil)
		for j := range 24 {
			for c := range width {
				enc.Set(8+j, c, v.At(c, j))
			}
			for r := range kv.RawMatrix().Rows {
				decode.Set(r, j, u.At(r, j)*sigma[j])
			}
		}
		var query, value []*mat.Dense
		for g := range p.KVHeads {
			q := mat.NewDense(8+24, p.KeySize, nil)
			for j := range 8 {
				q.Set(j, j, 1/float64(1+g))
			}
			q.Slice(8, 32, 0, p.KeySize).(*mat.Dense).Copy(decode.Slice(g*p.KeySize, (g+1)*p.KeySize, 0, 24).T())
			query = append(query, q)
			at := keys + g*p.ValueSize
			value = append(value, mat.DenseCopyOf(decode.Slice(at, at+p.ValueSize, 0, 24)))
		}
		add := func(n string, typ ggtype.Type, ms ...*mat.Dense) {
			rows, cols := ms[0].Dims()
			data, err := tensors.Encode(typ, ms...)
			if err != nil {
				t.Fatal(err)
			}
			dims := []int{cols, rows, len(ms)}
			if len(ms) == 1 {
				dims = dims[:2]
			}
			made.Add(name(n), typ, data, dims...)
		}
		add(model.TensorEncode, ggtype.F32, enc)
		add(model.TensorQuery, ggtype.F16, query...)
		add(model.TensorValue, ggtype.F16, value...)
		made.Add(name(model.TensorPairs), ggtype.I32, []byte{0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0}, 4, 1)
	}
	return made
}

// targeted gives windows the targets that the original model makes of them.
func targeted(t *testing.T, m *model.Model, windows [][]int32) Text {
	t.Helper()
	width, n := m.Spec().Width, 0
	for _, w := range windows {
		n += len(w)
	}
	text := Text{windows, activation.NewQ8(n, width)}
	at := 0
	for _, w := range windows {
		seq := m.NewSequence(attention.F16, 0)
		if err := m.Run([]model.Rows{{Seq: seq, Tokens: w}}, nil); err != nil {
			t.Fatal(err)
		}
		rows := make([]float32, len(w)*width)
		m.Hidden(rows, 0, len(w))
		text.Targets.From(at).Save(rows, 0, len(w))
		at += len(w)
	}
	return text
}

// The gradient of every kind of parameter, in the first and the last layer, is the loss's slope.
func TestGradient(t *testing.T) {
	r := refinerOf(t, gguftest.TinyFloat("llama").Build(), gguftest.Windows(6, 37, 90), nil)
	b := r.batches[0]
	if len(b.windows) < 2 {
		t.Fatalf("a batch of %d windows", len(b.windows))
	}
	type slope struct {
		p    *parameter
		grad []float32
	}
	var all []slope
	r.gradient(b, func(l *layer) {
		for _, p := range l.parameters() {
			if l == r.layers[0] || l == r.layers[len(r.layers)-1] {
				all = append(all, slope{p, slices.Clone(p.grad)})
			}
			clear(p.grad)
		}
	})
	loss := func() float64 {
		r.forward(b)
		return r.loss(b, false)
	}
	for i, s := range all { // along the gradient itself, and along a random direction
		for _, random := range []bool{false, true} {
			dir, norm, want := slices.Clone(s.grad), 0.0, 0.0
			if random {
				rng := gguftest.NewRand()
				for j := range dir {
					dir[j] = float32(rng.NormFloat64())
				}
			}
			for _, v := range dir {
				norm += float64(v) * float64(v)
			}
			step := 0.002 * float64(s.p.rms) * math.Sqrt(float64(len(dir))/norm)
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

// A step's matrix is about the orthogonal one next to what it is made of, which the singular value decomposition gives:
// large and small directions count the same.
func TestOrthogonal(t *testing.T) {
	rng := gguftest.NewRand()
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
		got := new(scratch).orthogonal(single, rows, cols)
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
func TestForward(t *testing.T) {
	for _, factor := range []float32{1, 1.5} {
		b := gguftest.TinyFloat("llama").Build().AddKV("llama.rope.scaling.attn_factor", factor)
		r := refinerOf(t, b, gguftest.Windows(6, 37, 90), nil)
		converted := converttest.Load(t, r.m.File(), r.spec, r.made)
		r.forward(r.batches[0])
		width, at := r.spec.Width, 0
		for _, ids := range r.batches[0].windows {
			hidden, logits := make([]float32, width), make([]float32, r.spec.Vocab)
			at += len(ids)
			model.Norm(hidden, r.back[(at-1)*width:][:width], r.m.OutputNorm(), r.spec.Eps)
			if err := r.m.LogitsOf(logits, hidden, 1); err != nil {
				t.Fatal(err)
			}
			want := converttest.Logits(t, converted, ids, converttest.All)
			if e := converttest.NMSE([][]float32{logits}, want[len(want)-1:]); !(e < 3e-4) {
				t.Errorf("attention factor %g: logits differ from the converted model's by %.2g", factor, e)
			}
		}
	}
}

// A batch has the targets of its windows, and text that statistics have seen comes first.
func TestTargets(t *testing.T) {
	windows := gguftest.Windows(60, 37, 90)
	r := refinerOf(t, gguftest.TinyFloat("llama").Build(), windows, gguftest.Windows(2, 30, 90))
	seen, width := targeted(t, r.m, windows), r.spec.Width
	at, got, want := 0, make([]float32, batchTokens*width), make([]float32, batchTokens*width)
	for _, b := range r.batches[:r.seen] {
		b.target.Load(got, 0, b.n)
		seen.Targets.From(at).Load(want, 0, b.n)
		if at += b.n; !slices.Equal(got, want) {
			t.Errorf("a batch of %d tokens has the targets of others", b.n)
		}
	}
	if at != 60*37 || r.seen < 2 || len(r.batches) != r.seen+1 {
		t.Errorf("%d tokens have a target, %d batches of which %d are seen", at, len(r.batches), r.seen)
	}
}

// TargetsOf norms a stream as the model does before its output.
func TestTargetsOf(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyFloat("llama").Build())
	width, n := m.Spec().Width, 70
	rng := gguftest.NewRand()
	x, want, got := make([]float32, n*width), make([]float32, n*width), make([]float32, n*width)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	s := activation.NewF16(n, width)
	s.Save(x, 0, n)
	TargetsOf(m, s).Load(got, 0, n)
	for i := range n {
		model.Norm(want[i*width:][:width], x[i*width:][:width], m.OutputNorm(), m.Spec().Eps)
	}
	for i, w := range want {
		if math.Abs(float64(got[i]-w)) > 0.05*(1+math.Abs(float64(w))) { // a step of 8 bits
			t.Fatalf("token %d, value %d: %g, want %g", i/width, i%width, got[i], w)
		}
	}
}

// Refining brings the divergence down.
func TestRefine(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute without assembly")
	}
	windows := gguftest.Windows(400, 64, 90)
	windows, fresh := windows[:240], windows[240:]
	r := refinerOf(t, gguftest.TinyFloat("llama").Build(), windows, fresh)
	tick := func() error { return nil }
	before, err := r.divergence(r.batches, tick)
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	o := Options{Seen: targeted(t, r.m, windows), Fresh: targeted(t, r.m, fresh), Seed: 1, Steps: 30}
	paid, err := Run(t.Context(), r.m, r.spec, r.made, o, func(int, int) { steps++ })
	if err != nil || !paid {
		t.Fatalf("paid %v, error %v", paid, err)
	}
	again := &refiner{m: r.m, spec: r.spec, made: r.made, tape: new(tape)}
	if err := again.prepare(o); err != nil {
		t.Fatal(err)
	}
	after, err := again.divergence(again.batches, tick)
	if err != nil {
		t.Fatal(err)
	}
	if t.Logf("divergence %.5f, refined %.5f", before, after); !(after < 0.998*before) || steps < o.Steps {
		t.Errorf("divergence %g after %d steps, %g before", after, steps, before)
	}
}

// Without text held back to judge by, tensors stay as they are.
func TestKeepsWhatItCannotJudge(t *testing.T) {
	windows := gguftest.Windows(20, 64, 90)
	r := refinerOf(t, gguftest.TinyFloat("llama").Build(), windows, nil)
	before := map[string]*model.Tensor{}
	for name, x := range r.made {
		before[name] = x
	}
	o := Options{Seen: targeted(t, r.m, windows), Steps: 2 * len(r.batches)}
	steps := 0
	paid, err := Run(t.Context(), r.m, r.spec, r.made, o, func(int, int) { steps++ })
	if err != nil || paid {
		t.Fatalf("paid %v, error %v", paid, err)
	}
	if steps != o.Steps {
		t.Errorf("%d steps, want %d", steps, o.Steps)
	}
	for name, x := range r.made {
		if x != before[name] {
			t.Errorf("%s has changed", name)
		}
	}
}

// A context that ends ends the steps.
func TestCancelled(t *testing.T) {
	windows := gguftest.Windows(20, 64, 90)
	r := refinerOf(t, gguftest.TinyFloat("llama").Build(), windows, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o := Options{Seen: targeted(t, r.m, windows), Steps: 5}
	if _, err := Run(ctx, r.m, r.spec, r.made, o, func(int, int) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
