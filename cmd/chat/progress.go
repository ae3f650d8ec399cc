package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/internal/models"
)

// Units of a progress bar.
const (
	inBytes  = "bytes"
	inTokens = "tokens"
	inLayers = "layers"
	inSteps  = "steps"
)

// newBar makes a progress bar with rate and time left; total -1, unknown, is a
// spinner. It is invisible unless w is a terminal,
// and leaves nothing behind.
func newBar(w io.Writer, total int64, what, unit string) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetVisibility(isTerminal(w)),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // or a goroutine would go on drawing
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionSetWidth(20),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionUseANSICodes(true),
	}
	switch unit {
	case inBytes:
		options = append(options, progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true))
	case inLayers, inSteps:
		options = append(options, progressbar.OptionShowCount())
	case inTokens:
		options = append(options, progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit))
	}
	return progressbar.NewOptions64(total, options...)
}

// transferBar shows the reports of a models.Fetch on a terminal: a bar while bytes move, else a line that says what
// is being waited for.
type transferBar struct {
	w    io.Writer
	bar  *progressbar.ProgressBar
	base int64 // bytes that an earlier run brought: they do not count, or rate and time left would be wrong
	line bool  // a line is on the screen
	step models.Step
	file string
}

// newTransferBar makes a bar that shows nothing before the first report.
func newTransferBar(w io.Writer) *transferBar { return &transferBar{w: w} }

// report implements models.Options.Progress.
func (t *transferBar) report(p models.Progress) {
	if p.Step == models.StepKept { // worth a line that stays
		t.clear()
		_, _ = fmt.Fprintf(t.w, "chat: %s is taken from the cache as it is: %s\n", human.Line(p.File), human.Line(p.Source))
		return
	}
	if !isTerminal(t.w) {
		return
	}
	if p.Step != t.step || p.File != t.file {
		t.clear()
		t.step, t.file = p.Step, p.File
		t.start(p)
	}
	if t.bar != nil {
		_ = t.bar.Set64(p.Done - t.base)
	}
}

// start shows a new step.
func (t *transferBar) start(p models.Progress) {
	if p.Step != models.StepDownload && p.Step != models.StepUnpack {
		_, _ = io.WriteString(t.w, label(p))
		t.line = true
		return
	}
	what, total := label(p), p.Total
	if t.base = max(p.Done-1<<20, 0); t.base > 0 {
		what = fmt.Sprintf("%s, from %s on,", what, human.Size(t.base))
	}
	if total <= 0 {
		total = t.base - 1 // unknown
	}
	t.bar = newBar(t.w, total-t.base, what, inBytes)
	t.bar.StartWithoutRender()
}

// clear removes what is shown from the screen.
func (t *transferBar) clear() {
	if t.bar != nil {
		_ = t.bar.Clear()
		t.bar = nil
	}
	if t.line {
		_, _ = io.WriteString(t.w, "\r\x1b[K")
		t.line = false
	}
}

// label says what is going on.
func label(p models.Progress) string {
	switch p.Step {
	case models.StepWait:
		return "another process fetches " + p.File
	case models.StepConnect:
		return "asking " + p.Source + " for " + p.File
	case models.StepRetry:
		return "trying again: " + p.Source
	case models.StepUnpack:
		return "unpacking " + p.File
	case models.StepVerify:
		return "checking " + p.File
	}
	return p.File + " from " + p.Source
}

// convertBar shows the reports of a conversion on a terminal: a bar for each stage. Warnings are lines of their own, on
// a terminal or not.
type convertBar struct {
	a     *app
	mu    sync.Mutex // reports come from another goroutine than clear
	bar   *progressbar.ProgressBar
	stage string
	gone  bool
}

// newConvertBar makes a bar that shows nothing before the first report.
func newConvertBar(a *app) *convertBar { return &convertBar{a: a} }

// report implements engine.ConvertOptions.Progress.
func (b *convertBar) report(p engine.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return
	}
	if p.Warning != "" {
		b.remove()
		b.a.note("chat: %s", p.Warning)
		return
	}
	if p.Stage != b.stage {
		b.remove()
		b.stage = p.Stage
		b.bar = newBar(b.a.stderr, p.Total, "compressing: "+p.Stage, stageUnit(p.Stage))
	}
	_ = b.bar.Set64(p.Done)
}

// stageUnit is what the numbers of a stage count.
func stageUnit(stage string) string {
	switch stage {
	case engine.StageLayers:
		return inLayers
	case engine.StageRefine:
		return inSteps
	case engine.StageSave:
		return inBytes
	}
	return inTokens
}

// remove takes the bar off the screen.
func (b *convertBar) remove() {
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar, b.stage = nil, ""
	}
}

// clear removes what is shown, for good.
func (b *convertBar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.remove()
	b.gone = true
}
