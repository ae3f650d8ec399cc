package tokenizer

import (
	"fmt"
	"sync"
)

// Tokenizer turns text into tokens and back. It does not change after New and may be used by several goroutines at
// once.
type Tokenizer struct {
	*vocab
	*specials
	model    string // tokenizer.ggml.model
	pre      string // tokenizer.ggml.pre, or the default
	encoder  encoder
	printed  bool // tokens spell bytes as printable characters
	escape   bool // tokens have U+2581 for a space
	prefix   bool // tokenizer.ggml.add_space_prefix
	tidy     bool // Decode may remove spaces
	addBOS   bool
	addEOS   bool
	addSEP   bool    // between two texts
	first    int32   // what AddSpecial puts before a text, or noToken
	last     int32   // what it puts behind
	suppress []int32 // tokens that must not be sampled

	all, user *trie     // tokens found in text with and without ParseSpecial
	pool      sync.Pool // of *scratch
}

// encoder is a tokeniser without special tokens: it appends the tokens of a text (not empty).
type encoder interface {
	encode(dst []int32, s *scratch, text string) []int32
}

// EncodeOptions says what Encode does besides encoding plain text. The zero value is for text from users.
type EncodeOptions struct {
	// AddSpecial puts BOS before and EOS behind the tokens if the vocabulary wants them (AddBOS, AddEOS), even where
	// the text has them already. BERT's are called [CLS] and [SEP].
	AddSpecial bool

	// ParseSpecial turns the texts of control tokens, such as <|im_end|>, into these tokens. Never set it for text from
	// outside: it lets the text pretend to be another speaker. User-defined tokens are always found.
	ParseSpecial bool

	// Plain are the parts of the text that came from outside, ascending and apart from each other. With ParseSpecial,
	// tokens that steer the model are found only where no byte of them lies in these: control tokens, tokens that end
	// an answer, and user-defined ones of the form <|…|>. All else is as if the text had one author: words go across
	// the borders.
	Plain []Range

	rest bool // see EncodeRest
}

// Range is the bytes [Lo,Hi) of a text, Lo < Hi.
type Range struct{ Lo, Hi int }

// New builds the tokeniser that the metadata of a GGUF file describes. It loads what llama.cpp loads; Warnings tells
// what it had to do without. Errors: ErrNoVocab, ErrUnsupported, ErrVocab, or that of md for a key that is missing or
// of the wrong type.
func New(md Metadata) (*Tokenizer, error) {
	t, err := load(md)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer: %w", err)
	}
	return t, nil
}

// load is New without the prefix of its errors.
func load(md Metadata) (*Tokenizer, error) {
	model, err := optString(md, keyModel, "no_vocab")
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{model: model}
	t.pool.New = func() any { return &scratch{cache: newWordCache()} }
	switch model {
	case "none", "no_vocab", "test":
		return nil, fmt.Errorf("%s is %q: %w", keyModel, model, ErrNoVocab)
	case "rwkv":
		return nil, fmt.Errorf("%s %q is not supported yet: %w", keyModel, model, ErrUnsupported)
	case "llama", "bert", "t5", "gpt2", "gemma4", "hybriddna", "whitespace", "plamo2":
	default:
		return nil, fmt.Errorf("%s %q is unknown: %w", keyModel, clip(model), ErrUnsupported)
	}
	if t.vocab, err = loadVocab(md); err != nil {
		return nil, err
	}
	switch model {
	case "llama":
		err = t.loadSPM(md)
	case "bert":
		err = t.loadWordPiece(md)
	case "t5":
		err = t.loadUnigram(md)
	case "plamo2":
		err = t.loadPlamo2(md)
	default:
		err = t.loadBPE(md)
	}
	if err != nil {
		return nil, err
	}
	return t, t.finish(md)
}

// loadSPM sets up SentencePiece. Where no keys say otherwise, the special tokens are Llama's: <unk> 0, <s> 1, </s> 2.
func (t *Tokenizer) loadSPM(md Metadata) (err error) {
	t.escape, t.prefix, t.addBOS = true, true, true
	if t.specials, err = loadSpecials(md, t.vocab, map[role]int32{roleBOS: 1, roleEOS: 2, roleUnknown: 0}); err != nil {
		return err
	}
	t.encoder = &spm{vocab: t.vocab, bytes: t.byteTokens(true), unk: t.role[roleUnknown]}
	return nil
}

// loadBPE sets up byte pair encoding. Token 11 as default for BOS and EOS is Falcon's, which came first.
func (t *Tokenizer) loadBPE(md Metadata) (err error) {
	if t.pre, err = optString(md, keyPre, ""); err != nil {
		return err
	}
	ends := map[role]int32{roleBOS: 11, roleEOS: 11}
	if t.model == "gemma4" {
		t.pre = "gemma4"
		clear(ends)
	} else if t.pre == "" {
		t.pre = "default"
		t.warnings.add(keyPre + " is missing: words are cut by the rules \"default\", which are an approximation of several models'")
	}
	pre := findPretype(t.pre)
	if pre == nil {
		return fmt.Errorf("%s %q is unknown: %w", keyPre, clip(t.pre), ErrUnsupported)
	}
	if pre.noBOS {
		delete(ends, roleBOS)
	}
	t.escape, t.printed, t.tidy, t.addBOS, t.addSEP = pre.escape, !pre.raw, pre.tidy, pre.addBOS, pre.addSEP
	m, err := newBPE(md, t.vocab, pre)
	if err != nil {
		return err
	}
	if t.encoder, err = variant(md, t.model, m); err != nil {
		return err
	}
	t.specials, err = loadSpecials(md, t.vocab, ends)
	return err
}

