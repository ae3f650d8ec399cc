package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/cpu"
	"github.com/x448/float16"
)

// The reference of everything here: grouped-query attention and latent attention by their textbook formulas in float64,
// with dense up-projections and the fp16 rounding of the cache.

type sequence struct {
	g       attn.Geometry
	q, k, v [][]float32 // per token: [H·d], [G·d], [G·v]
	softmax Softmax
}

func randomSequence(g attn.Geometry, n int, seed uint64) sequence {
	r := rand.New(rand.NewPCG(seed, 1))
	s := sequence{g: g}
	fill := func(n int, f float64) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64() * f)
		}
		return x
	}
	for range n {
		s.q = append(s.q, fill(g.Heads*g.KeySize, 0.5))
		s.k = append(s.k, fill(g.KVHeads*g.KeySize, 1))
		s.v = append(s.v, fill(g.KVHeads*g.ValueSize, 1))
	}
	return s
}

func half(x float32) float64 { return float64(float16.Fromfloat32(x).Float32()) }

// reference returns the output of the token at pos for head h.
func (s *sequence) reference(pos, h int) []float64 {
	g := s.g
	kv := h / g.Group()
	var w []float64
	first, sum := g.First(pos), 0.0
	for j := first; j <= pos; j++ {
		dot := 0.0
		for c := range g.KeySize {
			dot += float64(s.q[pos][h*g.KeySize+c]) * half(s.k[j][kv*g.KeySize+c])
		}
		if c := float64(s.softmax.Cap); c != 0 {
			dot = c * math.Tanh(dot/c)
		}
		w = append(w, math.Exp(dot))
		sum += w[j-first]
	}
	if s.softmax.Sinks != nil {
		sum += math.Exp(float64(s.softmax.Sinks[h]))
	}
	out := make([]float64, g.ValueSize)
	for j := first; j <= pos; j++ {
		for c := range out {
			out[c] += w[j-first] / sum * half(s.v[j][kv*g.ValueSize+c])
		}
	}
	return out
}

func (s *sequence) check(t *testing.T, pos int, got []float32) {
	t.Helper()
	s.near(t, pos, got, 2e-5)
}

// near is check within a limit.
func (s *sequence) near(t *testing.T, pos int, got []float32, limit float64) {
	t.Helper()
	for h := range s.g.Heads {
		for c, want := range s.reference(pos, h) {
			if d := math.Abs(float64(got[h*s.g.ValueSize+c]) - want); !(d < limit) {
				t.Fatalf("token %d head %d value %d: %v, want %v", pos, h, c, got[h*s.g.ValueSize+c], want)
			}
		}
	}
}

func (s *sequence) fill(t *testing.T, l *Layer, n int) *Store {
	t.Helper()
	st := NewStore(l, F16)
	for pos := range n {
		st.Grow(pos + 1)
		for g := range l.KVHeads {
			st.Append(pos, g, s.k[pos][g*l.KeySize:][:l.KeySize], s.v[pos][g*l.ValueSize:][:l.ValueSize])
		}
	}
	return st
}

var geometries = []attn.Geometry{
	{Heads: 9, KVHeads: 3, KeySize: 64, ValueSize: 64},
	{Heads: 4, KVHeads: 4, KeySize: 80, ValueSize: 48},
	{Heads: 8, KVHeads: 1, KeySize: 128, ValueSize: 128},
	{Heads: 2, KVHeads: 1, KeySize: 13, ValueSize: 7},
	{Heads: 4, KVHeads: 2, KeySize: 32, ValueSize: 32, Window: 5},
	{Heads: 4, KVHeads: 2, KeySize: 32, ValueSize: 32, Window: 300},
	{Heads: 4, KVHeads: 2, KeySize: 32, ValueSize: 32, Window: 100, Chunked: true},
}

// softmaxes are the ways in which scores become weights.
func softmaxes(g attn.Geometry) []Softmax {
	sinks := make([]float32, g.Heads) // next to nothing, about as much as all tokens, all but all
	for h := range sinks {
		sinks[h] = []float32{-20, 4, 8, 60}[h%4]
	}
	return []Softmax{{}, {Cap: 3}, {Sinks: sinks}, {Cap: 3, Sinks: sinks}}
}

