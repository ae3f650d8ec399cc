package attn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/latentgo/latentgo/quant"
)

// reachCase is a layer of random weights with a sequence of random rows and queries.
type reachCase struct {
	rope  *Rope
	turns *Turns
	layer *Layer
	keys  [][]float32 // per key/value head [d][a], in the model's order
	rows  [][]float32 // [n][blocks·(r+l)]
	q     [][]float32 // [n][heads·d], not rotated
	qr    [][]float32 // [n][heads·r]
	d     int
	phase float64
}

func randomHalves(rng *rand.Rand, n int, scale float64) []float32 {
	x, h := make([]float32, n), make([]uint16, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * scale)
	}
	quant.F32ToF16(h, x)
	quant.F16ToF32(x, h)
	return x
}

func newReachCase(t *testing.T, halves bool, dims, window, n int, phase float64) *reachCase {
	t.Helper()
	const heads, blocks, kv, d, r, l, a, near = 8, 2, 4, 20, 6, 24, 20, 32
	rng := rand.New(rand.NewPCG(uint64(dims), uint64(n)))
	c := &reachCase{d: d, phase: phase}
	var err error
	if c.rope, err = NewRope(RopeConfig{Dims: dims, Base: 10000, Halves: halves, Magnitude: 1.1}); err != nil {
		t.Fatal(err)
	}
	if c.turns, err = NewTurns(c.rope, phase); err != nil {
		t.Fatal(err)
	}
	c.turns.Reserve(n)
	var arranged [][]uint16
	for range kv {
		k := randomHalves(rng, d*a, 0.2)
		c.keys = append(c.keys, k)
		col, turned, out := make([]float32, d), make([]float32, d), make([]float32, d*a)
		for i := range a {
			for j := range d {
				col[j] = k[j*a+i]
			}
			c.turns.Arrange(turned, col)
			for j := range d {
				out[j*a+i] = turned[j]
			}
		}
		h := make([]uint16, d*a)
		quant.F32ToF16(h, out)
		arranged = append(arranged, h)
	}
	reach, err := NewReach(c.turns, near, d, a, arranged)
	if err != nil {
		t.Fatal(err)
	}
	if c.layer, err = NewReaching(heads, blocks, r, l, window, reach); err != nil {
		t.Fatal(err)
	}
	for range n {
		c.rows = append(c.rows, randomHalves(rng, blocks*(r+l), 1))
		c.q = append(c.q, randomHalves(rng, heads*d, 0.4))
		c.qr = append(c.qr, randomHalves(rng, heads*r, 0.2))
	}
	return c
}