// finish does what comes after the special tokens are known: defaults for BOS and EOS, tokens that are found in text.
func (t *Tokenizer) finish(md Metadata) (err error) {
	if t.prefix, err = optBool(md, keySpacePrefix, t.prefix); err != nil {
		return err
	}
	if t.addBOS, err = t.loadAdd(md, keyAddBOS, t.addBOS, roleBOS); err != nil {
		return err
	}
	eos := roleEOS
	if t.model == "bert" && t.role[eos] < 0 {
		eos = roleSeparator
	}
	if t.addEOS, err = t.loadAdd(md, keyAddEOS, t.addEOS, eos); err != nil {
		return err
	}
	if t.addSEP, err = t.loadAdd(md, keyAddSEP, t.addSEP, roleSeparator); err != nil {
		return err
	}
	if pre := findPretype(t.pre); pre != nil && pre.forceBOS && t.role[roleBOS] >= 0 && !t.addBOS {
		if md.Has(keyAddBOS) {
			t.warnings.add(keyAddBOS+" is false: taken as true, which %s models need", t.pre)
		}
		t.addBOS = true
	}
	t.setEnds()
	if err := t.loadSuppress(md); err != nil {
		return err
	}
	t.markSteering()
	t.all = newTrie(t.vocab, isSpecial)
	t.user = newTrie(t.vocab, isUser)
	return setStrip(md, t.vocab, t.all)
}

// setEnds decides what AddSpecial adds. For WordPiece that is [CLS] and [SEP] whatever the file says, as in llama.cpp.
func (t *Tokenizer) setEnds() {
	t.first, t.last = noToken, noToken
	switch {
	case t.model == "bert":
		t.first, t.last = t.role[roleBOS], t.role[roleSeparator]
		return
	case t.addBOS:
		t.first = t.role[roleBOS]
	}
	if t.addEOS {
		t.last = t.role[roleEOS]
	}
}

// loadAdd reads whether a special token is added; one that does not exist is not.
func (t *Tokenizer) loadAdd(md Metadata, key string, def bool, r role) (bool, error) {
	add, err := optBool(md, key, def)
	if err != nil || !add || t.role[r] >= 0 {
		return add, err
	}
	if md.Has(key) {
		t.warnings.add(key+" is %t, but the vocabulary has no such token: none is added", add)
	}
	return false, nil
}

// loadSuppress reads the tokens that must not be sampled and drops ids that are none.
func (t *Tokenizer) loadSuppress(md Metadata) error {
	if !md.Has(keySuppress) {
		return nil
	}
	ids, err := md.Ints(keySuppress)
	for i, id := range ids {
		if id >= 0 && id < int64(len(t.tokens)) {
			t.suppress = append(t.suppress, int32(id))
			continue
		}
		t.warnings.add(keySuppress+"[%d]: no token %d in a vocabulary of %d: ignored", i, id, len(t.tokens))
	}
	return err
}

// Encode returns the tokens of text.
func (t *Tokenizer) Encode(text string, opt EncodeOptions) []int32 {
	return t.AppendEncode(nil, text, opt)
}

// EncodeRest returns the tokens of plain text that follows another one, perhaps within a word: without what begins a
// text, such as SentencePiece's space; Unigram and WordPiece vocabularies begin a word all the same.
func (t *Tokenizer) EncodeRest(text string) []int32 {
	return t.AppendEncode(nil, text, EncodeOptions{rest: true})
}

// AppendEncode appends the tokens of text to dst, which may be nil, and returns it. What is not valid UTF-8 becomes
// byte tokens (SPM), U+FFFD (BPE, Unigram, PLaMo 2) or nothing (WordPiece). Time is proportional to the text, for a
// given vocabulary; memory is reused between calls.
func (t *Tokenizer) AppendEncode(dst []int32, text string, opt EncodeOptions) []int32 {
	s := t.pool.Get().(*scratch)
	defer t.pool.Put(s)
	if opt.AddSpecial && t.first >= 0 {
		dst = append(dst, t.first)
	}
	find := t.user
	if opt.ParseSpecial {
		find = t.all
	}
	spm := t.model == "llama"
	special := !opt.rest // what came before is a special token, or nothing
	for _, part := range s.parts.cut(t.vocab, find, text, opt.Plain) {
		if part.id >= 0 {
			dst = append(dst, part.id)
			special = true
			continue
		}
		piece := text[part.lo:part.hi]
		// SentencePiece has a word begin with its space, so the first word of a text gets one too.
		if spm && t.prefix && special {
			piece = " " + piece
		}
		dst = t.encoder.encode(dst, s, piece)
		special = false
	}
	if opt.AddSpecial && t.last >= 0 {
		dst = append(dst, t.last)
	}
	s.trim()
	return dst
}
