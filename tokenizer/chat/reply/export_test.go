package reply

// Markers returns the texts that a parser of the format looks for.
func (f *Format) Markers() []string { return f.marksOf(true) }
