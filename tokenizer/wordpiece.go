package tokenizer

import "unicode"

// wordpiece is BERT's scheme as llama.cpp has it: the text is cut at white space, and around every punctuation mark,
// ASCII symbol and Chinese character; a word, with a U+2581 before it, is the longest token that it begins with, then
// the longest that the rest begins with, and so on. A word for which that leads nowhere is one unknown token.
type wordpiece struct {
	*vocab
	all   *trie
	unk   int32 // stands for a word without tokens; -1: such a word is dropped
	lower bool
	strip bool // accents
}

// loadWordPiece sets up WordPiece. Where no keys say otherwise, the special tokens are BERT's: [PAD] 0, [UNK] 100, [CLS]
// 101, [SEP] 102, [MASK] 103.
func (t *Tokenizer) loadWordPiece(md Metadata) (err error) {
	t.escape, t.tidy, t.addBOS, t.addSEP = true, true, true, true
	m := &wordpiece{vocab: t.vocab, all: newTrie(t.vocab, func(attr) bool { return true })}
	if m.lower, err = optBool(md, keyLowercase, true); err != nil {
		return err
	}
	if m.strip, err = optBool(md, keyAccents, m.lower); err != nil {
		return err
	}
	t.specials, err = loadSpecials(md, t.vocab, map[role]int32{roleBOS: 101, roleUnknown: 100, roleSeparator: 102, rolePad: 0, roleMask: 103})
	if err != nil {
		return err
	}
	m.unk = t.role[roleUnknown]
	t.warnMissing(roleBOS, keyBOS, "nothing begins a text")
	t.warnMissing(roleSeparator, keySeparator, "nothing ends a text")
	t.warnMissing(roleUnknown, keyUnknown, "words without tokens are dropped")
	t.encoder = m
	return nil
}

// warnMissing notes that a special token which a scheme needs does not exist.
func (t *Tokenizer) warnMissing(r role, key, so string) {
	if t.role[r] < 0 {
		t.warnings.add(key+": the vocabulary has no such token: %s", so)
	}
}

// encode implements encoder. Bytes that are not UTF-8, controls and formats are dropped.
func (m *wordpiece) encode(dst []int32, s *scratch, text string) []int32 {
	table := classes()
	s.buf = append(s.buf[:0], spaceMark...)
	flush := func() {
		if len(s.buf) > len(spaceMark) {
			dst = m.word(dst, s, string(s.buf))
			s.buf = s.buf[:len(spaceMark)]
		}
	}
	for len(text) > 0 {
		r, n := decodeLax(text)
		text = text[n:]
		if m.strip {
			r = nfdFirst(r)
		}
		c := table.of(r)
		switch {
		case c&cWhite != 0:
			flush()
			continue
		case r == 0 || r == unicode.ReplacementChar || c&cControl != 0 || m.strip && c&cMark != 0:
			continue
		}
		alone := c&cPunct != 0 || r < 0x7F && c&cSymbol != 0 || chinese(r)
		if m.lower && c&cOther == 0 { // nor what a later Unicode than 15.1 lowers
			r = unicode.ToLower(r)
		}
		if alone {
			flush()
		}
		s.buf = appendLax(s.buf, r)
		if alone {
			flush()
		}
	}
	flush()
	return dst
}

// word appends the tokens of a word that begins with U+2581.
func (m *wordpiece) word(dst []int32, s *scratch, word string) []int32 {
	slot, found := s.cache.slot(word)
	if found {
		return append(dst, slot.ids[:slot.n]...)
	}
	start := len(dst)
	for at := 0; at < len(word); {
		id, n := m.all.longest(word[at:])
		if n == 0 {
			dst = dst[:start]
			break
		}
		dst = append(dst, id)
		at += n
	}
	if len(dst) == start && m.unk >= 0 {
		dst = append(dst, m.unk)
	}
	slot.put(word, dst[start:])
	return dst
}

// chinese reports whether BERT takes a code point as a word of its own. The gap in the fifth range is Hugging Face's.
func chinese(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0x3400 <= r && r <= 0x4DBF || 0x20000 <= r && r <= 0x2A6DF ||
		0x2A700 <= r && r <= 0x2B73F || 0x2B740 <= r && r <= 0x2B81F || 0x2B920 <= r && r <= 0x2CEAF ||
		0xF900 <= r && r <= 0xFAFF || 0x2F800 <= r && r <= 0x2FA1F
}
