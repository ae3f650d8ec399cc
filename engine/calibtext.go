package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// Calibration text: what the statistics of a conversion come from.

const (
	calibrationTokens = 8192  // of a text, more on request
	writtenTokens     = 6144  // that the model writes, since writing takes time
	freshTokens       = 14336 // that it writes for refinement
	calibrationWindow = 1024  // tokens of a window, each from an empty cache
	writtenWindow     = 256   // of text that the model writes: several windows are written at once, short ones sooner
	leastWindow       = 32
	heldEvery         = 8 // one window in so many is held back for the report
)

// calibrationText is text in windows.
type calibrationText struct {
	train, held [][]int32
	source, sum string
	side        [][]int32  // statistics come from it as well, perplexity is not measured on it
	fresh       refineText // statistics do not come from it
}

// windows returns what statistics come from.
func (t *calibrationText) windows() [][]int32 { return append(slices.Clip(t.train), t.side...) }

// Side text: what the model writes after a few tokens drawn evenly from the vocabulary. A text of one kind leaves out most
// of what a model can meet, and what statistics do not show has no energy: conversions forget it. RATIONALE.md has the
// figures.
const (
	sideShare  = 2  // one token of it for so many of the text
	sideWindow = 64 // tokens of a window
	sideDrawn  = 4  // of which nobody chose the first
)

// side writes side text for a text of n tokens.
func (c *conversion) side(ctx context.Context, n int, progress func(done, total int)) ([][]int32, error) {
	size := max(min(sideWindow, c.m.h.context), 2)
	o := selfTextOptions{seed: c.opt.Seed, tokens: n / sideShare, window: size, drawn: min(sideDrawn, size-1)}
	return c.m.selfText(ctx, o, progress)
}

// countTokens returns how many tokens windows have.
func countTokens(windows [][]int32) int {
	n := 0
	for _, w := range windows {
		n += len(w)
	}
	return n
}

// scored returns how many held-back tokens have a prediction.
func (t *calibrationText) scored() int { return countTokens(t.held) - len(t.held) }

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

// calibration returns the text that the options ask for, side text, and fresh text when there is to be refinement.
func (c *conversion) calibration(ctx context.Context) (*calibrationText, error) {
	t, written, err := c.mainText(ctx)
	if err != nil {
		return nil, err
	}
	fresh := c.fresh()
	t.side, err = c.side(ctx, countTokens(t.train)+countTokens(t.held), func(done, total int) {
		c.report(StageText, int64(written+done), int64(written+total+fresh))
	})
	if err != nil || fresh == 0 {
		return t, err
	}
	written += countTokens(t.side)
	o := selfTextOptions{seed: c.opt.Seed + 1, tokens: fresh, window: max(min(writtenWindow, c.m.h.context), 2), targets: &t.fresh.targets}
	t.fresh.windows, err = c.m.selfText(ctx, o, func(done, total int) {
		c.report(StageText, int64(written+done), int64(written+total))
	})
	return t, err
}

// fresh returns how many tokens the model is to write for refinement.
func (c *conversion) fresh() int {
	switch {
	case c.opt.Refine <= 0:
		return 0
	case c.opt.Tokens != 0:
		return c.opt.Tokens
	}
	return freshTokens
}

// mainText is calibration without side text or fresh text. It returns how many tokens of it were written.
func (c *conversion) mainText(ctx context.Context) (t *calibrationText, written int, err error) {
	if c.opt.Calibration != "" {
		windows, err := c.givenText()
		return newCalibrationText(windows, GivenText), 0, err
	}
	windows, err := c.m.selfText(ctx, c.selfTextOptions(), func(done, total int) {
		written = total
		c.report(StageText, int64(done), int64(total+total/sideShare+c.fresh()))
	})
	return newCalibrationText(windows, SelfWritten), written, err
}

// givenText cuts windows out of the text given.
func (c *conversion) givenText() ([][]int32, error) {
	ids, err := c.m.Encode(c.opt.Calibration, false, true)
	if err != nil {
		return nil, fmt.Errorf("calibration text: %w", err)
	}
	windows := spread(ids, min(calibrationWindow, c.m.h.context), c.tokens(calibrationTokens))
	if len(windows) < 2 {
		return nil, fmt.Errorf("calibration text of %d tokens: at least %d are needed, some thousands are good", len(ids), 2*leastWindow)
	}
	return windows, nil
}

// selfTextOptions says what the model is to write.
func (c *conversion) selfTextOptions() selfTextOptions {
	n := c.tokens(writtenTokens)
	size := min(writtenWindow, c.m.h.context, max(leastWindow, n/heldEvery))
	return selfTextOptions{seed: c.opt.Seed, tokens: n, window: max(size, 2)}
}

// tokens returns how many tokens of text are wanted: by default n, twice as many for llama.cpp's form, which has more to repair, and
// of a text that is given twice as many again where there is time for refinement.
func (c *conversion) tokens(n int) int {
	switch {
	case c.opt.Tokens != 0:
		return c.opt.Tokens
	case c.opt.Refine > 0 && c.opt.Calibration != "":
		return 4 * n
	case c.opt.Compat != "":
		return 2 * n
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
