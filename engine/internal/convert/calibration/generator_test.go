package calibration

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/convert/internal/converttest"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
)

func write(t testing.TB, m *model.Model, o GenerateOptions) [][]int32 {
	t.Helper()
	windows, err := Generate(t.Context(), m, nil, o, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	return windows
}

// The text has the size asked for and depends on the seed only: not on the threads, and the first windows not on how
// many follow.
func TestGenerateIsReproducible(t *testing.T) {
	f, s := converttest.Open(t, gguftest.TinyLlama().Build())
	m := converttest.Load(t, f, s, nil)
	o := GenerateOptions{Seed: 7, Tokens: 700, Window: 100}
	want := write(t, m, o)
	if len(want) != 7 {
		t.Fatalf("%d windows", len(want))
	}
	for i, w := range want {
		if len(w) != 100 || slices.Min(w) < 0 || slices.Max(w) >= 80 {
			t.Errorf("window %d: %d tokens, %d … %d", i, len(w), slices.Min(w), slices.Max(w))
		}
		if i > 0 && slices.Equal(w, want[0]) {
			t.Errorf("windows 0 and %d are the same", i)
		}
	}
	equal := func(got [][]int32) bool { return slices.EqualFunc(got, want[:len(got)], slices.Equal[[]int32]) }
	if !equal(write(t, converttest.LoadThreads(t, f, s, nil, 1), o)) {
		t.Error("another number of threads writes another text")
	}
	if o.Tokens = 300; !equal(write(t, m, o)) {
		t.Error("less text does not start like more of it")
	}
	if o.Seed++; equal(write(t, m, o)) {
		t.Error("another seed writes the same text")
	}
}

// The tokens written are those that the model predicts: a step of the batch is a decode step.
func TestGenerateFollowsTheModel(t *testing.T) {
	for name, b := range gguftest.Convertible() {
		m := converttest.Plain(t, b)
		for _, drawn := range []int{0, prefixTokens} {
			for _, w := range write(t, m, GenerateOptions{Tokens: 120, Window: 60, Prefix: drawn})[:2] {
				logits := converttest.Logits(t, m, w, converttest.All)
				for i := max(drawn, 1); i < len(w); i++ {
					if p := math.Exp(float64(logits[i-1][w[i]] - slices.Max(logits[i-1]))); p < leastProbability/2 {
						t.Fatalf("%s, %d drawn: token %d has a %.2g-th of the best one's probability", name, drawn, i, p)
					}
				}
			}
		}
	}
}

func TestGenerateCancelled(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyLlama().Build())
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Generate(ctx, m, nil, GenerateOptions{Tokens: 4000, Window: 400}, func(done, _ int) {
		if done > 100 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	write(t, m, GenerateOptions{Tokens: 20, Window: 10}) // the pool is in order
}

// draw follows the probabilities and never takes what is far less likely than the best.
func TestDraw(t *testing.T) {
	logits := []float32{0, float32(math.Log(3)), -100, float32(math.Log(0.01))}
	count := make([]int, 4)
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		count[draw(r, logits, 0)]++
	}
	if count[2]+count[3] != 0 || count[0] < 2300 || count[0] > 2700 {
		t.Errorf("drawn: %v", count)
	}
}

// A window that repeats itself loses its end and goes on with another document; text does not.
func TestCutLoop(t *testing.T) {
	o := newPrompts(t.Context(), nil, 80, 0)
	loop := &window{r: rand.New(rand.NewPCG(0, 0))}
	for i := range 2 * loopSpan {
		loop.ids = append(loop.ids, int32(i%5))
	}
	loop.cutLoop(o)
	if len(loop.ids) != loopSpan+1 || loop.start != loopSpan || loop.cuts != 1 || loop.docs != 1 {
		t.Errorf("%d tokens, document from %d, %d cuts", len(loop.ids), loop.start, loop.cuts)
	}
	text := &window{ids: gguftest.RandomIDs(2*loopSpan, 80)}
	if text.cutLoop(o); text.cuts != 0 {
		t.Error("random text is a loop")
	}
}

func TestCapital(t *testing.T) {
	for form, want := range map[string]string{
		"%s\n": "The sea", "# %s": "The sea", "By. %s": "The sea", "\"%s?\"": "The sea", "study of %s": "the sea", "So, %s": "the sea",
	} {
		if got := capital(form, "the sea"); got != want {
			t.Errorf("%q: %q, want %q", form, got, want)
		}
	}
	for _, form := range starts {
		if strings.Count(form, "%") != 1 || !strings.Contains(form, "%s") {
			t.Errorf("%q does not have one topic", form)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct{ n, size, most, windows, len int }{
		{100000, 1024, 32768, 32, 1024}, {33000, 1024, 32768, 32, 1024}, {3000, 1024, 32768, 8, 375}, {64, 1024, 32768, 2, 32},
		{40, 1024, 32768, 1, 32}, {10, 1024, 32768, 0, 0}, {5000, 512, 1024, 8, 128}, {5000, 16, 1024, 64, 16},
	} {
		got := spread(gguftest.RandomIDs(c.n, 80), c.size, c.most)
		if len(got) != c.windows {
			t.Errorf("%d tokens: %d windows, want %d", c.n, len(got), c.windows)
			continue
		}
		for _, w := range got {
			if len(w) != c.len {
				t.Errorf("%d tokens: a window of %d, want %d", c.n, len(w), c.len)
			}
		}
	}
	ids := make([]int32, 50000)
	for i := range ids {
		ids[i] = int32(i)
	}
	w := spread(ids, 1024, 32768)
	if w[0][0] != 0 || w[31][1023] != 49999 {
		t.Errorf("from %d to %d", w[0][0], w[31][1023])
	}
}

// What the model has in hand while it writes is what it makes of the text, also where a loop was cut out.
func TestGenerateHidden(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyFloat("llama").Build())
	var hidden activation.Q8
	windows := write(t, m, GenerateOptions{Tokens: 700, Window: 200, Hidden: &hidden})
	width, at := m.Spec().Width, 0
	for _, w := range windows {
		seq := m.NewSequence(attention.F16, 0)
		if err := m.Run([]model.Rows{{Seq: seq, Tokens: w}}, nil); err != nil {
			t.Fatal(err)
		}
		want, got := make([]float32, len(w)*width), make([]float32, len(w)*width)
		m.Hidden(want, 0, len(w))
		hidden.From(at).Load(got, 0, len(w))
		for i, v := range want {
			if d := math.Abs(float64(got[i] - v)); d > 0.05*(1+math.Abs(float64(v))) { // a step of 8 bits
				t.Fatalf("token %d, value %d: %g, the model says %g", at+i/width, i%width, got[i], v)
			}
		}
		at += len(w)
	}
}

// language is one of five words, two of which control.
type language struct{}

func (language) Encode(text string, _ bool) ([]int32, error) {
	var ids []int32
	for range strings.Fields(text) {
		ids = append(ids, 10)
	}
	return ids, nil
}
func (language) EndOfText(id int32) bool  { return id%7 == 0 }
func (language) Separator() (int32, bool) { return 5, true }
func (language) Question(context.Context) (before, after []int32) {
	return []int32{1, 2, 3}, []int32{4, 6}
}

// Documents start with text, a chat's question or a separator; the end of a question starts the answer.
func TestSeedPrompts(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyLlama().Build())
	windows, err := Generate(t.Context(), m, language{}, GenerateOptions{Tokens: 800, Window: 100}, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(windows[1][:3], []int32{1, 2, 3}) || windows[3][0] != 5 && windows[7][0] != 5 || windows[0][0] != 10 {
		t.Errorf("windows start with %v, %v, %v, %v", windows[0][:3], windows[1][:3], windows[3][:3], windows[7][:3])
	}
	answers := 0
	for _, w := range windows {
		for i, id := range w[1 : len(w)-1] {
			if id == 4 && w[i+2] == 6 {
				if answers++; w[i]%7 == 0 {
					t.Errorf("the token that ended a question, %d, is still there", w[i])
				}
			}
		}
	}
	if answers == 0 {
		t.Error("no question has an answer")
	}
}

// Perplexity is the exponential of the mean negative log-likelihood of all tokens but each window's first.
func TestPerplexity(t *testing.T) {
	m := converttest.Plain(t, gguftest.TinyLlama().Build())
	windows := append(gguftest.Windows(3, 40, 80), gguftest.RandomIDs(m.BatchSize()+7, 80), []int32{3})
	nll, n := 0.0, 0
	for _, w := range windows {
		for i, logits := range converttest.Logits(t, m, w, converttest.All)[:len(w)-1] {
			sum := 0.0
			for _, v := range logits {
				sum += math.Exp(float64(v))
			}
			nll += math.Log(sum) - float64(logits[w[i+1]])
			n++
		}
	}
	last := 0
	r, err := Measure(t.Context(), m, windows, func(done, total int) {
		if done <= last || total != Count(windows) {
			t.Errorf("%d of %d done after %d", done, total, last)
		}
		last = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := math.Exp(nll / float64(n)); math.Abs(r.Perplexity-want) > 1e-4*want || last != Count(windows) {
		t.Errorf("%v, want %v; %d done", r.Perplexity, want, last)
	}
}
