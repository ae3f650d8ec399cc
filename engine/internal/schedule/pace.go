package schedule

import "time"

// pace says how many tokens of prompts go into a pass while sessions step, and how long its layers run between two
// passes of steps, from how long passes took.
//
// A session that streams beside a prompt gets its tokens between the layers of the prompt's passes. A layer is the least
// that runs between two of them, so a pass has as many tokens as let a layer take as long as a pass of steps.
type pace struct {
	steps    float64 // seconds of a pass of steps, smoothed; 0 when unknown
	chunk    float64 // tokens of a pass of prompts while sessions step; 0 when nothing was measured
	lastStep time.Time
	lastPass time.Duration // of steps
}

// Sessions that step count as being there for lull after their last one.
const (
	promptShare = 1.0 // time of layers of prompts beside that of steps
	firstChunk  = 16
	leastChunk  = 8
	lull        = 100 * time.Millisecond
)

// room returns how many of room rows prompts may have beside a number of waiting steps.
func (p *pace) room(room, steps int, now time.Time) int {
	if steps == 0 && now.Sub(p.lastStep) > lull {
		return room
	}
	if p.chunk == 0 {
		return min(room, firstChunk)
	}
	return min(room, int(p.chunk))
}

// slice returns how long layers of prompts run between two passes of steps; 1 ns, a layer, where that is unknown.
func (p *pace) slice() time.Duration {
	return max(1, time.Duration(promptShare*p.steps*float64(time.Second)))
}

// stepped notes a pass of steps.
func (p *pace) stepped(took time.Duration, end time.Time) {
	p.lastStep, p.lastPass = end, took
	smooth(&p.steps, p.lastPass.Seconds())
}

// prompted notes a pass of prompts, and how long its layers took.
func (p *pace) prompted(tokens int, took time.Duration, layers int) {
	if p.steps == 0 || took <= 0 {
		return
	}
	more := promptShare * p.steps / (took.Seconds() / float64(layers)) // a layer could take so many times as long
	p.chunk = max(leastChunk, float64(tokens)*min(max(more, 0.5), 1.5))
}

// smooth moves a mean towards a new value.
func smooth(mean *float64, x float64) {
	if *mean == 0 {
		*mean = x
	}
	*mean += (x - *mean) / 4
}
