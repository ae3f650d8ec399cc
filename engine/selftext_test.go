package engine

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer"
)

func write(t testing.TB, m *Model, o selfTextOptions) [][]int32 {
	t.Helper()
	windows, err := m.selfText(context.Background(), o, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	return windows
}

// The text has the size asked for and depends on the seed only: not on the threads, and the first windows not on how many
// follow.
func TestSelfTextIsReproducible(t *testing.T) {
	path := tinyLlama().build().Write(t)
	m := loadFile(t, path, Options{})
	o := selfTextOptions{seed: 7, tokens: 700, window: 100}
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
	if !equal(write(t, loadFile(t, path, Options{Threads: 1}), o)) {
		t.Error("another number of threads writes another text")
	}
	if o.tokens = 300; !equal(write(t, m, o)) {
		t.Error("less text does not start like more of it")
	}
	if o.seed++; equal(write(t, m, o)) {
		t.Error("another seed writes the same text")
	}
}

// The tokens written are those that the model predicts: a step of the batch is a decode step.
func TestSelfTextFollowsTheModel(t *testing.T) {
	for name, b := range convertible() {
		m := loadFile(t, b.Write(t), Options{})
		for _, drawn := range []int{0, sideDrawn} {
			for _, w := range write(t, m, selfTextOptions{tokens: 120, window: 60, drawn: drawn})[:2] {
				logits := allLogits(t, m, w)
				for i := max(drawn, 1); i < len(w); i++ {
					if p := math.Exp(float64(logits[i-1][w[i]] - slices.Max(logits[i-1]))); p < leastProbability/2 {
						t.Fatalf("%s, %d drawn: token %d has a %.2g-th of the best one's probability", name, drawn, i, p)
					}
				}
			}
		}
	}
}

func TestSelfTextCancelled(t *testing.T) {
	m := loadFile(t, tinyLlama().build().Write(t), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	_, err := m.selfText(ctx, selfTextOptions{tokens: 4000, window: 400}, func(done, _ int) {
		if done > 100 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	write(t, m, selfTextOptions{tokens: 20, window: 10}) // the pool is in order
}

// draw follows the probabilities and never takes what is far less likely than the best.
func TestDraw(t *testing.T) {
	logits := []float32{0, float32(math.Log(3)), -100, float32(math.Log(0.01))}
	count := make([]int, 4)
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		count[draw(r, logits)]++
	}
	if count[2]+count[3] != 0 || count[0] < 2300 || count[0] > 2700 {
		t.Errorf("drawn: %v", count)
	}
}

// A window that repeats itself loses its end and goes on with another document; text does not.
func TestCutLoop(t *testing.T) {
	m := loadFile(t, tinyLlama().build().Write(t), Options{})
	o := m.openings(context.Background(), 0)
	loop := &window{r: rand.New(rand.NewPCG(0, 0))}
	for i := range 2 * loopSpan {
		loop.ids = append(loop.ids, int32(i%5))
	}
	loop.cutLoop(o)
	if len(loop.ids) != loopSpan+1 || loop.start != loopSpan || loop.cuts != 1 || loop.docs != 1 {
		t.Errorf("%d tokens, document from %d, %d cuts", len(loop.ids), loop.start, loop.cuts)
	}
	text := &window{ids: randomIDs(2*loopSpan, 80)}
	if text.cutLoop(o); text.cuts != 0 {
		t.Error("random text is a loop")
	}
}

// The real model writes many kinds of documents, and none loops.
func TestSelfTextOfTheRealModel(t *testing.T) {
	if testing.Short() {
		t.Skip("writes text with a real model")
	}
	m := loadFile(t, testenv.Model(t), Options{})
	windows := write(t, m, selfTextOptions{tokens: 1024, window: 256})
	user, _ := m.tok.Lookup("<|im_start|>")
	chats := 0
	for i, w := range windows {
		if slices.Contains(w, user) {
			chats++
		}
		if d := distinct(w); d < loopShare {
			t.Errorf("window %d: %.2f of its triples are different: %q", i, d, m.tok.Decode(w, tokenizer.DecodeOptions{Special: true}))
		}
	}
	if chats == 0 || chats == len(windows) {
		t.Errorf("%d of %d windows hold a chat", chats, len(windows))
	}
}

func TestCapital(t *testing.T) {
	for form, want := range map[string]string{"%s\n": "The sea", "# %s": "The sea", "By. %s": "The sea", "\"%s?\"": "The sea", "study of %s": "the sea", "So, %s": "the sea"} {
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
		got := spread(randomIDs(c.n, 80), c.size, c.most)
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
