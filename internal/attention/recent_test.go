package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/latentgo/latentgo/attn"
	"github.com/latentgo/latentgo/internal/kernel"
)

// reachCase is a layer of random weights with a sequence of random rows and queries.
type windowCase struct {
	rope  *attn.Rope
	block *BlockRope
	layer *Layer
	keys  [][]float32 // per key/value head [d][a], in the model's order: what rows say
	value [][]float32 // per key/value head [v][l]
	rows  [][]float32 // [n][blocks·(r+l)]
	own   [][]float32 // [n][heads·(d+v)] per key/value head a key, not rotated, and a value, as recent tokens have them
	q     [][]float32 // [n][heads·d], not rotated
	qr    [][]float32 // [n][heads·r]
	d, v  int
	phase float64
	means [][]float32 // per key/value head [d]; nil for none
}

func randomHalves(rng *rand.Rand, n int, scale float64) []float32 {
	x, h := make([]float32, n), make([]uint16, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * scale)
	}
	kernel.F32ToF16(h, x)
	kernel.F16ToF32(x, h)
	return x
}

func newWindowCase(t *testing.T, halves bool, dims, window, n int, phase float64) *windowCase {
	t.Helper()
	const heads, blocks, kv, d, v, r, l, a, recent = 8, 2, 4, 20, 12, 6, 44, 36, 32
	rng := rand.New(rand.NewPCG(uint64(dims), uint64(n)))
	c := &windowCase{d: d, v: v, phase: phase}
	var err error
	if c.rope, err = attn.NewRope(attn.RopeConfig{Dims: dims, Base: 10000, Halves: halves, Magnitude: 1.1}); err != nil {
		t.Fatal(err)
	}
	if c.block, err = NewBlockRope(c.rope, phase); err != nil {
		t.Fatal(err)
	}
	c.block.Reserve(n)
	var matrices [][]uint16
	for range kv {
		k := randomHalves(rng, d*a, 0.2)
		c.keys = append(c.keys, k)
		c.value = append(c.value, randomHalves(rng, v*l, 0.2))
		kept := c.block.KeptSize(d)
		col, reordered, out := make([]float32, d), make([]float32, d), make([]float32, kept*a)
		for i := range a {
			for j := range d {
				col[j] = k[j*a+i]
			}
			c.block.Reorder(reordered, col)
			for j := range kept {
				out[j*a+i] = reordered[d-kept+j]
			}
		}
		h := make([]uint16, kept*a)
		kernel.F32ToF16(h, out)
		matrices = append(matrices, h)
	}
	w, err := NewRecentWindow(c.block, recent, d, v, a, matrices)
	if err != nil {
		t.Fatal(err)
	}
	if halves { // with and without means, in all other respects
		c.carryMeans(t, rng, w)
	}
	if c.layer, err = NewCompressed(heads, blocks, r, l, window, w); err != nil {
		t.Fatal(err)
	}
	for range n {
		c.rows = append(c.rows, randomHalves(rng, blocks*(r+l), 1))
		c.own = append(c.own, randomHalves(rng, kv*(d+v), 1))
		c.q = append(c.q, randomHalves(rng, heads*d, 0.4))
		c.qr = append(c.qr, randomHalves(rng, heads*r, 0.2))
	}
	return c
}

// carryMeans gives compressed keys means.
func (c *windowCase) carryMeans(t *testing.T, rng *rand.Rand, w *RecentWindow) {
	t.Helper()
	var kept [][]float32
	for range c.keys {
		mean, reordered := randomHalves(rng, c.d, 1), make([]float32, c.d)
		c.means = append(c.means, mean)
		c.block.Reorder(reordered, mean)
		kept = append(kept, reordered[c.d-c.block.KeptSize(c.d):])
	}
	if err := w.CarryMeans(kept[1:]); err == nil {
		t.Error("means of too few heads are taken")
	}
	if err := w.CarryMeans(append(kept[1:len(kept):len(kept)], make([]float32, c.d+1))); err == nil {
		t.Error("means of too many values are taken")
	}
	if err := w.CarryMeans(kept); err != nil {
		t.Fatal(err)
	}
}

