package calibration

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/internal/gguftest"
)

// zipf returns windows of tokens that are as frequent as words are.
func zipf(n, size, vocab int) [][]int32 {
	z := rand.NewZipf(rand.New(rand.NewPCG(3, 4)), 1.1, 3, uint64(vocab-1))
	out := make([][]int32, n)
	for i := range out {
		for range size {
			out[i] = append(out[i], int32(z.Uint64()))
		}
	}
	return out
}

func TestTextFault(t *testing.T) {
	loop, few := zipf(8, 256, 20000), zipf(8, 256, 20000)
	for _, w := range loop {
		for i := range w[64:] {
			w[64+i] = w[i%16]
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, w := range few {
		for i := range w {
			w[i] = int32(r.IntN(9))
		}
	}
	for name, c := range map[string]struct {
		windows [][]int32
		vocab   int
		want    string
	}{
		"words":         {zipf(8, 256, 20000), 20000, ""},
		"few letters":   {gguftest.Windows(8, 64, 80), 80, ""},
		"short windows": {gguftest.Windows(2, 3, 80), 80, ""},
		"loops":         {loop, 20000, "repeats itself"},
		"nine tokens":   {few, 20000, "entropy"},
		"one token":     {[][]int32{make([]int32, 64), make([]int32, 64)}, 80, "repeats itself"},
	} {
		if got := textFault(c.windows, c.vocab); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A model that writes the same again and again is asked in other ways, and that it never was text is told.
func TestModelWithoutText(t *testing.T) {
	b := gguftest.TinyLlama().Build().Edit("token_embd.weight", func(x []float32) {
		for i := range 64 { // one of these two is always certain
			x[7*64+i] *= 1000
			x[8*64+i] = -x[7*64+i]
		}
	})
	var warnings []string
	o := Options{Tokens: 256, Context: 512, Warn: func(s string) { warnings = append(warnings, s) }}
	_, err := Provide(t.Context(), converttest.Plain(t, b), nil, o, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) != len(attempts) || !strings.Contains(warnings[0], "it writes again") ||
		!strings.Contains(warnings[len(warnings)-1], "give calibration text") {
		t.Errorf("warnings %q", warnings)
	}
}
