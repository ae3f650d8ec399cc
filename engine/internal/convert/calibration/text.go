// Package calibration provides the text that a conversion's statistics come from: cut out of a text that is given, or
// written by the model itself, many windows at a time; and measures a model's perplexity on what is held back of it.
package calibration

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/latentgo/latentgo/internal/sha256"

	"github.com/latentgo/latentgo/engine/internal/convert/activation"
	"github.com/latentgo/latentgo/engine/internal/model"
)

const (
	givenTokens     = 8192  // of a text, more on request
	generatedTokens = 6144  // that the model writes, since writing takes time
	freshTokens     = 14336 // that it writes for refinement
	generatedWindow = 256   // tokens of a window that the model writes: several are written at once, short ones sooner
	leastWindow     = 32
	heldEvery       = 8 // one window in so many is held back for the report

	// Window is the most tokens of a window, each from an empty cache.
	Window = 1024
)

// Random-prefix samples: what the model writes after a few tokens drawn evenly from the vocabulary. A text of one kind
// leaves out most of what a model can meet, and what statistics do not show has no energy: conversions forget it.
// RATIONALE.md has the figures.
const (
	prefixedShare  = 2  // one token of them for so many of the text
	prefixedWindow = 64 // tokens of a window
	prefixTokens   = 4  // of which nobody chose the first
)

// Sources of calibration text.
const (
	SelfWritten = "self-written"
	GivenText   = "text"
)

// Options say what text is wanted.
type Options struct {
	Given   string       // "" lets the model write
	Tokens  int          // how many the model writes, or are used of a longer text, spread evenly; 0 means the default
	Seed    uint64       // of what the model writes
	Llama   bool         // for the form for llama.cpp, which has more to repair: twice as many tokens
	Refine  bool         // fresh text is wanted as well, and of a text that is given twice as many tokens again
	Context int          // the model's trained context: no window is longer
	Warn    func(string) // gets what was in vain; nil means silence
}

// Text is text in windows.
type Text struct {
	Train, Held  [][]int32 // what statistics come from, and what is held back to measure the result
	Source, Sum  string    // GivenText or SelfWritten; SHA-256 of all tokens
	Prefixed     [][]int32 // random-prefix samples: statistics come from them as well, perplexity is not measured on them
	Fresh        [][]int32 // written for refinement: statistics do not come from it
	FreshTargets activation.Q8
}

// Windows returns what statistics come from.
func (t *Text) Windows() [][]int32 { return append(slices.Clip(t.Train), t.Prefixed...) }

// Scored returns how many held-back tokens have a prediction.
func (t *Text) Scored() int { return Count(t.Held) - len(t.Held) }

// Count returns how many tokens windows have.
func Count(windows [][]int32) int {
	n := 0
	for _, w := range windows {
		n += len(w)
	}
	return n
}

// newText holds one window in heldEvery back.
func newText(windows [][]int32, source string) *Text {
	t := &Text{Source: source}
	h := sha256.New()
	at := min(heldEvery, len(windows)) / 2
	for i, w := range windows {
		_ = binary.Write(h, binary.LittleEndian, w)
		if i%heldEvery == at {
			t.Held = append(t.Held, w)
		} else {
			t.Train = append(t.Train, w)
		}
	}
	t.Sum = hex.EncodeToString(h.Sum(nil))
	return t
}

// Provide returns the text that the options ask for, random-prefix samples beside it, and fresh text for refinement.
// lang may be nil. progress gets the tokens written.
func Provide(ctx context.Context, m *model.Model, lang Language, o Options, progress func(done, total int)) (*Text, error) {
	t, written, err := o.main(ctx, m, lang, progress)
	if err != nil {
		return nil, err
	}
	fresh := o.fresh()
	size := max(min(prefixedWindow, o.Context), 2)
	t.Prefixed, err = Generate(ctx, m, lang, GenerateOptions{
		Seed: o.Seed, Tokens: (Count(t.Train) + Count(t.Held)) / prefixedShare, Window: size, Prefix: min(prefixTokens, size-1),
	}, func(done, total int) { progress(written+done, written+total+fresh) })
	if err != nil || fresh == 0 {
		return t, err
	}
	written += Count(t.Prefixed)
	t.Fresh, err = Generate(ctx, m, lang, GenerateOptions{
		Seed: o.Seed + 1, Tokens: fresh, Window: max(min(generatedWindow, o.Context), 2), Hidden: &t.FreshTargets,
	}, func(done, total int) { progress(written+done, written+total) })
	return t, err
}

