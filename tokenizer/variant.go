package tokenizer

import (
	"strings"
	"unicode"
)

// Two models are byte pair encoding with something before it.

// variant returns the encoder of a model over m. A "hybriddna" vocabulary without the tokens for DNA is plain
// byte-level BPE.
func variant(md Metadata, model string, m *bpe) (encoder, error) {
	switch model {
	case "whitespace":
		lower, err := optBool(md, keyLowercase, m.pre.names != "whitespace")
		return &worded{m, lower}, err
	case "hybriddna":
		d := &dna{bpe: m, open: m.id(dnaOpen), close: m.id(dnaClose), unknown: m.id("<oov>")}
		d.unmark()
		if d.open < 0 || d.close < 0 || d.unknown < 0 {
			return m, nil
		}
		return d, nil
	}
	return m, nil
}

// worded drops all white space and encodes each word alone, in lower case if asked for.
type worded struct {
	*bpe
	lower bool
}

// encode implements encoder.
func (w *worded) encode(dst []int32, s *scratch, text string) []int32 {
	table := classes()
	var word []byte
	flush := func() {
		if len(word) > 0 {
			dst = w.bpe.encode(dst, s, string(word))
			word = word[:0]
		}
	}
	for len(text) > 0 {
		r, n := decodeLax(text)
		text = text[n:]
		switch {
		case table.of(r)&cWhite != 0:
			flush()
		case w.lower:
			word = appendLax(word, unicode.ToLower(r))
		default:
			word = appendLax(word, r)
		}
	}
	flush()
	return dst
}

// Texts that begin and end a DNA sequence; the vocabulary marks its k-mers with dnaMark so that they differ from words.
const (
	dnaOpen  = "<dna>"
	dnaClose = "</dna>"
	dnaMark  = "\uE000"
	dnaSize  = 6 // bases of a k-mer
)

// dna encodes what is between <dna> and </dna> in k-mers of six bases, the last one filled up with A.
type dna struct {
	*bpe
	open, close, unknown int32 // <dna>, </dna>, <oov>: the last one stands for a k-mer with other letters than A, C, G, T
}

// encode implements encoder. A sequence that is not closed reaches to the end of the text.
func (d *dna) encode(dst []int32, s *scratch, text string) []int32 {
	for text != "" {
		before, rest, found := strings.Cut(text, dnaOpen)
		if before != "" {
			dst = d.bpe.encode(dst, s, before)
		}
		if !found {
			break
		}
		seq, after, closed := strings.Cut(rest, dnaClose)
		dst = d.bases(append(dst, d.open), seq)
		if closed {
			dst = append(dst, d.close)
		}
		text = after
	}
	return dst
}

// bases encodes a sequence; letters are taken as capitals.
func (d *dna) bases(dst []int32, seq string) []int32 {
	for len(seq) > 0 {
		n := min(len(seq), dnaSize)
		kmer := []byte(seq[:n] + "AAAAAA"[n:] + dnaMark)
		for i, c := range kmer[:n] {
			if 'a' <= c && c <= 'z' {
				kmer[i] = c - 'a' + 'A'
			}
		}
		seq = seq[n:]
		id := d.idBytes(kmer)
		if id < 0 {
			id = d.unknown
		}
		dst = append(dst, id)
	}
	return dst
}

// unmark removes dnaMark from the texts of the k-mers, which follow <oov>; they are still found by their marked texts.
func (d *dna) unmark() {
	if d.unknown < 0 {
		return
	}
	for i, text := range d.tokens[d.unknown+1:] {
		if kmer, marked := strings.CutSuffix(text, dnaMark); marked && kmer != "" {
			d.tokens[int(d.unknown)+1+i] = kmer
		}
	}
}
