package attention

import (
	"math"

	"github.com/latentgo/latentgo/internal/kernel"
	"github.com/viterin/vek/vek32"
)

// Prefill works on tiles of prefillRows tokens of one query head against prefillCols cached positions at a time: a
// small matrix product whose scores stay in the first-level cache, with an online softmax (arXiv 2205.14135) over the
// tiles.
const (
	prefillRows = 32
	prefillCols = 256
)

// Tiles returns how many work items the prefill of n tokens from position pos on has. Tiles begin at multiples of 32.
func (l *Layer) Tiles(pos, n int) int {
	return ((pos+n-1)/prefillRows - pos/prefillRows + 1) * l.Heads
}

// Prefill attends for work item i: a tile of the n tokens at positions pos … pos+n-1, which are cached already, and one
// query head. q [n, Heads, KeySize] is rotated and scaled; out is [n, Heads, ValueSize]. Items may run at the same
// time.
func (l *Layer) Prefill(out []float32, i int, s *Store, pos, n int, q []float32, sc *Scratch) {
	tile, first, h, t0 := l.newTile(out, i, pos, n, sc)
	tile.start(h)
	rows := tile.rows
	q, ld := q[(t0*l.Heads+h)*l.KeySize:], l.Heads*l.KeySize
	if l.turned {
		q, ld = l.turnQueries(sc, q, rows, ld), l.KeySize
	}
	if s.format == Q8 {
		a, b := l.parts()
		sc.queries.Set(q, rows, ld, a, b)
	}
	g := h / l.Group()
	last := l.last(pos+t0+rows-1, pos+n)
	if s.format == Q8 { // whole panels, whose sums are the same whoever is the last in them: the others have weights of 0
		last = (last + kernel.PanelRows - 1) / kernel.PanelRows * kernel.PanelRows
	}
	from := l.start(first) // not of the tile's own first token: a sum's order does not depend on where a batch begins
	if l.expanded != nil {
		from = l.start(tile.pos) // earlier keys are not there
	}
	for ; from < last; from += prefillCols {
		cols := min(prefillCols, last-from)
		if l.expanded != nil {
			l.expandedScores(tile.scores, s, tile.pos, q, rows, g, from, cols)
		} else {
			s.promptScores(tile.scores, prefillCols, q, rows, ld, sc, g, from, cols)
		}
		l.addKeyMeans(tile.scores, prefillCols, q, rows, ld, g, from, cols, sc)
		for r := 0; l.slopes != nil && r < rows; r++ {
			l.lower(tile.scores[r*prefillCols:][:cols], h, from, tile.pos+r)
		}
		tile.softmax(from, cols)
		if l.expanded != nil {
			l.expandedSum(&tile, s, g, from, cols)
			continue
		}
		s.promptSum(tile.out, tile.ld, tile.scores, prefillCols, rows, g, from, cols)
	}
	tile.finish()
}

// PrefillTwo is Prefill over keys and values in half floats, of which those that the tile's tokens see in codes are in one
// store and the others in another, whose first position is base; see Store.WideBase.
func (l *Layer) PrefillTwo(out []float32, i int, coded, exact *Store, base, pos, n int, q []float32, sc *Scratch) {
	tile, first, h, t0 := l.newTile(out, i, pos, n, sc)
	tile.start(h)
	rows := tile.rows
	q, ld, g := q[(t0*l.Heads+h)*l.KeySize:], l.Heads*l.KeySize, h/l.Group()
	attend := func(s *Store, base, from, to int) {
		for ; from < to; from += prefillCols {
			cols := min(prefillCols, to-from)
			s.promptScores(tile.scores, prefillCols, q, rows, ld, sc, g, from-base, cols)
			tile.softmax(from, cols)
			s.promptSum(tile.out, tile.ld, tile.scores, prefillCols, rows, g, from-base, cols)
		}
	}
	start, recent := l.start(first), recentStart(first, codedRecent)
	attend(coded, 0, start, recent)
	attend(exact, base, max(start, recent), pos+t0+rows)
	tile.finish()
}

