package grammar

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
)

// Limits of an automaton.
const (
	// maxSteps bounds what one call may do, in nodes visited: some 100 ms.
	maxSteps = 400_000
	// maxItems bounds the places that a text may have reached at the same time.
	maxItems = 20_000
	// maxBytes is how much memory states and token tables may take before they are dropped and made anew.
	maxBytes = 48 << 20
)

// cont says how a text may go on after a rule: in the places of any frame, or not at all. Equal ones are the same
// pointer.
//
// All ways to have come here share one cont: frames that differ in nothing but what comes after them are one frame. So
// a text that can be read in very many ways is still followed in few steps.
type cont struct {
	id     uint32
	depth  int32
	ends   bool // the text may end here
	frames []frame
	round  uint32 // of the closure that went on behind it last
	after  *state // where the text is when the rule has ended; nil as long as nobody asked
}

// frame is a place that follows a call.
type frame struct {
	node  int32
	count int32 // for nodeCount: how often its rule has been
	next  *cont // after the rule that the place belongs to
}

// item is a place that a text has reached: a node of bytes or a token.
type item struct {
	node int32
	cont *cont
}

// state is all places that a text has reached. Equal ones are the same pointer.
type state struct {
	id     uint32
	epoch  uint32
	final  bool // the text may end here
	tokens bool // some items are tokens
	items  []item
	next   []*state                 // by class of the byte; nil is not known yet, deadState no way on
	mask   atomic.Pointer[[]uint64] // tokens allowed; nil as long as nobody asked
	loop   *loop                    // the same for a counted rule that comes again and again
	lead   *lead                    // nil as long as nobody asked
	run    *run                     // nil as long as nobody asked
	inner  *inner                   // the same without what follows the rule; for states whose items all have bottom
}

// deadState is where no text goes.
var deadState = &state{}

// automaton follows texts through a program. Its states are made when a text first reaches them.
type automaton struct {
	*program
	ids []int32 // of program.tokens in the vocabulary; −1 none

	mu     sync.Mutex
	epoch  uint32
	states map[string]*state
	conts  map[string]*cont
	unions map[[2]*cont]*cont
	bottom *cont // the text ends
	nextID uint32
	bytes  int // estimate of what the maps hold
	steps  int // of the call under way

	key []byte
	cl  closure
}

func newAutomaton(p *program, ids []int32) *automaton {
	a := &automaton{program: p, ids: ids}
	a.cl.init(a)
	a.reset()
	return a
}

// reset forgets all states. Those that matchers hold stay valid: they are entered again when they are used.
func (a *automaton) reset() {
	a.epoch++
	a.states, a.conts, a.unions = map[string]*state{}, map[string]*cont{}, map[[2]*cont]*cont{}
	a.bytes = 0
	a.bottom = a.cont(true, nil)
}

// begin starts a call: it may take maxSteps.
func (a *automaton) begin() {
	a.steps = maxSteps
	if a.bytes > maxBytes {
		a.reset()
	}
}

// spend counts a step.
func (a *automaton) spend(n int) error {
	if a.steps -= n; a.steps < 0 {
		return fmt.Errorf("%w: the text can be read in too many ways", ErrLimit)
	}
	return nil
}

// start is the state before the first byte; nil for a grammar without texts.
func (a *automaton) start() (*state, error) {
	a.cl.clear()
	a.cl.call(a.root, a.bottom)
	if a.nullable[a.root] {
		a.cl.final = true
	}
	return a.cl.state()
}

// step returns where a byte leads, nil for nowhere.
func (a *automaton) step(s *state, b byte) (*state, error) {
	to, err := a.follow(s, a.classOf[b])
	if to == deadState {
		to = nil
	}
	return to, err
}

// follow returns where the bytes of a class lead.
func (a *automaton) follow(s *state, class uint8) (*state, error) {
	if s.next == nil {
		s.next = make([]*state, len(a.members))
		a.bytes += 8 * len(a.members)
	}
	if to := s.next[class]; to != nil {
		return to, nil
	}
	b := a.members[class]
	a.cl.clear()
	for _, it := range a.current(s).items {
		if n := &a.nodes[it.node]; n.kind == nodeBytes && n.lo <= b && b <= n.hi {
			a.cl.reach(n.out, 0, it.cont)
		}
	}
	to, err := a.cl.state()
	if err != nil {
		return nil, err
	}
	if to == nil {
		to = deadState
	}
	s.next[class] = to
	return to, nil
}

