package schedule

import (
	"testing"
	"time"
)

// Beside a session that steps, passes of prompts become as large as lets a layer take as long as a step, whatever a pass
// costs beside its tokens.
func TestPace(t *testing.T) {
	const layers, step = 20, 10 * time.Millisecond
	for _, fixed := range []time.Duration{0, 3 * time.Millisecond} {
		layer := func(tokens int) time.Duration { return fixed + time.Duration(tokens)*100*time.Microsecond }
		var p pace
		now := time.Now()
		if n := p.room(512, 0, now); n != 512 {
			t.Errorf("with nobody beside, %d rows", n)
		}
		if p.slice() <= 0 {
			t.Error("an unbounded slice before the first step")
		}
		var n int
		for range 20 {
			now = now.Add(step)
			p.stepped(step, now)
			n = p.room(512, 1, now)
			p.prompted(n, layers*layer(n), layers)
		}
		if took := layer(n); took < step*8/10 || took > step*11/10 {
			t.Errorf("%v and 100 µs a token: %d tokens, whose layers take %v; a step takes %v", fixed, n, took, step)
		}
		if s := p.slice(); s < step*9/10 || s > step*11/10 {
			t.Errorf("layers run for %v between steps of %v", s, step)
		}
		if n := p.room(512, 0, now.Add(2*lull)); n != 512 {
			t.Errorf("a while after the last step, %d rows", n)
		}
	}
}
