package schedule

import "time"

// pace says how many tokens of prompts go beside steps, from how long passes took.
type pace struct {
	steps    float64 // seconds of a pass of steps alone, smoothed; 0 when unknown
	token    float64 // seconds of a prompt's token beside steps, smoothed; 0 when unknown
	lastStep time.Time
	lastPass time.Duration
}

// A pass with steps takes about 1 + promptShare times as long as one of steps alone. Sessions that step count as being
// there for lull after their last one.
const (
	promptShare = 1.0
	firstChunk  = 16
	leastChunk  = 4
	lull        = 100 * time.Millisecond
)

// room returns how many of room rows prompts may have beside a number of steps.
func (p *pace) room(room, steps int, now time.Time) int {
	if steps == 0 && now.Sub(p.lastStep) > lull {
		return room
	}
	n := firstChunk
	if p.steps > 0 && p.token > 0 {
		n = max(leastChunk, int(promptShare*p.steps/p.token))
	}
	return min(room, n)
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
	t := took.Seconds()
	switch {
	case steps > 0 && tokens == 0:
		smooth(&p.steps, t)
	case steps > 0 && p.steps > 0:
		smooth(&p.token, max(t-p.steps, t/8)/float64(tokens))
	case steps == 0:
		smooth(&p.token, t/float64(tokens))
	}
	if steps > 0 {
		p.lastStep = end
	}
}

// smooth moves a mean towards a new value.
func smooth(mean *float64, x float64) {
	if *mean == 0 {
		*mean = x
	}
	*mean += (x - *mean) / 4
}
