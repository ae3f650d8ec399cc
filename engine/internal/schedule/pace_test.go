package schedule

import (
	"testing"
	"time"
)

// Beside a session that steps, prompts wait until the mean pass is twice as long as a step's, and passes with prompts
// become so long that they are worth what they cost.
func TestPace(t *testing.T) {
	step, prompt := NewClient(), NewClient()
	prompt.Prompt = true
	cost := func(tokens int) time.Duration { // of a pass with a step, whose own is 10 ms
		if tokens == 0 {
			return 10 * time.Millisecond
		}
		return 30*time.Millisecond + time.Duration(tokens)*time.Millisecond
	}
	var p pace
	now, total, longest, passes, done := time.Now(), time.Duration(0), time.Duration(0), 0, 0
	p.measure([]member{{c: step, n: 1}}, cost(0), now)
	for done < 2000 {
		n := p.room(512, 1, now)
		members, took := []member{{c: step, n: 1}}, cost(n)
		if n > 0 {
			members = append(members, member{c: prompt, n: n})
		}
		now = now.Add(took)
		p.measure(members, took, now)
		total, passes, done = total+took, passes+1, done+n
		if passes > 20 {
			longest = max(longest, took)
		}
		if passes > 100000 {
			t.Fatalf("%d tokens of a prompt after %d passes", done, passes)
		}
	}
	if mean := total / time.Duration(passes); mean > 21*time.Millisecond || longest > 50*time.Millisecond {
		t.Errorf("passes take %v on average, %v at most, where a step takes 10 ms", mean, longest)
	}
	if n := p.room(512, 0, now.Add(2*lull)); n != 512 {
		t.Errorf("with nobody beside, %d rows", n)
	}
}