// near reports whether the token at pos sees that at j as recent.
func (c *windowCase) recent(pos, j int) bool { return j >= max(0, pos-32)/32*32 }

// score and what the head sees as value, from the package's documentation of RecentWindow.
func (c *windowCase) score(pos, j, h int) (sum float64, value []float64) {
	l, kv := c.layer, len(c.keys)
	k := h / (l.Heads / kv)
	row := c.rows[j][k/(kv/l.KVHeads)*(l.r+l.ValueSize):]
	key, value := make([]float64, c.d), make([]float64, c.v)
	recent := c.recent(pos, j)
	if recent {
		own := c.own[j][k*(c.d+c.v):]
		for i := range key {
			key[i] = float64(own[i])
		}
		for i := range value {
			value[i] = float64(own[c.d+i])
		}
	} else {
		for i := range key {
			for x := range l.recent.a {
				key[i] += float64(c.keys[k][i*l.recent.a+x]) * float64(row[l.r+x])
			}
			if c.means != nil {
				key[i] += float64(c.means[k][i])
			}
		}
		for i := range value {
			for x := range l.ValueSize {
				value[i] += float64(c.value[k][i*l.ValueSize+x]) * float64(row[l.r+x])
			}
		}
		for x := range l.r {
			sum += float64(c.qr[pos][h*l.r+x]) * float64(row[x])
		}
	}
	q := c.q[pos][h*c.d:][:c.d]
	for i := c.rope.Dims(); i < c.d; i++ {
		sum += float64(q[i]) * key[i]
	}
	for p, f := range c.rope.Freqs() {
		at := float64(j)
		if !recent {
			block := 256
			if f*128 > c.phase {
				block = 64
			}
			if f*32 > c.phase {
				continue
			}
			at = float64(j/block*block) + float64(block)/2
		}
		a, b := c.rope.Pair(p)
		s, co := math.Sincos(f * (float64(pos) - at))
		re := float64(q[a])*key[a] + float64(q[b])*key[b]
		im := float64(q[a])*key[b] - float64(q[b])*key[a]
		sum += c.rope.Magnitude() * c.rope.Magnitude() * (re*co + im*s)
	}
	return sum, value
}

// want is the attention output of the token at pos, [heads, v].
func (c *windowCase) want(pos int) []float64 {
	l := c.layer
	out := make([]float64, l.Heads*c.v)
	for h := range l.Heads {
		from, total := l.First(pos), 0.0
		w, values := make([]float64, pos+1), make([][]float64, pos+1)
		for j := from; j <= pos; j++ {
			w[j], values[j] = c.score(pos, j, h)
			w[j] = math.Exp(w[j])
			total += w[j]
		}
		for j := from; j <= pos; j++ {
			for x, v := range values[j] {
				out[h*c.v+x] += w[j] / total * v
			}
		}
	}
	return out
}

// queries returns what Decode takes: [heads, r+d].
func (c *windowCase) queries(pos int) []float32 {
	l := c.layer
	q := make([]float32, l.Heads*(l.r+c.d))
	for h := range l.Heads {
		x := q[h*(l.r+c.d):][:l.r+c.d]
		copy(x, c.qr[pos][h*l.r:][:l.r])
		c.block.Reorder(x[l.r:], c.q[pos][h*c.d:][:c.d])
		c.block.Rotate(x[l.r:], pos)
	}
	return q
}

func (c *windowCase) append(s *Store, pos int) {
	l := c.layer
	n := l.r + l.ValueSize
	for b := range l.KVHeads {
		s.AppendRow(pos, b, c.rows[pos][b*n:][:n], make([]uint16, n))
	}
}

// kept returns what PutRecent takes of a token.
func (c *windowCase) kept(pos, k int) (key, value []uint16) {
	own := c.own[pos][k*(c.d+c.v):]
	x := make([]float32, c.d)
	c.block.Reorder(x, own[:c.d])
	c.block.Rotate(x, pos)
	key, value = make([]uint16, c.d), make([]uint16, c.v)
	kernel.F32ToF16(key, x)
	kernel.F32ToF16(value, own[c.d:][:c.v])
	return key, value
}