// forms runs f for each geometry in both forms.
func forms(t *testing.T, f func(t *testing.T, l *Layer)) {
	for _, g := range geometries {
		for name, make := range map[string]func(attn.Geometry) (*Layer, error){"gqa": NewGQA, "mla": NewMLA} {
			t.Run(fmt.Sprintf("%s/%+v", name, g), func(t *testing.T) {
				for _, s := range softmaxes(g) {
					l, err := make(g)
					if err != nil {
						t.Fatal(err)
					}
					l.SetSoftmax(s)
					f(t, l)
				}
			})
		}
	}
}

func TestDecodeEqualsTextbook(t *testing.T) {
	forms(t, func(t *testing.T, l *Layer) {
		s := randomSequence(l.Geometry, 700, 7)
		s.softmax = l.softmax
		st := s.fill(t, l, 700)
		var p Partial
		p.Reserve(l)
		out := make([]float32, l.Heads*l.ValueSize)
		for _, pos := range []int{0, 1, 4, 5, 255, 256, 511, 699} {
			scratch := new(Scratch)
			scratch.Reserve(l, pos+1)
			for i := range l.Parts(pos) {
				l.Decode(&p, i, st, pos, s.q[pos], scratch)
			}
			l.Combine(out, &p, pos, 0, l.Heads, scratch)
			s.check(t, pos, out)
		}
	})
}

func TestPrefillEqualsTextbook(t *testing.T) {
	forms(t, func(t *testing.T, l *Layer) {
		const n = 330
		limit := 2e-5
		if cpu.Active() == cpu.AMX {
			limit = 2e-4 // tiles leave out some 2^-17 of a product, which scores of up to 30 make much of
		}
		s := randomSequence(l.Geometry, n, 8)
		s.softmax = l.softmax
		st := s.fill(t, l, n)
		for _, from := range []int{0, 3, 290} {
			q := make([]float32, 0, (n-from)*l.Heads*l.KeySize)
			for _, row := range s.q[from:] {
				q = append(q, row...)
			}
			w := l.Heads * l.ValueSize
			out := make([]float32, (n-from)*w)
			scratch := new(Scratch)
			scratch.Reserve(l, n)
			for i := range l.Tiles(from, n-from) {
				l.Prefill(out, i, st, from, n-from, q, scratch)
			}
			for pos := from; pos < n; pos += 13 {
				s.near(t, pos, out[(pos-from)*w:], limit)
			}
		}
	})
}

// A long context is split into larger parts: every position must be covered once, whatever the length.
func TestPartsCoverTheContext(t *testing.T) {
	for _, g := range geometries {
		l, _ := NewMLA(g)
		for _, pos := range []int{0, 255, 256, 8191, 8192, 8193, 100_000, 131_071} {
			size, parts := l.span(pos)
			n := pos + 1 - l.First(pos)
			if parts > maxParts || (parts-1)*size >= n || parts*size < n {
				t.Errorf("window %d, position %d: %d parts of %d for %d positions", g.Window, pos, parts, size, n)
			}
			if _, ok := l.Newest(l.Parts(pos)-1, pos); !ok {
				t.Errorf("position %d: the last part does not hold the newest token", pos)
			}
		}
	}
}

// Exact's windows stand for selection matrices. With these written out as dense matrices, the formula of latent
// attention must give grouped-query attention: absorbed query q_h·K_h against whole rows, V_h applied to the mixed row.
func TestExactFormIsLatentAttention(t *testing.T) {
	for _, g := range geometries {
		m := attn.Exact(g)
		s := randomSequence(g, 20, 3)
		rows := make([][]float64, len(s.k))
		for j := range rows {
			rows[j] = encode(&s, j)
			if len(rows[j]) != m.RowSize() {
				t.Fatalf("%+v: encoded row has %d values, want R+L = %d", g, len(rows[j]), m.RowSize())
			}
		}
		for h := range g.Heads {
			kv := h / g.Group()
			got := latent(g, s.q[19][h*g.KeySize:][:g.KeySize], rows, dense(m.Keys[kv], m.RowSize()), dense(m.Values[kv], m.RowSize()))
			for c, want := range s.reference(19, h) {
				if math.Abs(got[c]-want) > 1e-12 {
					t.Fatalf("%+v: head %d value %d: %v, want %v", g, h, c, got[c], want)
				}
			}
		}
	}
}

