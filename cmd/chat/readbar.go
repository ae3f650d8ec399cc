package main

import (
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// readBarDelay is how long reading takes before it shows: what the system holds in memory needs no bar.
const readBarDelay = 300 * time.Millisecond

// readBar shows on a terminal how much of a model has been read from the disk.
type readBar struct {
	w io.Writer

	mu    sync.Mutex // reports come from another goroutine than clear
	bar   *progressbar.ProgressBar
	total int64
	begun time.Time
}

// start says that reading begins.
func (b *readBar) start(total int64) { b.total, b.begun = total, time.Now() }

// report implements gguf.File.Prefetch's function.
func (b *readBar) report(done int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar == nil && time.Since(b.begun) > readBarDelay {
		b.bar = newBar(b.w, b.total, "reading the model", inBytes)
	}
	if b.bar != nil {
		_ = b.bar.Set64(done)
	}
}

// shown reports whether the bar is on the screen.
func (b *readBar) shown() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bar != nil
}

// clear takes the bar off the screen.
func (b *readBar) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar = nil
	}
}