// main is Provide without random-prefix samples or fresh text. It returns how many tokens of it were written.
func (o Options) main(
	ctx context.Context, m *model.Model, lang Language, progress func(done, total int),
) (t *Text, written int, err error) {
	if o.Given != "" {
		windows, err := o.given(lang)
		return newText(windows, GivenText), 0, err
	}
	n := o.tokens(generatedTokens)
	size := min(generatedWindow, o.Context, max(leastWindow, n/heldEvery))
	windows, written, err := o.write(ctx, m, lang, n, max(size, 2), progress)
	return newText(windows, SelfWritten), written, err
}

// attempts are ways in which a model may write; another is tried when what comes of one is no text. The last has no
// prompts at all.
var attempts = []struct {
	what        string
	seed        uint64 // beside the one asked for
	temperature float64
	prefix      int
}{
	{"", 0, 1, 0},
	{"with other prompts at temperature 1.3", 1 << 32, 1.3, 0},
	{"after random tokens", 2 << 32, 1, prefixTokens},
}

// write lets the model write n tokens of text in windows. It returns how many tokens were written in all.
func (o Options) write(
	ctx context.Context, m *model.Model, lang Language, n, size int, progress func(done, total int),
) (windows [][]int32, written int, err error) {
	for i, a := range attempts {
		before := written
		windows, err = Generate(ctx, m, lang, GenerateOptions{
			Seed: o.Seed + a.seed, Tokens: n, Window: size, Temperature: a.temperature, Prefix: min(a.prefix, size-1),
		}, func(done, total int) {
			written = before + total
			progress(before+done, written+total/prefixedShare+o.fresh())
		})
		if err != nil {
			return nil, 0, err
		}
		fault := textFault(windows, m.Vocab())
		if fault == "" {
			return windows, written, nil
		}
		next := "it knows no other way: give calibration text of the kind that the model is used for"
		if i+1 < len(attempts) {
			next = "it writes again, " + attempts[i+1].what
		}
		if o.Warn != nil {
			o.Warn(fmt.Sprintf("the text that the model wrote %s; %s", fault, next))
		}
	}
	return windows, written, nil // what is closest to text: each window has its own random start
}

// given cuts windows out of the text given.
func (o Options) given(lang Language) ([][]int32, error) {
	if lang == nil {
		return nil, fmt.Errorf("calibration text: %w", ErrNoTokenizer)
	}
	ids, err := lang.Encode(o.Given, true)
	if err != nil {
		return nil, fmt.Errorf("calibration text: %w", err)
	}
	windows := spread(ids, min(Window, o.Context), o.tokens(givenTokens))
	if len(windows) < 2 {
		return nil, fmt.Errorf("calibration text of %d tokens: at least %d are needed, some thousands are good",
			len(ids), 2*leastWindow)
	}
	return windows, nil
}

// fresh returns how many tokens the model is to write for refinement.
func (o Options) fresh() int {
	switch {
	case !o.Refine:
		return 0
	case o.Tokens != 0:
		return o.Tokens
	}
	return freshTokens
}

// tokens returns how many tokens of text are wanted where n is the default of our own form.
func (o Options) tokens(n int) int {
	switch {
	case o.Tokens != 0:
		return o.Tokens
	case o.Refine && o.Given != "":
		return 4 * n
	case o.Llama:
		return 2 * n
	}
	return n
}

// spread cuts windows of at most size tokens out of a text, evenly spread, together at most most; shorter ones where
// there would not be several.
func spread(ids []int32, size, most int) [][]int32 {
	most = min(most, len(ids))
	size = min(size, max(leastWindow, most/heldEvery))
	n := most / size
	var out [][]int32
	for i := range n {
		at := 0
		if n > 1 {
			at = i * (len(ids) - size) / (n - 1)
		}
		out = append(out, ids[at:at+size])
	}
	return out
}