// checkNear compares what the ring has of a token with what was put.
func (c *windowCase) checkRecent(t *testing.T, s *Store, pos int) {
	t.Helper()
	key, value, arranged := make([]float32, c.d), make([]float32, c.v), make([]float32, c.d)
	for k := range c.keys {
		s.Recent(key, value, arranged, pos, k)
		own := c.own[pos][k*(c.d+c.v):][:c.d+c.v]
		for i, v := range append(slices.Clone(key), value...) {
			if !(math.Abs(float64(v-own[i])) < 4e-3) {
				t.Fatalf("token %d, head %d: value %d in the ring is %v, was %v", pos, k, i, v, own[i])
			}
		}
	}
}

// decode attends with the token at pos, which is not in the ring yet, by all far parts, or by groups of heads of which
// the second has heads of both blocks.
func (c *windowCase) decode(s *Store, p *Partial, pos int, groups bool, sc *Scratch) []float32 {
	l := c.layer
	q, group := c.queries(pos), l.Heads/len(c.keys)
	l.PrepareQueries(sc, s, q)
	for k := range c.keys {
		key, value := c.kept(pos, k)
		for h := k * group; h < (k+1)*group; h++ { // one by one: any share of heads will do
			l.DecodeRecent(p, s, pos, k, h, h+1, q, key, value, sc)
		}
	}
	if groups {
		for _, h := range [][2]int{{0, 3}, {3, 6}, {6, l.Heads}} {
			l.DecodeCompressed(p, s, pos, h[0], h[1], q, sc)
		}
	} else {
		for i := range l.Parts(pos) {
			l.Decode(p, i, s, pos, q, sc)
		}
	}
	sum, out := make([]float32, l.Heads*l.ValueSize), make([]float32, l.Heads*c.v)
	l.Combine(sum, p, pos, 0, l.Heads, sc)
	for h := range l.Heads {
		for i := range c.v {
			for x := range l.ValueSize {
				out[h*c.v+i] += c.value[h/group][i*l.ValueSize+x] * sum[h*l.ValueSize+x]
			}
		}
		l.AddRecent(out[h*c.v:], p, pos, h, 0, 5, sc)
		l.AddRecent(out[h*c.v+5:], p, pos, h, 5, c.v, sc)
	}
	return out
}

func windowCases(t *testing.T, run func(t *testing.T, c *windowCase)) {
	for _, halves := range []bool{false, true} {
		for _, dims := range []int{16, 20} {
			for _, window := range []int{0, 70, 20} {
				for _, phase := range []float64{0.5, 1e-9, 15} {
					t.Run(fmt.Sprintf("halves=%v,dims=%d,window=%d,phase=%v", halves, dims, window, phase), func(t *testing.T) {
						run(t, newWindowCase(t, halves, dims, window, 330, phase))
					})
				}
			}
		}
	}
}

// Decode steps give what the definition says, recent and compressed, from both kinds of cache, also after going back a
// little.
func TestRecentWindowDecodes(t *testing.T) {
	windowCases(t, func(t *testing.T, c *windowCase) {
		for _, format := range []Format{F16, Q8} {
			d := c.decoder(format)
			for pos := range c.rows {
				d.checkParts(t, pos)
				d.step(t, pos, pos%29 == 0 || pos == 329)
			}
			for pos := 329 - 32; pos < 329; pos++ {
				d.step(t, pos, pos == 329-32 || pos == 310)
			}
			d.checkRows(t)
			if back := 150; c.layer.First(back) == 0 && d.Covers(back) {
				t.Fatalf("near tokens before %d are still there after %d", back, len(c.rows))
			}
			d.Forget()
			if d.Covers(329) || !d.Covers(0) {
				t.Fatal("near tokens are there after all were forgotten")
			}
		}
	})
}

// windowDecoder takes the tokens of a case one by one.
type windowDecoder struct {
	*windowCase
	*Store
	format Format
	limit  float64 // what an output may differ by
	p      *Partial
	sc     *Scratch
}

