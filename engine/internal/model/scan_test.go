package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// randomScan fills a scan with tokens of a head, the same for equal arguments.
func randomScan(keys, values, n int, delta bool) *scan {
	r := rand.New(rand.NewPCG(uint64(keys), uint64(n)))
	s := &scan{}
	s.begin(keys, values, n, delta)
	for _, x := range [][]float32{s.kq, s.v} {
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
	}
	for t := range n {
		unit(s.key(t), 1e-6)
		unit(s.query(t), 1e-6)
		s.decay[t], s.beta[t] = -3*r.Float32()*r.Float32(), r.Float32()
	}
	return s
}

// naive is a scan by its definition, in double precision.
func naive(s *scan, state []float64) (y []float64) {
	for t := range s.n {
		k, q, v, a := s.key(t), s.query(t), s.value(t), math.Exp(float64(s.decay[t]))
		for c := range s.values {
			d, own := float64(v[c]), 0.0
			for i := range s.keys {
				state[i*s.values+c] *= a
				own += state[i*s.values+c] * float64(k[i])
			}
			if s.delta {
				d = float64(s.beta[t]) * (d - own)
			}
			sum := 0.0
			for i := range s.keys {
				state[i*s.values+c] += float64(k[i]) * d
				sum += state[i*s.values+c] * float64(q[i])
			}
			y = append(y, sum)
		}
	}
	return y
}

// Tokens at once, in chunks of any length, give what they give one by one.
func TestScan(t *testing.T) {
	for _, shape := range [][2]int{{128, 128}, {16, 24}, {128, 64}, {5, 3}, {1, 1}} {
		for _, n := range []int{1, 2, scanSteps, scanSteps + 1, 17, 63, scanChunk} {
			for _, delta := range []bool{false, true} {
				s := randomScan(shape[0], shape[1], n, delta)
				from, to := make([]float32, shape[0]*shape[1]), make([]float32, shape[0]*shape[1])
				state := make([]float64, len(from))
				for i := range from {
					from[i] = float32(math.Sin(float64(i)))
					state[i] = float64(from[i])
				}
				want := naive(s, state)
				s.run(to, from)
				for i, w := range want {
					if d := math.Abs(float64(s.y[i]) - w); !(d < 1e-4*(1+math.Abs(w))) {
						t.Fatalf("%v, %d tokens, delta %v: y[%d] is %g, want %g", shape, n, delta, i, s.y[i], w)
					}
				}
				for i, w := range state {
					if d := math.Abs(float64(to[i]) - w); !(d < 1e-4*(1+math.Abs(w))) {
						t.Fatalf("%v, %d tokens, delta %v: state[%d] is %g, want %g", shape, n, delta, i, to[i], w)
					}
				}
			}
		}
	}
}

// Speed of one head: tokens of a prompt, and decode steps.
func BenchmarkScan(b *testing.B) {
	for _, delta := range []bool{false, true} {
		for _, n := range []int{1, scanChunk} {
			b.Run(fmt.Sprintf("delta=%v/%d", delta, n), func(b *testing.B) {
				s := randomScan(128, 128, n, delta)
				from, to := make([]float32, 128*128), make([]float32, 128*128)
				for b.Loop() {
					s.ready = false
					s.run(to, from)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/token")
			})
		}
	}
}
