package kernel

// The inner loops of encoders (package encode), which look for the scales of groups of weights. Eight groups lie side by
// side: weight j of group l is element 8·j+l. A group's code for weight x is
//
//	q = round((x − shift)·inv)    ties to even, at least low and at most top
//
// and values are such that nothing overflows.

// FitLanes is how many groups lie side by side.
const FitLanes = 8

// Lanes holds one value for each of the groups.
type Lanes = [FitLanes]float32

// FitStats are sums and extremes of groups of weights x whose errors weigh w.
type FitStats struct {
	W, WX  Lanes // Σw, Σw·x
	Lo, Hi Lanes // the smallest and the largest x
}

// FitSums are what codes of groups come to: Σw·q, Σw·q², Σw·x·q.
type FitSums struct{ Q, QQ, XQ Lanes }

// Groups are eight groups of the same number of weights: 8, 16 or 32.
type Groups struct {
	X, W, WX [32 * FitLanes]float32 // the weights, those of their errors, and W·X

	n int // weights of a group
}

// Set takes groups of n weights x whose errors weigh w: 8, 16 or 32 each, and eight groups or fewer; the others are zeros.
// It panics for other lengths.
func (g *Groups) Set(x, w []float32, n int) FitStats {
	if n != 8 && n != 16 && n != 32 || len(x) != len(w) || len(x)%n != 0 || len(x) > FitLanes*n {
		panic("kernel: groups of no possible length")
	}
	g.n = n
	if len(x) < FitLanes*n {
		clear(g.X[:])
		clear(g.W[:])
	}
	return g.set(x, w)
}

// setGeneric puts weight j of group l where it belongs.
func (g *Groups) setGeneric(x, w []float32) {
	for i, v := range x {
		at := i%g.n*FitLanes + i/g.n
		g.X[at], g.W[at] = v, w[i]
	}
}

func fitStatsGeneric(s *FitStats, g *Groups) {
	*s = FitStats{Lo: Lanes(g.X[:FitLanes]), Hi: Lanes(g.X[:FitLanes])}
	for i, v := range g.X[:g.n*FitLanes] {
		l := i % FitLanes
		t := float32(g.W[i] * v)
		g.WX[i] = t
		s.W[l] += g.W[i]
		s.WX[l] += t
		s.Lo[l], s.Hi[l] = min(s.Lo[l], v), max(s.Hi[l], v)
	}
}

// fitSumsGeneric adds even and odd weights apart, as the assembly does.
func fitSumsGeneric(s *FitSums, g *Groups, shift, inv *Lanes, low, top float32) {
	const all = len(g.X) - 1 // indices are masked, so that they need no check
	for l := range FitLanes {
		shift, inv := shift[l], inv[l]
		var q0, q1, qq0, qq1, xq0, xq1 float32
		for i := l; i < g.n*FitLanes; i += 2 * FitLanes {
			even, odd := i&all, (i+FitLanes)&all
			p, q := fitCode(g.X[even], shift, inv, low, top), fitCode(g.X[odd], shift, inv, low, top)
			wp, wq := float32(g.W[even]*p), float32(g.W[odd]*q)
			q0 += wp
			q1 += wq
			qq0 += float32(wp * p)
			qq1 += float32(wq * q)
			xq0 += float32(g.WX[even] * p)
			xq1 += float32(g.WX[odd] * q)
		}
		s.Q[l], s.QQ[l], s.XQ[l] = q0+q1, qq0+qq1, xq0+xq1
	}
}

// fitTiny is what no scale of a half float can express: the inverse of what is below is taken for 0.
const fitTiny = 1e-15

// fitTryGeneric is the reference implementation of Groups.Try.
func fitTryGeneric(best, d *Lanes, g *Groups, by float32, of *Lanes, low, top float32) bool {
	var s FitSums
	var shift, inv Lanes
	for l, of := range of {
		if abs(of) >= fitTiny {
			inv[l] = by / of
		}
	}
	fitSumsGeneric(&s, g, &shift, &inv, low, top)
	return s.Offer(best, d)
}

// Offer sets d to the best scales for the codes that the sums are of, and best to Σw·x² less their errors, where that is
// more than best is. It reports whether there is such a group.
func (s *FitSums) Offer(best, d *Lanes) (any bool) {
	for l, qq := range s.QQ {
		if xq := s.XQ[l]; qq > 0 && xq*xq > best[l]*qq {
			d[l] = xq / qq
			best[l] = d[l] * xq
			any = true
		}
	}
	return any
}

func fitCodesGeneric(q *[32 * FitLanes]byte, g *Groups, shift, inv *Lanes, low, top float32) {
	for i, v := range g.X[:g.n*FitLanes] {
		l := i % FitLanes
		q[i] = byte(int(fitCode(v, shift[l], inv[l], low, top) - low))
	}
}

// fitCode returns the code of a weight. The sum with 3·2^22 is an integer.
func fitCode(x, shift, inv, low, top float32) float32 {
	const magic = 3 << 22
	q := float32((x-shift)*inv) + magic
	if q -= magic; q > top {
		q = top
	}
	if q < low {
		q = low
	}
	return q
}
