package sample

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestExpLog(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		x := (r.Float64() - 0.5) * 1400
		if want := math.Exp(x); math.Abs(exp(x)-want) > 1e-15*want {
			t.Fatalf("exp(%g) = %g, want %g", x, exp(x), want)
		}
		y := math.Exp(x / 2)
		if want := math.Log(y); math.Abs(log(y)-want) > 1e-15*math.Abs(want) {
			t.Fatalf("log(%g) = %g, want %g", y, log(y), want)
		}
		near := 1 + (r.Float64()-0.5)/1e6
		if want := math.Log(near); math.Abs(log(near)-want) > 1e-15*math.Abs(want) {
			t.Fatalf("log(%g) = %g, want %g", near, log(near), want)
		}
	}
}

func TestExpLogEdges(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct{ got, want float64 }{
		{exp(0), 1}, {exp(-inf), 0}, {exp(inf), inf}, {exp(-1000), 0}, {exp(1000), inf}, {exp(nan), nan}, {exp(1), math.E},
		{log(1), 0}, {log(0), -inf}, {log(inf), inf}, {log(-1), nan}, {log(nan), nan}, {log(2), math.Ln2},
		{log(math.SmallestNonzeroFloat64), -744.4400719213812},
		{pow(0, 2), 0}, {pow(0, 0), 1}, {pow(2, 10), 1024}, {pow(1, 5), 1},
	} {
		if math.Float64bits(c.got) != math.Float64bits(c.want) && math.Abs(c.got-c.want) > 1e-14*math.Abs(c.want) &&
			!(c.got != c.got && c.want != c.want) {
			t.Errorf("got %g, want %g", c.got, c.want)
		}
	}
}