// score is the definition, from the package's documentation of Reach.
func (c *reachCase) score(pos, j, h int) float64 {
	l, kv := c.layer, len(c.keys)
	k := h / (l.Heads / kv)
	row := c.rows[j][k/(kv/l.KVHeads)*(l.r+l.ValueSize):]
	key := make([]float64, c.d)
	for i := range key {
		for x := range l.reach.a {
			key[i] += float64(c.keys[k][i*l.reach.a+x]) * float64(row[l.r+x])
		}
	}
	q := c.q[pos][h*c.d:][:c.d]
	sum := 0.0
	for x := range l.r {
		sum += float64(c.qr[pos][h*l.r+x]) * float64(row[x])
	}
	for i := c.rope.dims; i < c.d; i++ {
		sum += float64(q[i]) * key[i]
	}
	near := j >= (max(0, pos-32)/32)*32
	for p, f := range c.rope.freqs {
		at := float64(j)
		if !near {
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
		sum += c.rope.mag * c.rope.mag * (re*co + im*s)
	}
	return sum
}

// want is the attention output of the token at pos.
func (c *reachCase) want(pos int) []float64 {
	l, kv := c.layer, len(c.keys)
	out := make([]float64, l.Heads*l.ValueSize)
	for h := range l.Heads {
		from, total := l.first(pos), 0.0
		w := make([]float64, pos+1)
		for j := from; j <= pos; j++ {
			w[j] = math.Exp(c.score(pos, j, h))
			total += w[j]
		}
		b := h / (l.Heads / kv) / (kv / l.KVHeads)
		for j := from; j <= pos; j++ {
			for x := range l.ValueSize {
				out[h*l.ValueSize+x] += w[j] / total * float64(c.rows[j][b*(l.r+l.ValueSize)+l.r+x])
			}
		}
	}
	return out
}

// queries returns what Decode takes: [heads, r+d].
func (c *reachCase) queries(pos int) []float32 {
	l := c.layer
	q := make([]float32, l.Heads*(l.r+c.d))
	for h := range l.Heads {
		x := q[h*(l.r+c.d):][:l.r+c.d]
		copy(x, c.qr[pos][h*l.r:][:l.r])
		c.turns.Arrange(x[l.r:], c.q[pos][h*c.d:][:c.d])
		c.turns.Rotate(x[l.r:], pos)
	}
	return q
}

func (c *reachCase) append(s *Store, pos int) {
	n := c.layer.r + c.layer.ValueSize
	for b := range c.layer.KVHeads {
		s.Append(pos, b, c.rows[pos][b*n:][:n], nil)
	}
}

// recall puts a token's keys in two parts.
func (c *reachCase) recall(s *Store, pos int) {
	l := c.layer
	n, tmp, row := l.r+l.ValueSize, make([]float32, c.d), make([]float32, l.r+l.ValueSize)
	for k := range c.keys {
		b := k / (len(c.keys) / l.KVHeads)
		copy(row, c.rows[pos][b*n:])
		s.Rounded(row, make([]uint16, n))
		s.Recall(pos, k, 3, (c.d+1)/2, row, tmp)
		s.Recall(pos, k, 0, 3, row, tmp)
	}
}

// short decodes with the heads in three groups, of which the second has heads of both blocks.
func (c *reachCase) short(s *Store, out []float32, pos int, q []float32, sc *Scratch) {
	l := c.layer
	n, width := l.r+l.ValueSize, l.r+c.d
	rows := append([]float32(nil), c.rows[pos]...)
	for b := range l.KVHeads {
		s.Rounded(rows[b*n:][:n], make([]uint16, n))
	}
	s.Append(pos, 0, make([]float32, n), nil) // not to be read
	s.Append(pos, 1, make([]float32, n), nil)
	keys := make([]uint16, len(c.keys)*width)
	for k := range c.keys {
		key := keys[k*width:][:width]
		l.NearKey(key, pos, k, rows[k/(len(c.keys)/l.KVHeads)*n:], make([]float32, c.d))
		s.Put(pos, k, make([]uint16, width))
	}
	for _, h := range [][2]int{{0, 3}, {3, 6}, {6, l.Heads}} {
		l.DecodeShort(out[h[0]*l.ValueSize:h[1]*l.ValueSize], s, pos, h[0], h[1], q, rows, keys, sc)
	}
	c.append(s, pos)
	for k := range c.keys {
		s.Put(pos, k, keys[k*width:][:width])
	}
}

func reachCases(t *testing.T, run func(t *testing.T, c *reachCase)) {
	for _, halves := range []bool{false, true} {
		for _, dims := range []int{16, 20} {
			for _, window := range []int{0, 70, 20} {
				for _, phase := range []float64{0.5, 1e-9, 15} {
					t.Run(fmt.Sprintf("halves=%v,dims=%d,window=%d,phase=%v", halves, dims, window, phase), func(t *testing.T) {
						run(t, newReachCase(t, halves, dims, window, 330, phase))
					})
				}
			}
		}
	}
}

// Decode steps give what the definition says, near and far, from both kinds of cache.
func TestReachDecodes(t *testing.T) {
	reachCases(t, func(t *testing.T, c *reachCase) {
		for _, format := range []Format{F16, Q8} {
			l := c.layer
			s, p, sc := NewStore(l, format), new(Partial), new(Scratch)
			p.Reserve(l)
			sc.Reserve(l, len(c.rows))
			s.Grow(len(c.rows))
			out := make([]float32, l.Heads*l.ValueSize)
			for pos := range c.rows {
				s.Expect(pos, 1)
				if n := l.NearBytes(pos) / (2 * len(c.keys) * (l.r + c.d)); n != pos+1-max((max(0, pos-32)/32)*32, l.first(pos)) {
					t.Fatalf("token %d: %d near keys", pos, n)
				}
				if from := s.Missing(); from != pos && pos != 300 {
					t.Fatalf("token %d: keys from %d on are missing", pos, from)
				}
				for j := s.Missing(); j < pos; j++ {
					c.recall(s, j)
				}
				c.append(s, pos)
				c.recall(s, pos)
				if pos == 299 {
					s.Forget(0)
				}
				if pos%29 != 0 && pos != 300 && pos != 329 {
					continue
				}
				q := c.queries(pos)
				l.Ready(sc, s, q)
				for i := range l.Parts(pos) {
					l.Decode(p, i, s, pos, q, sc)
				}
				l.Combine(out, p, pos, 0, l.Heads, sc)
				limit := 2e-3
				if format == Q8 {
					limit = 0.1
				}
				want := c.want(pos)
				check := func(how string) {
					for i, w := range want {
						if d := math.Abs(float64(out[i]) - w); !(d < limit) {
							t.Fatalf("%s, format %v, token %d: output %d is %v, want %v", how, format, pos, i, out[i], w)
						}
					}
				}
				check("in parts")
				if l.Short(pos) {
					clear(out)
					c.short(s, out, pos, q, sc)
					check("short")
				}
			}
		}
	})
}

// Prompts with expanded keys give what the definition says, wherever they start.
func TestReachPrefills(t *testing.T) {
	reachCases(t, func(t *testing.T, c *reachCase) {
		l, n := c.layer, len(c.rows)
		kv, row := len(c.keys), l.r+l.ValueSize
		wide, err := l.NewWide(l.ValueSize)
		if err != nil {
			t.Fatal(err)
		}
		s := NewStore(wide, F16)
		s.Grow(n)
		own := wide.Own()
		for k := range kv {
			x := make([]float32, wide.KeySize)
			for pos := range n {
				from := c.rows[pos][k/(kv/l.KVHeads)*row:]
				l.reach.Expand(x[own:], 0, k, from[l.r:], 0, 1)
				copy(x[own-l.r:], from[:l.r])
				wide.Widen(x, pos, false)
				s.Append(pos, k, x, from[l.r:row]) // the latent as value: no value matrices here
			}
		}
		sc := new(Scratch)
		sc.Reserve(wide, n)
		for _, from := range []int{0, 7, 256} {
			q := make([]float32, (n-from)*l.Heads*wide.KeySize)
			for i := range (n - from) * l.Heads {
				x := q[i*wide.KeySize:][:wide.KeySize]
				pos, h := from+i/l.Heads, i%l.Heads
				copy(x[own-l.r:], c.qr[pos][h*l.r:][:l.r])
				c.turns.Arrange(x[own:], c.q[pos][h*c.d:][:c.d])
				wide.Widen(x, pos, true)
			}
			out := make([]float32, (n-from)*l.Heads*l.ValueSize)
			for i := range wide.Tiles(from, n-from) {
				wide.Prefill(out, i, s, from, n-from, q, sc)
			}
			for pos := from; pos < n; pos += 31 {
				for i, w := range c.want(pos) {
					if got := out[(pos-from)*l.Heads*l.ValueSize+i]; !(math.Abs(float64(got)-w) < 2e-3) {
						t.Fatalf("from %d, token %d: output %d is %v, want %v", from, pos, i, got, w)
					}
				}
			}
		}
	})
}

// Wrong sizes are refused.
func TestReachErrors(t *testing.T) {
	rope, _ := NewRope(RopeConfig{Dims: 8, Base: 100})
	for _, phase := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := NewTurns(rope, phase); err == nil {
			t.Errorf("phase %v was accepted", phase)
		}
	}
	turns, err := NewTurns(rope, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	keys := [][]uint16{make([]uint16, 8*4)}
	for _, bad := range []struct {
		near, d, a int
		keys       [][]uint16
	}{{0, 8, 4, keys}, {33, 8, 4, keys}, {32, 6, 4, keys}, {32, 8, 5, keys}, {32, 8, 0, keys}, {32, 8, 4, nil}} {
		if _, err := NewReach(turns, bad.near, bad.d, bad.a, bad.keys); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	r, err := NewReach(turns, 32, 8, 4, keys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewReaching(3, 1, 0, 3, 0, r); err == nil {
		t.Error("keys from more values than there are were accepted")
	}
	if _, err := NewReaching(4, 2, 0, 8, 0, r); err == nil {
		t.Error("one key head for two blocks was accepted")
	}
}