// compressedCols returns how many of a tile's cols positions from from on are compressed for tokens from pos on.
func (l *Layer) compressedCols(pos, from, cols int) int {
	return min(max(recentStart(pos, l.expanded.tokens)-from, 0), cols)
}

// expandedScores computes a tile's scores with expanded keys, compressed tokens' and recent ones'.
func (l *Layer) expandedScores(dst []float32, s *Store, pos int, q []float32, rows, g, from, cols int) {
	ld, compressed := l.Heads*l.KeySize, l.expanded.keptSize()+l.r
	n := l.compressedCols(pos, from, cols)
	s.expandedScores(dst, prefillCols, q, rows, ld, g, from, n, 0, compressed)
	s.expandedScores(dst[n:], prefillCols, q, rows, ld, g, from+n, cols-n, compressed, l.expanded.d)
}

// expandedSum adds a tile's values, compressed tokens' and recent ones'.
func (l *Layer) expandedSum(t *tile, s *Store, g, from, cols int) {
	n := l.compressedCols(t.pos, from, cols)
	s.expandedSum(t.out, t.ld, t.scores, prefillCols, t.rows, g, from, n, 0)
	s.expandedSum(t.out, t.ld, t.scores[n:], prefillCols, t.rows, g, from+n, cols-n, l.ValueSize)
}

// tile is the running state of one work item: outputs are not yet divided by sum.
type tile struct {
	l         *Layer
	rows, pos int // tokens, position of the first
	ld, width int // distance between tokens in out, and their size
	first     int // positions before it get no weights
	out       []float32
	scores    []float32 // [rows][prefillCols]
	peak, sum [prefillRows]float32
}

// newTile returns the tile of work item i of Prefill, its first token's position rounded down to a multiple of 32, its
// head, and its first token's number among the n.
func (l *Layer) newTile(out []float32, i, pos, n int, sc *Scratch) (t tile, first, h, t0 int) {
	first, h = (pos/prefillRows+i/l.Heads)*prefillRows, i%l.Heads
	t0 = max(first-pos, 0)
	return tile{
		l: l, rows: min(first+prefillRows-pos, n) - t0, pos: pos + t0, ld: l.Heads * l.ValueSize, width: l.ValueSize,
		out:    out[(t0*l.Heads+h)*l.ValueSize:],
		scores: sc.scores[:prefillRows*prefillCols],
	}, first, h, t0
}

func (t *tile) row(r int) []float32 { return t.out[r*t.ld:][:t.width] }

func (t *tile) start(h int) {
	peak, sum := float32(math.Inf(-1)), float32(0)
	if s := t.l.softmax.Sinks; s != nil {
		peak, sum = s[h], 1
	}
	for r := range t.rows {
		t.peak[r], t.sum[r] = peak, sum
		clear(t.row(r))
	}
}

// softmax makes the scores of positions from … from+cols-1 weights, 0 where a token may not look, and rescales what
// was summed before.
func (t *tile) softmax(from, cols int) {
	for r := range t.rows {
		row := t.scores[r*prefillCols:][:cols]
		pos := t.pos + r
		lo := min(max(max(t.l.First(pos), t.first)-from, 0), cols)
		hi := min(max(t.l.last(pos, from+cols)-from, lo), cols)
		clear(row[:lo])
		clear(row[hi:])
		if lo == hi {
			continue
		}
		if t.l.softmax.Cap != 0 {
			t.l.softmax.cap(row[lo:hi])
		}
		peak := max(t.peak[r], vek32.Max(row[lo:hi]))
		if f := exp(t.peak[r] - peak); f != 1 {
			t.sum[r] *= f
			vek32.MulNumber_Inplace(t.row(r), f)
		}
		t.peak[r] = peak
		t.sum[r] += kernel.ExpSum(row[lo:hi], row[lo:hi], peak)
	}
}

func (t *tile) finish() {
	for r := range t.rows {
		vek32.MulNumber_Inplace(t.row(r), 1/t.sum[r])
		t.l.turn(t.row(r), true)
	}
}
