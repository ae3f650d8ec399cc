package schedule

import "time"

// pace says how many tokens of prompts go beside steps, and when, from how long passes took.
//
// A pass with prompts has costs of its own, whatever they are long: weights are unpacked for it, and a prompt attends to
// all before it. So prompts go in some passes only, of up to mostPass times a pass of steps alone, and wait in others
// until the mean is back at 1 + promptShare times.
type pace struct {
	steps    float64 // seconds of a pass of steps alone, smoothed; 0 when unknown
	chunk    float64 // tokens of prompts beside steps; 0 when nothing was measured
	debt     float64 // seconds that passes took beyond their share
	lastStep time.Time
	lastPass time.Duration
}

// Sessions that step count as being there for lull after their last one.
const (
	promptShare = 1.0
	mostPass    = 4.5
	firstChunk  = 16
	leastChunk  = 4
	lull        = 100 * time.Millisecond
)

// room returns how many of room rows prompts may have beside a number of steps; 0: they wait.
func (p *pace) room(room, steps int, now time.Time) int {
	switch {
	case steps == 0 && now.Sub(p.lastStep) > lull:
		return room
	case steps > 0 && p.debt > 0:
		return 0
	case p.chunk == 0:
		return min(room, firstChunk)
	}
	return min(room, max(int(p.chunk), leastChunk))
}

// measure notes how long a pass took.
func (p *pace) measure(members []member, took time.Duration, end time.Time) {
	p.lastPass = took
	steps, tokens := 0, 0
	for _, m := range members {
		if m.c.step() {
			steps++
		} else {
			tokens += m.n
		}
	}
	if steps == 0 {
		return
	}
	p.lastStep = end
	t := took.Seconds()
	if tokens == 0 {
		smooth(&p.steps, t)
		p.debt = max(0, p.debt-promptShare*p.steps)
		return
	}
	if p.steps == 0 {
		return
	}
	p.debt += t - (1+promptShare)*p.steps
	p.chunk = max(leastChunk, float64(tokens)*min(max(mostPass*p.steps/t, 0.5), 1.5))
}

// smooth moves a mean towards a new value.
func smooth(mean *float64, x float64) {
	if *mean == 0 {
		*mean = x
	}
	*mean += (x - *mean) / 4
}