// encode is the identity encoder [W_K; W_V] after projection, rounded as the cache does.
func encode(s *sequence, j int) (row []float64) {
	for _, x := range append(append([]float32(nil), s.k[j]...), s.v[j]...) {
		row = append(row, half(x))
	}
	return row
}

// dense writes a span out as the selection matrix [Len, row].
func dense(s attn.Span, row int) [][]float64 {
	m := make([][]float64, s.Len)
	for i := range m {
		m[i] = make([]float64, row)
		m[i][s.Off+i] = 1
	}
	return m
}

// latent is MLA's textbook formula with absorbed up-projections K and V, for the last row's query.
func latent(g attn.Geometry, q []float32, rows, K, V [][]float64) []float64 {
	absorbed := make([]float64, len(rows[0]))
	for i, x := range q {
		for c := range absorbed {
			absorbed[c] += float64(x) * K[i][c]
		}
	}
	mixed := make([]float64, len(rows[0]))
	sum := 0.0
	for _, row := range rows[g.First(len(rows)-1):] {
		dot := 0.0
		for c, x := range row {
			dot += absorbed[c] * x
		}
		w := math.Exp(dot)
		sum += w
		for c, x := range row {
			mixed[c] += w * x
		}
	}
	out := make([]float64, len(V))
	for i := range out {
		for c, x := range mixed {
			out[i] += V[i][c] * x / sum
		}
	}
	return out
}

func TestBothFormsCacheTheSameBytes(t *testing.T) {
	for _, g := range geometries {
		gqa, _ := NewGQA(g)
		mla, _ := NewMLA(g)
		if gqa.RowSize() != mla.RowSize() {
			t.Errorf("%+v: %d values per token, %d as MLA", g, gqa.RowSize(), mla.RowSize())
		}
		a, b := NewStore(gqa, F16), NewStore(mla, F16)
		a.Grow(100)
		b.Grow(100)
		if a.Bytes() != b.Bytes() || a.Bytes() != 2*chunk*gqa.RowSize() {
			t.Errorf("%+v: stores of %d and %d bytes", g, a.Bytes(), b.Bytes())
		}
	}
}

func TestGeometryErrors(t *testing.T) {
	for _, g := range []attn.Geometry{
		{},
		{Heads: 3, KVHeads: 2, KeySize: 8, ValueSize: 8},
		{Heads: 2, KVHeads: 0, KeySize: 8, ValueSize: 8},
		{Heads: 2, KVHeads: 2, KeySize: 0, ValueSize: 8},
		{Heads: 2, KVHeads: 2, KeySize: 8, ValueSize: 8, Window: -1},
	} {
		if _, err := NewGQA(g); err == nil {
			t.Errorf("NewGQA accepts %+v", g)
		}
		if _, err := NewMLA(g); err == nil {
			t.Errorf("NewMLA accepts %+v", g)
		}
	}
}