// current returns a state of this epoch that equals s.
func (a *automaton) current(s *state) *state {
	if s.epoch == a.epoch {
		return s
	}
	moved := map[*cont]*cont{}
	items := make([]item, len(s.items))
	for i, it := range s.items {
		items[i] = item{it.node, a.move(it.cont, moved)}
	}
	return a.intern(items, s.final)
}

// move enters a cont of an earlier epoch.
func (a *automaton) move(k *cont, moved map[*cont]*cont) *cont {
	if to := moved[k]; to != nil {
		return to
	}
	frames := make([]frame, len(k.frames))
	for i, f := range k.frames {
		frames[i] = frame{f.node, f.count, a.move(f.next, moved)}
	}
	to := a.cont(k.ends, frames)
	moved[k] = to
	return to
}

// intern returns the state with the items, which are sorted by node.
func (a *automaton) intern(items []item, final bool) *state {
	key := append(a.key[:0], b2u(final))
	for _, it := range items {
		key = binary.LittleEndian.AppendUint32(key, uint32(it.node))
		key = binary.LittleEndian.AppendUint32(key, it.cont.id)
	}
	a.key = key
	if s := a.states[string(key)]; s != nil {
		return s
	}
	a.nextID++
	s := &state{id: a.nextID, epoch: a.epoch, final: final, items: append([]item(nil), items...)}
	for _, it := range items {
		s.tokens = s.tokens || a.nodes[it.node].kind == nodeToken
	}
	a.states[string(key)] = s
	a.bytes += 200 + 2*len(key) + 16*len(items)
	return s
}

// cont returns the one with the frames, which are sorted by node and count.
func (a *automaton) cont(ends bool, frames []frame) *cont {
	key := append(a.key[:0], b2u(ends))
	depth := int32(0)
	for _, f := range frames {
		key = binary.LittleEndian.AppendUint32(key, uint32(f.node))
		key = binary.LittleEndian.AppendUint32(key, uint32(f.count))
		key = binary.LittleEndian.AppendUint32(key, f.next.id)
		depth = max(depth, f.next.depth+1)
	}
	a.key = key
	if k := a.conts[string(key)]; k != nil {
		return k
	}
	a.nextID++
	k := &cont{id: a.nextID, depth: depth, ends: ends, frames: append([]frame(nil), frames...)}
	a.conts[string(key)] = k
	a.bytes += 200 + 2*len(key) + 24*len(frames)
	return k
}

// push returns k with a place before it.
func (a *automaton) push(node, count int32, k *cont) *cont {
	return a.cont(false, []frame{{node, count, k}})
}

// union returns what may follow in x or in y.
func (a *automaton) union(x, y *cont) (*cont, error) {
	if x == y {
		return x, nil
	}
	if x.id > y.id {
		x, y = y, x
	}
	if k := a.unions[[2]*cont{x, y}]; k != nil {
		return k, nil
	}
	if err := a.spend(len(x.frames) + len(y.frames)); err != nil {
		return nil, err
	}
	frames := make([]frame, 0, len(x.frames)+len(y.frames))
	i, j := 0, 0
	for i < len(x.frames) || j < len(y.frames) {
		switch order(x.frames[i:], y.frames[j:]) {
		case -1:
			frames = append(frames, x.frames[i])
			i++
		case 1:
			frames = append(frames, y.frames[j])
			j++
		default:
			next, err := a.union(x.frames[i].next, y.frames[j].next)
			if err != nil {
				return nil, err
			}
			frames = append(frames, frame{x.frames[i].node, x.frames[i].count, next})
			i, j = i+1, j+1
		}
	}
	k := a.cont(x.ends || y.ends, frames)
	a.unions[[2]*cont{x, y}] = k
	a.bytes += 64
	return k, nil
}

// order compares the first frames of two lists, of which one may be empty.
func order(x, y []frame) int {
	switch {
	case len(y) == 0:
		return -1
	case len(x) == 0:
		return 1
	case x[0].node != y[0].node:
		return less(x[0].node, y[0].node)
	case x[0].count != y[0].count:
		return less(x[0].count, y[0].count)
	}
	return 0
}

func less(x, y int32) int {
	if x < y {
		return -1
	}
	return 1
}

func b2u(b bool) byte {
	if b {
		return 1
	}
	return 0
}
