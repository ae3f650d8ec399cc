package jinja

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// text is a string value that knows which of its bytes came from the caller.
//
// Bytes are followed, not decisions: a constant of the template that is chosen by a test on the caller's text stays the
// template's.
type text struct {
	s    string
	src  *source // nil: all bytes are the template's
	html bool    // marked as HTML by safe, escape or autoescape
}

// source tells which bytes of a text are the caller's.
type source struct {
	spans []span // ascending, neither empty nor touching; not used by allCaller
}

// span is the bytes [lo,hi) of a text.
type span struct{ lo, hi int }

// within yields the parts of the spans that lie in [lo,hi).
func (src *source) within(lo, hi int) iter.Seq[span] {
	return func(yield func(span) bool) {
		i, _ := slices.BinarySearchFunc(src.spans, lo+1, func(sp span, x int) int { return cmp.Compare(sp.hi, x) })
		for ; i < len(src.spans) && src.spans[i].lo < hi; i++ {
			if !yield(span{max(src.spans[i].lo, lo), min(src.spans[i].hi, hi)}) {
				return
			}
		}
	}
}

// allCaller is the source of texts that are the caller's from end to end.
var allCaller = &source{}

// own returns a text of the template.
func own(s string) text { return text{s: s} }

// callerText returns a text from outside.
func callerText(s string) text { return text{s: s, src: allCaller} }

// like returns a text that is the caller's as a whole if t has any byte of the caller's, for operations that give up
// which byte comes from where.
func (t text) like(s string) text {
	if t.src != nil {
		return text{s: s, src: allCaller, html: t.html}
	}
	return text{s: s, html: t.html}
}

// cut returns the bytes [lo,hi) with their sources.
func (t text) cut(lo, hi int) text {
	if lo == 0 && hi == len(t.s) {
		return t
	}
	out := text{s: t.s[lo:hi], src: t.src, html: t.html}
	if t.src == nil || t.src == allCaller {
		return out
	}
	var spans []span
	for sp := range t.src.within(lo, hi) {
		spans = append(spans, span{sp.lo - lo, sp.hi - lo})
	}
	out.src = sourceOf(spans, hi-lo)
	return out
}

// sourceOf returns the shortest form of the spans of a text of n bytes.
func sourceOf(spans []span, n int) *source {
	switch {
	case len(spans) == 0:
		return nil
	case len(spans) == 1 && spans[0] == span{0, n}:
		return allCaller
	}
	return &source{spans}
}

// pieces calls f for the longest runs of bytes of one origin in [lo,hi), in order.
func (t text) pieces(lo, hi int, f func(s string, caller bool)) {
	if lo >= hi {
		return
	}
	if t.src == nil || t.src == allCaller {
		f(t.s[lo:hi], t.src != nil)
		return
	}
	at := lo
	for sp := range t.src.within(lo, hi) {
		if at < sp.lo {
			f(t.s[at:sp.lo], false)
		}
		f(t.s[sp.lo:sp.hi], true)
		at = sp.hi
	}
	if at < hi {
		f(t.s[at:hi], false)
	}
}

// size returns the bytes that the text takes with its spans, for the budget.
func (t text) size() int {
	if t.src == nil {
		return len(t.s)
	}
	return len(t.s) + 16*len(t.src.spans)
}

// spans returns the number of spans, at least.
func (t text) spans() int {
	switch t.src {
	case nil:
		return 0
	case allCaller:
		return 1
	}
	return len(t.src.spans)
}

// runes returns the number of characters.
func (t text) runes() int { return utf8.RuneCountInString(t.s) }

// builder makes a text piece by piece.
type builder struct {
	strings.Builder
	spans []span
}

// own appends text of the template.
func (b *builder) own(s string) { b.WriteString(s) }

// piece appends bytes of one origin.
func (b *builder) piece(s string, caller bool) {
	if caller && s != "" {
		b.mark(b.Len(), b.Len()+len(s))
	}
	b.WriteString(s)
}

// mark notes that the bytes [lo,hi), which are being appended, are the caller's.
func (b *builder) mark(lo, hi int) {
	if n := len(b.spans); n > 0 && b.spans[n-1].hi == lo {
		b.spans[n-1].hi = hi
		return
	}
	b.spans = append(b.spans, span{lo, hi})
}

// add appends a text.
func (b *builder) add(t text) { b.cut(t, 0, len(t.s)) }

// cut appends the bytes [lo,hi) of a text.
func (b *builder) cut(t text, lo, hi int) {
	if lo < hi {
		b.note(t, lo, hi, b.Len())
		b.WriteString(t.s[lo:hi])
	}
}

// note marks what of the bytes [lo,hi) of t is the caller's; they come to stand at the offset at.
func (b *builder) note(t text, lo, hi, at int) {
	switch t.src {
	case nil:
	case allCaller:
		b.mark(at, at+hi-lo)
	default:
		for sp := range t.src.within(lo, hi) {
			b.mark(at+sp.lo-lo, at+sp.hi-lo)
		}
	}
}

// text returns what was appended.
func (b *builder) text() text {
	s := b.String()
	return text{s: s, src: sourceOf(b.spans, len(s))}
}

// concat returns a followed by b.
func (r *run) concat(a, b text) text {
	r.spend(a.size() + b.size())
	if a.src == nil && b.src == nil || a.src == allCaller && b.src == allCaller {
		return text{s: a.s + b.s, src: a.src, html: a.html}
	}
	if a.s == "" || b.s == "" {
		t := a
		if a.s == "" {
			t = b
		}
		return text{s: t.s, src: t.src, html: a.html}
	}
	out := builder{spans: make([]span, 0, a.spans()+b.spans())}
	out.note(a, 0, len(a.s), 0)
	out.note(b, 0, len(b.s), len(a.s))
	return text{s: a.s + b.s, src: sourceOf(out.spans, len(a.s)+len(b.s)), html: a.html}
}

// mapRunes replaces each character by what f returns for it, which takes the character's origin; at is its offset.
func (r *run) mapRunes(t text, f func(at int, c rune) string) text {
	r.spend(2 * t.size())
	r.step(len(t.s) >> 3)
	var b builder
	b.Grow(len(t.s))
	at := 0
	t.pieces(0, len(t.s), func(s string, caller bool) {
		for i, c := range s {
			b.piece(f(at+i, c), caller)
		}
		at += len(s)
	})
	out := b.text()
	out.html = t.html
	return out
}
