package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Calibration text: what the statistics of a conversion come from.

const (
	calibrationTokens = 16384 // of a text, more on request
	writtenTokens     = 12288 // that the model writes, since writing takes time
	calibrationWindow = 1024  // tokens of a window, each from an empty cache
	leastWindow       = 32
	heldEvery         = 8 // one window in so many is held back for the report
)

// calibrationText is text in windows.
type calibrationText struct {
	train, held [][]int32
	source, sum string
	stray       [][]int32 // tokens in no order that statistics come from as well, see strays
}

// windows returns what statistics come from.
func (t *calibrationText) windows() [][]int32 { return append(slices.Clip(t.train), t.stray...) }

// Words in no order.
const (
	strayShare  = 4  // one for so many of the text
	strayWindow = 32 // tokens of a window: 32 are better than 128, and those than 1,024
)

// strays returns windows of tokens that are drawn evenly from the vocabulary, a quarter as many as the text has: always the same.
// A text of one kind leaves out most of what a model can meet. What it leaves out must not look as if it had no
// energy, or conversions forget it.
func (c *conversion) strays(text int) [][]int32 {
	size := max(min(strayWindow, c.m.h.context), 2)
	r := rand.New(rand.NewPCG(0, 0))
	var out [][]int32
	for range text / strayShare / size {
		w := make([]int32, size)
		for i := range w {
			w[i] = int32(r.IntN(c.m.w.embed.Rows))
		}
		out = append(out, w)
	}
	return out
}

// size returns the tokens of windows.
func (*calibrationText) size(windows [][]int32) int {
	n := 0
	for _, w := range windows {
		n += len(w)
	}
	return n
}

// scored returns how many held-back tokens have a prediction.
func (t *calibrationText) scored() int { return t.size(t.held) - len(t.held) }

// newCalibrationText holds one window in heldEvery back.
func newCalibrationText(windows [][]int32, source string) *calibrationText {
	t := &calibrationText{source: source}
	h := sha256.New()
	at := min(heldEvery, len(windows)) / 2
	for i, w := range windows {
		_ = binary.Write(h, binary.LittleEndian, w)
		if i%heldEvery == at {
			t.held = append(t.held, w)
		} else {
			t.train = append(t.train, w)
		}
	}
	t.sum = hex.EncodeToString(h.Sum(nil))
	return t
}

// calibration returns the text that the options ask for, and strays.
func (c *conversion) calibration(ctx context.Context) (*calibrationText, error) {
	t, err := c.ordered(ctx)
	if err == nil {
		t.stray = c.strays(t.size(t.train) + t.size(t.held))
	}
	return t, err
}

// ordered is calibration without strays.
func (c *conversion) ordered(ctx context.Context) (*calibrationText, error) {
	m := c.m
	if c.opt.Calibration == "" {
		windows, err := m.selfText(ctx, c.selfTextOptions(), func(done, total int) { c.report(StageText, int64(done), int64(total)) })
		return newCalibrationText(windows, SelfWritten), err
	}
	ids, err := m.Encode(c.opt.Calibration, false, true)
	if err != nil {
		return nil, fmt.Errorf("calibration text: %w", err)
	}
	windows := spread(ids, min(calibrationWindow, m.h.context), orElse(c.opt.Tokens, calibrationTokens))
	if len(windows) < 2 {
		return nil, fmt.Errorf("calibration text of %d tokens: at least %d are needed, some thousands are good", len(ids), 2*leastWindow)
	}
	return newCalibrationText(windows, GivenText), nil
}

// selfTextOptions says what the model is to write.
func (c *conversion) selfTextOptions() selfTextOptions {
	n := orElse(c.opt.Tokens, writtenTokens)
	size := min(calibrationWindow, c.m.h.context, max(leastWindow, n/heldEvery))
	return selfTextOptions{seed: c.opt.Seed, tokens: n, window: max(size, 2)}
}

// orElse returns n, or def for 0.
func orElse(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// spread cuts windows of at most size tokens out of a text, evenly spread, together at most most; shorter ones where there
// would not be several.
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
