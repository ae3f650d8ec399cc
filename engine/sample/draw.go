package sample

import "math/rand/v2"

// The streams of random numbers that one seed gives, so that XTC on or off does not change what the draw gets.
const (
	streamDraw = 0x6c6174656e74676f // "latentgo"
	streamXTC  = streamDraw + 1
)

// random is math/rand/v2's PCG-DXSM with the seed in its upper and the stream in its lower 64 bits of state. Numbers in
// [0, 1) are the upper 53 bits of an output times 2^−53.
type random struct{ pcg rand.PCG }

func (r *random) reseed(seed, stream uint64) { r.pcg.Seed(seed, stream) }

func (r *random) float64() float64 { return float64(r.pcg.Uint64()>>11) * 0x1p-53 }

// distribution draws a candidate by its probability.
type distribution struct{ random random }

func (d *distribution) name() string { return "draw" }

func (d *distribution) reseed(seed uint64) { d.random.reseed(seed, streamDraw) }

// pick returns the drawn token, or None if there is no candidate.
func (d *distribution) pick(c *candidates) int32 {
	c.softmax()
	i := c.draw(d.random.float64())
	if i < 0 {
		return None
	}
	return c.list[i].id
}

// draw returns the index of the first candidate at which the running sum of probabilities exceeds u in [0, 1), −1 if
// there is none. If rounding leaves the sum at or below u, it is the last candidate with a probability above 0.
func (c *candidates) draw(u float64) int {
	sum, last := 0.0, -1
	for i := range c.list {
		if p := c.list[i].p; p > 0 {
			sum += p
			last = i
			if sum > u {
				break
			}
		}
	}
	return last
}
