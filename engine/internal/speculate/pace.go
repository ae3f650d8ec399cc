package speculate

// classes of guesses, by what speaks for them: see ClassOf.
const classes = 5

// Draft is the class of what a draft model guesses.
const Draft = classes - 1

// ClassOf returns the class of a guess of Lookup with so many matching tokens: 2, 3, 4 to 7, or more.
func ClassOf(match int) int {
	switch {
	case match < 4:
		return match - leastMatch
	case match < 8:
		return 2
	}
	return 3
}

// hopes are the probabilities that a guessed token is right, by class, before anything is known.
var hopes = [classes]float64{0.3, 0.5, 0.7, 0.9, 0.7}

const (
	learning  = 0.15 // by how much an outcome moves a probability
	forgiving = 0.01 // by how much it returns towards hopes when a class is left out
	firstCost = 0.4  // of a guess, in steps, before one was measured
	dearest   = 2.0  // steps that a guess, its making included, can take
	stall     = 4.0  // steps: what takes longer counts as that
	share     = 0.02 // of the time may be lost
	firstLoss = 2.0  // and so many steps at the beginning
	mostLoss  = 8.0  // and so many after guesses that were right
	rows      = 4    // kernels take so many at a time: three guesses cost little more than two
	measured  = 64   // passes after which step is measured again
)

// Pace decides how many tokens to guess. The zero value is not ready, see NewPace.
type Pace struct {
	right  [classes]float64 // probability that a token is right if those before it were
	step   float64          // seconds of a pass without guesses, smoothed; 0 when unknown
	guess  float64          // seconds that a guess adds, smoothed
	credit float64          // seconds that may be lost
	since  int              // passes since the last one without guesses
}

// NewPace returns a Pace that knows nothing yet.
func NewPace() *Pace { return &Pace{right: hopes} }

// Want returns how many of n guesses of a class are worth a check: as many as give the most tokens per second, if the
// time is there to be wrong.
func (p *Pace) Want(class, n int) int {
	if p.step == 0 || p.since >= measured {
		return 0 // a pass without guesses tells how long one takes
	}
	best, rate := 0, 1/p.step
	tokens, all := 1.0, 1.0
	for k := 1; k <= n; k++ {
		all *= p.right[class]
		tokens += all
		whole := k == n || (k+1)%rows == 0
		if r := tokens / (p.step + float64(k)*p.guess); whole && r > rate {
			best, rate = k, r
		}
	}
	if best == 0 {
		p.right[class] += forgiving * (hopes[class] - p.right[class])
		p.guess += forgiving * (firstCost*p.step - p.guess)
	}
	return max(0, min(best, int(p.credit/p.guess)))
}

// Passed notes that a pass with so many guesses took so many seconds, making them included.
func (p *Pace) Passed(guesses int, took float64) {
	if guesses == 0 {
		if p.step == 0 {
			p.credit, p.guess = firstLoss*took, firstCost*took
		} else {
			took = min(took, stall*p.step)
		}
		p.since = 0
		smooth(&p.step, took)
		p.earn(share * p.step)
		return
	}
	p.since++
	more := min(max(took-p.step, p.step/50), dearest*float64(guesses)*p.step) // somebody else may have had the processor
	p.Lost(more)
	smooth(&p.guess, more/float64(guesses))
}

// Lost notes that so many seconds went by for nothing.
func (p *Pace) Lost(seconds float64) { p.credit -= seconds }

// Settled notes how many of a pass's guesses were right.
func (p *Pace) Settled(class, guesses, right int) {
	for range right {
		p.right[class] += learning * (1 - p.right[class])
	}
	if right < guesses {
		p.right[class] -= learning * p.right[class]
	}
	p.earn(float64(right) * p.step)
}

func (p *Pace) earn(seconds float64) { p.credit = min(p.credit+seconds, mostLoss*p.step) }

// smooth moves a mean towards a new value.
func smooth(mean *float64, x float64) {
	if *mean == 0 {
		*mean = x
	}
	*mean += (x - *mean) / 8
}
