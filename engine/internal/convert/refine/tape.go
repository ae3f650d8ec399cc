package refine

import "sync"

// tape is what a layer's passes leave for each other; T tokens. What heads and feed-forward make on the way takes more
// room than all of this and is computed again.
type tape struct {
	memory []float32 // all that follows but segments and angles; between layers, the loss has it

	segments []int     // where windows begin, and T
	angles   []float32 // [T, R/2]: cosine, sine, both times RoPE's magnitude
	h, q, c  []float32 // [T, width], [T, heads·d], [T, R+L] with its front rotated
	att, x   []float32 // [T, heads·v], stream behind the attention
	out      []float32 // [T, width]

	// feed-forward, of ffnTokens tokens
	ffn, dffn     []float32 // [tokens, width]: h' and its gradient
	gate, up, mid []float32 // [tokens, ff]

	// attention's gradients, in the same memory as feed-forward
	latent []float32 // [L, apart(T)]
	datt   []float32 // [T, heads·v]
	dc     []float32 // [heads, T, R+L]
	dq, dh []float32 // [T, heads·d], [T, width]

	mu   sync.Mutex
	free []*scratch
}

// scratch is what a head or a step is computed with.
type scratch struct {
	a, k, v, keys           []float32 // of a head: [T, R+d], the same, [T, v], [R+d, window]
	soft                    []float32 // softmax of a tile [tileRows, apart(window)]
	transposed, weights     []float32
	da, dk, dv, ds          []float32
	x, next, square, fourth []float32
	p, momentum             []float32
}

// scratch returns scratch that nobody else has; it goes back with give. A sync.Pool would forget it now and then.
func (t *tape) scratch() *scratch {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.free) - 1
	if last < 0 {
		return new(scratch)
	}
	s := t.free[last]
	t.free = t.free[:last]
	return s
}

func (t *tape) give(s *scratch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free = append(t.free, s)
}

func (t *tape) tokens() int { return t.segments[len(t.segments)-1] }

// apart returns how far rows of n floats lie apart that a product takes together: at distances that are powers of two
// they would contend for places in a cache.
func apart(n int) int { return n + 16 }

// start readies the tape for a batch.
func (r *refiner) start(b batch) {
	t, l := r.tape, r.layers[0]
	t.segments, t.angles = t.segments[:0], t.angles[:0]
	at, table := 0, make([]float32, l.rope.Dims())
	for _, w := range b.windows {
		t.segments = append(t.segments, at)
		for pos := range w {
			l.rope.Table(table, pos)
			for _, p := range l.pairs {
				t.angles = append(t.angles, table[2*p:2*p+2]...)
			}
		}
		at += len(w)
	}
	t.segments = append(t.segments, at)
	r.carve()
}

// carve shares out the tape's memory for the largest batch.
func (r *refiner) carve() {
	t, l := r.tape, r.layers[0]
	const n, some = batchTokens, ffnTokens
	width, row, ff := r.spec.Width, l.row(), l.gate.Rows
	queries, heads := l.Heads*l.KeySize, l.Heads*l.ValueSize
	kept := []piece{
		{&t.h, n * width}, {&t.q, n * queries}, {&t.c, n * row}, {&t.att, n * heads}, {&t.x, n * width}, {&t.out, n * width},
	}
	feed := []piece{
		{&t.ffn, some * width}, {&t.dffn, some * width}, {&t.gate, some * ff}, {&t.up, some * ff}, {&t.mid, some * ff},
	}
	back := []piece{
		{&t.latent, l.l * apart(n)}, {&t.datt, n * heads}, {&t.dc, l.Heads * n * row}, {&t.dq, n * queries}, {&t.dh, n * width},
	}
	loss := r.lossPieces(new(lossBuffers), lossLeast)
	t.memory = resized(t.memory, max(length(kept)+max(length(feed), length(back)), length(loss)))
	carve(t.memory, kept)
	carve(t.memory[length(kept):], feed)
	carve(t.memory[length(kept):], back)
}

// piece is n floats of a larger piece of memory.
type piece struct {
	s *[]float32
	n int
}

// length returns how many floats pieces take.
func length(pieces []piece) (n int) {
	for _, x := range pieces {
		n += x.n
	}
	return n
}

// carve cuts pieces out of memory, one after the other.
func carve(memory []float32, pieces []piece) {
	for _, x := range pieces {
		*x.s, memory = memory[:x.n:x.n], memory[x.n:]
	}
}

// rotate rotates the front r values of a row by token i's position; inverse is the same transposed: against it, for
// gradients.
func (t *tape) rotate(x []float32, i, r int, inverse bool) {
	for j := 0; j < r; j += 2 {
		c, s := t.angles[i*r+j], t.angles[i*r+j+1]
		if inverse {
			s = -s
		}
		x[j], x[j+1] = x[j]*c-x[j+1]*s, x[j]*s+x[j+1]*c
	}
}

func resized(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