func (c *windowCase) decoder(format Format) *windowDecoder {
	d := &windowDecoder{windowCase: c, Store: NewStore(c.layer, format), format: format, limit: 5e-3, p: new(Partial), sc: new(Scratch)}
	if format == Q8 {
		d.limit = 0.1
	}
	d.p.Reserve(c.layer)
	d.sc.Reserve(c.layer, len(c.rows))
	d.Grow(len(c.rows))
	return d
}

// checkParts checks how many of the tokens at and before pos are recent and how many compressed.
func (d *windowDecoder) checkParts(t *testing.T, pos int) {
	l := d.windowCase.layer
	n := pos + 1 - max(max(0, pos-32)/32*32, l.First(pos))
	if got := l.RecentBytes(pos) / (2 * len(d.keys) * (d.d + d.v)); got != n || l.CompressedTokens(pos) != pos+1-l.First(pos)-n {
		t.Fatalf("token %d: %d near and %d far ones, want %d near", pos, got, l.CompressedTokens(pos), n)
	}
}

// step takes token pos, and checks what attention gives if check.
func (d *windowDecoder) step(t *testing.T, pos int, check bool) {
	t.Helper()
	if !d.Covers(pos) {
		t.Fatalf("token %d: near tokens are missing", pos)
	}
	d.Advance(pos, 1)
	for from, to := d.Due(pos, 1); from < to; from++ {
		d.checkRecent(t, d.Store, from)
		d.append(d.Store, from)
	}
	for _, groups := range []bool{false, true} {
		if !check || groups && !d.windowCase.layer.OnePart(pos) {
			continue
		}
		want := d.want(pos)
		for i, got := range d.decode(d.Store, d.p, pos, groups, d.sc) {
			if diff := math.Abs(float64(got) - want[i]); !(diff < d.limit) {
				t.Fatalf("format %v, token %d, groups %v: output %d is %v, want %v", d.format, pos, groups, i, got, want[i])
			}
		}
	}
	for k := range d.keys {
		key, value := d.kept(pos, k)
		d.PutRecent(pos, k, key, value, nil)
	}
}

// checkRows checks rows of two chunks, up to the last compressed token.
func (d *windowDecoder) checkRows(t *testing.T) {
	l := d.windowCase.layer
	n := l.r + l.ValueSize
	rows, half := make([]float32, 88*n), make([]uint16, 88*n)
	for b := 0; b < l.KVHeads && l.Window != 20; b++ { // none is compressed within a window of 20
		d.Rows(rows, half, b, 200, 88)
		for i, v := range rows {
			if want := d.rows[200+i/n][b*n+i%n]; d.format == F16 && v != want || math.Abs(float64(v-want)) > 0.02 {
				t.Fatalf("format %v, block %d: value %d of token %d is %v, was %v", d.format, b, i%n, 200+i/n, v, want)
			}
		}
	}
}

// Wrong sizes are refused.
func TestRecentWindowErrors(t *testing.T) {
	rope, _ := attn.NewRope(attn.RopeConfig{Dims: 8, Base: 1e5})
	for _, phase := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := NewBlockRope(rope, phase); err == nil {
			t.Errorf("phase %v was accepted", phase)
		}
	}
	blockRope, err := NewBlockRope(rope, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	keys := [][]uint16{make([]uint16, blockRope.KeptSize(8)*4)}
	for _, bad := range []struct {
		near, d, v, a int
		keys          [][]uint16
	}{{0, 8, 8, 4, keys}, {33, 8, 8, 4, keys}, {32, 6, 8, 4, keys}, {32, 8, 8, 5, keys}, {32, 8, 8, 0, keys}, {32, 8, 8, 4, nil}, {32, 8, 0, 4, keys}} {
		if _, err := NewRecentWindow(blockRope, bad.near, bad.d, bad.v, bad.a, bad.keys); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	r, err := NewRecentWindow(blockRope, 32, 8, 8, 4, keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewCompressed(3, 1, 0, 3, 0, r); err == nil {
		t.Error("keys from more values than there are were accepted")
	}
	if _, err := NewCompressed(4, 2, 0, 8, 0, r); err == nil {
		t.Error("one key head for two blocks was accepted")
	}
}
