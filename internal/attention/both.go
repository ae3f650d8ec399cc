package attention

// AttendBoth makes tokens attend to those behind them too, before the layer is used: each of a segment to all of it, or
// with a window of n to the n-1 tokens on either side. A segment is a sequence as a whole then.
func (l *Layer) AttendBoth() { l.both = true }

// last returns the position behind the last one that a token at pos attends to in a segment that ends before end.
func (l *Layer) last(pos, end int) int {
	switch {
	case !l.both:
		return pos + 1
	case l.Window == 0:
		return end
	}
	return min(pos+l.Window, end)
}