func TestAttendingDoesNotAllocate(t *testing.T) {
	forms(t, func(t *testing.T, l *Layer) {
		s := randomSequence(l.Geometry, 64, 9)
		st := s.fill(t, l, 64)
		var p Partial
		p.Reserve(l)
		scratch := new(Scratch)
		scratch.Reserve(l, 64)
		out := make([]float32, l.Heads*l.ValueSize)
		if n := testing.AllocsPerRun(10, func() {
			l.Decode(&p, l.Parts(63)-1, st, 63, s.q[63], scratch)
			l.Combine(out, &p, 63, 0, l.Heads, scratch)
			l.Prefill(out, 0, st, 63, 1, s.q[63], scratch)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// One token's attention after n others: grouped-query attention, its exact latent form, and rows of half and a quarter
// of its values, for SmolLM2 and Llama 3 8B.
func BenchmarkDecode(b *testing.B) {
	type form struct {
		name  string
		layer func() (*Layer, error)
	}
	bench := func(model string, n int, forms ...form) {
		for _, f := range forms {
			for _, c := range []Format{F16, Q8} {
				b.Run(fmt.Sprintf("%s/%s/%d/q8=%v", model, f.name, n, c == Q8), func(b *testing.B) {
					l, err := f.layer()
					if err != nil {
						b.Fatal(err)
					}
					benchmarkDecode(b, l, c, n)
				})
			}
		}
	}
	g := geometries[0]
	for _, n := range []int{512, 4096} {
		bench("SmolLM2", n,
			form{"gqa", func() (*Layer, error) { return NewGQA(g) }},
			form{"mla", func() (*Layer, error) { return NewMLA(g) }},
			form{"64+128", func() (*Layer, error) { return NewLatent(g.Heads, 1, 64, 128, 0) }},
			form{"32+64", func() (*Layer, error) { return NewLatent(g.Heads, 1, 32, 64, 0) }},
			form{"0+192", func() (*Layer, error) { return newCompressed(b, g, 1e5, 1, 192, 64) }},
			form{"0+96", func() (*Layer, error) { return newCompressed(b, g, 1e5, 1, 96, 32) }})
	}
	llama := attn.Geometry{Heads: 32, KVHeads: 8, KeySize: 128, ValueSize: 128}
	bench("Llama8B", 8192,
		form{"gqa", func() (*Layer, error) { return NewGQA(llama) }},
		form{"0+1024", func() (*Layer, error) { return newCompressed(b, llama, 5e5, 8, 128, 48) }},
		form{"0+512", func() (*Layer, error) { return newCompressed(b, llama, 5e5, 8, 64, 32) }})
}

// reaching is a layer with a RecentWindow: rows of l values for each block, of which keys are made of the first a.
func newCompressed(b *testing.B, g attn.Geometry, base float64, blocks, l, a int) (*Layer, error) {
	rope, err := attn.NewRope(attn.RopeConfig{Dims: g.KeySize, Base: base})
	if err != nil {
		b.Fatal(err)
	}
	blockRope, err := NewBlockRope(rope, 0.45)
	if err != nil {
		b.Fatal(err)
	}
	blockRope.Reserve(8192)
	keys := make([][]uint16, g.KVHeads)
	for i := range keys {
		keys[i] = make([]uint16, blockRope.KeptSize(g.KeySize)*a)
	}
	r, err := NewRecentWindow(blockRope, 64, g.KeySize, g.ValueSize, a, keys)
	if err != nil {
		b.Fatal(err)
	}
	return NewCompressed(g.Heads, blocks, 0, l, g.Window, r)
}

func benchmarkDecode(b *testing.B, l *Layer, f Format, n int) {
	st := NewStore(l, f)
	st.Grow(n)
	var p Partial
	p.Reserve(l)
	q, out := make([]float32, l.Heads*max(l.KeySize, 256)), make([]float32, l.Heads*l.ValueSize)
	scratch := new(Scratch)
	scratch.Reserve(l, n)
	b.SetBytes(int64(l.RowBytes(f) * n))
	for range b.N {
		l.PrepareQueries(scratch, st, q)
		if r := l.recent; r != nil {
			group := l.Heads / len(r.keys)
			for k := range r.keys {
				l.DecodeRecent(&p, st, n-1, k, k*group, (k+1)*group, q, st.recent.key(k, 0), st.recent.value(k, 0), scratch)
			}
		}
		for i := range l.Parts(n - 1) {
			l.Decode(&p, i, st, n-1, q, scratch)
		}
		l.Combine(out, &p, n-1, 0, l.Heads, scratch)
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(n), "ns/position")
}
