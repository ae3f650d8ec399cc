//go:build !purego

package kernel

import "sync"

// The kernels of 8-bit caches by level, for 1, 2, … query rows.
var (
	cacheAVX2 = cacheKernels{
		scores:      []cacheScores{scoresQ8x1AVX2, scoresQ8x2AVX2, scoresQ8x3AVX2, scoresQ8x4AVX2},
		weigh:       weighQ8AVX2,
		weightedSum: []cacheWeightedSum{weightedSumQ8x1AVX2, weightedSumQ8x2AVX2, weightedSumQ8x3AVX2, weightedSumQ8x4AVX2, weightedSumQ8x5AVX2, weightedSumQ8x6AVX2},
	}
	cacheAVX512 = cacheKernels{
		scores: []cacheScores{
			scoresQ8x1AVX512, scoresQ8x2AVX512, scoresQ8x3AVX512, scoresQ8x4AVX512, scoresQ8x5AVX512, scoresQ8x6AVX512,
			scoresQ8x7AVX512, scoresQ8x8AVX512, scoresQ8x9AVX512,
		},
		weigh: weighQ8AVX512,
		weightedSum: []cacheWeightedSum{
			weightedSumQ8x1AVX512, weightedSumQ8x2AVX512, weightedSumQ8x3AVX512, weightedSumQ8x4AVX512, weightedSumQ8x5AVX512, weightedSumQ8x6AVX512,
			weightedSumQ8x7AVX512, weightedSumQ8x8AVX512, weightedSumQ8x9AVX512,
		},
	}
)

type (
	cacheScores      = func(dst *float32, ldd int, q *byte, ldq int, k *byte, s *uint16, n, blocks, skip int)
	cacheWeightedSum = func(out *float32, ldo int, p *float32, v *byte, stride, panels, groups int)
)

// cacheKernels is what a level has for 8-bit caches.
type cacheKernels struct {
	scores      []cacheScores
	weigh       func(dst, p *float32, s *uint16, stride, panels int)
	weightedSum []cacheWeightedSum
}

// scoresQ8 is vectorSet.scoresQ8.
func (k *cacheKernels) scoresQ8(dst []float32, ldd int, q []byte, stride, nq int, r CacheRows, n int) {
	blocks := stride / queryBlock
	for i, n1 := 0, 0; i < nq; i += n1 {
		n1 = rowGroup(nq-i, len(k.scores))
		k.scores[n1-1](&dst[i*ldd], ldd, &q[i*stride], stride, &r.Codes[0], &r.Scales[0], n, blocks, r.Cols/q8Block-blocks)
	}
}

// Weighted sums take weighRows rows of a cache at a time.
const (
	weighRows  = 256
	weighLanes = 16 // behind a row of weights: where the sums of a column begin, lane by lane
)

// weighScratch has a row of weights times scales for each of the most query rows that go together, and room for the
// sums of four columns.
type weighScratch struct {
	rows [9][weighRows + weighLanes]float32
	last [9 * 4]float32
}

var weighPool = sync.Pool{New: func() any { return new(weighScratch) }}

// weightedSumQ8 is vectorSet.weightedSumQ8. Columns go in blocks of 32, whose weights are the same.
func (k *cacheKernels) weightedSumQ8(out []float32, ldo int, p []float32, ldp, nq int, v CacheRows, from, n, d int) {
	w := weighPool.Get().(*weighScratch)
	defer weighPool.Put(w)
	for j := 0; j < n; j += weighRows {
		rows, part := min(weighRows, n-j), v.From(j)
		for i, n1 := 0, 0; i < nq; i += n1 {
			n1 = rowGroup(nq-i, len(k.weightedSum))
			for c := 0; c < d; c += q8Block {
				k.weighAll(w, p[i*ldp+j:], ldp, n1, part, (from+c)/q8Block, rows)
				k.weightedSumBlock(out[i*ldo+c:], ldo, w, n1, part, from+c, rows, min(q8Block, d-c))
			}
		}
	}
}

// weighAll fills w for nq rows of p and the scales of block b of n rows of v. The rows of the last panel that are not
// there get weights of 0.
func (k *cacheKernels) weighAll(w *weighScratch, p []float32, ldp, nq int, v CacheRows, b, n int) {
	blocks, full := v.Cols/q8Block, n/PanelRows
	for i := range nq {
		row := &w.rows[i]
		k.weigh(&row[0], &p[i*ldp], &v.Scales[b*PanelRows], 2*blocks*PanelRows, full)
		for j := full * PanelRows; j < (n+PanelRows-1)/PanelRows*PanelRows; j++ {
			row[j] = 0
			if j < n {
				row[j] = p[i*ldp+j] * halfToFloat(*v.scale(j, b))
				row[weighRows+j%8] -= 384 * row[j]
			}
		}
	}
}

// weightedSumBlock adds d columns of a block, from column c of v on; the last ones, fewer than four, go by way of a
// buffer.
func (k *cacheKernels) weightedSumBlock(out []float32, ldo int, w *weighScratch, nq int, v CacheRows, c, n, d int) {
	weightedSum, stride, panels := k.weightedSum[nq-1], PanelRows*v.Cols, v.panels(n)
	if d >= 4 {
		weightedSum(&out[0], ldo, &w.rows[0][0], &v.Codes[c*PanelRows], stride, panels, d/4)
	}
	if d%4 == 0 {
		return
	}
	clear(w.last[:])
	weightedSum(&w.last[0], 4, &w.rows[0][0], &v.Codes[(c+d&^3)*PanelRows], stride, panels, 1)
	for i := range nq {
		for x := range d % 4 {
			out[i*ldo+d&^3+x] += w.last[4*i+x]
		}
	}
}
