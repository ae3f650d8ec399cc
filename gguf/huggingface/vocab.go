package huggingface

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// vocabSize returns vocab_size, -1 where config.json has none.
func (m *model) vocabSize() int {
	if n, ok := m.cfg.integer("vocab_size"); ok && n >= 0 {
		return n
	}
	return -1
}

// exists reports whether the folder has a file.
func (m *model) exists(name string) bool {
	_, err := fs.Stat(m.dir, name)
	return err == nil
}

// vocabulary sets the tokens; scores only for kinds that have some, and pre unless it is "".
func (m *model) vocabulary(kind, pre string, tokens []token, scores bool) {
	texts, values, kinds := make([]string, len(tokens)), make([]float32, len(tokens)), make([]int32, len(tokens))
	for i, t := range tokens {
		texts[i], values[i], kinds[i] = t.text, t.score, t.kind
	}
	m.set("tokenizer.ggml.model", kind)
	if pre != "" {
		m.set("tokenizer.ggml.pre", pre)
	}
	m.set("tokenizer.ggml.tokens", texts)
	if scores {
		m.set("tokenizer.ggml.scores", values)
	}
	m.set("tokenizer.ggml.token_type", kinds)
}

// base reads the vocabulary of tokenizer.json, and how its text is cut into words.
func (m *model) base() (t *tokenizerJSON, tokens []token, pre string, err error) {
	if t, err = readTokenizer(m.dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: there is neither tokenizer.json nor tokenizer.model", ErrFolder)
		}
		return nil, nil, "", err
	}
	if t.vocab == nil {
		return nil, nil, "", fmt.Errorf("tokenizer.json: a tokenizer of type %q is %w here", t.Model.Type, ErrUnsupported)
	}
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return nil, nil, "", err
	}
	t.addSpecials(tc)
	if tokens, err = t.list(m.vocabSize()); err != nil {
		return nil, nil, "", err
	}
	pre, err = t.pre(tokens)
	return t, tokens, pre, err
}

// vocabBPE is byte-level BPE.
func (m *model) vocabBPE() error { return m.vocabBPEWith(nil) }

// vocabBPEWith is vocabBPE with special tokens that the family knows.
func (m *model) vocabBPEWith(change func(s *special, added map[string]int) error) error {
	t, tokens, pre, err := m.base()
	if err != nil {
		return err
	}
	if t.Model.Type != "BPE" {
		return fmt.Errorf("tokenizer.json: a tokenizer of type %q is %w for a %s", t.Model.Type, ErrUnsupported, m.class)
	}
	m.vocabulary("gpt2", pre, tokens, false)
	s, err := m.readSpecial(true, -1)
	if err != nil {
		return err
	}
	if change != nil {
		added := map[string]int{}
		for _, a := range t.Added {
			added[a.Content] = a.ID
		}
		if err := change(s, added); err != nil {
			return err
		}
	}
	s.keys(m)
	return nil
}

// vocabSPM is SentencePiece, from tokenizer.model.
func (m *model) vocabSPM() error {
	tokens, err := m.spmTokens()
	if err != nil {
		return err
	}
	m.vocabulary("llama", "default", tokens, true)
	s, err := m.readSpecial(false, len(tokens))
	if err == nil {
		s.keys(m)
	}
	return err
}

// spmTokens returns the tokens of tokenizer.model and those that other files add.
func (m *model) spmTokens() ([]token, error) {
	s, err := readSentencePiece(m.dir, "tokenizer.model")
	if err != nil {
		return nil, err
	}
	size, ok := m.cfg.integer("vocab_size_per_layer_input", "vocab_size")
	if !ok || size <= 0 {
		size = len(s.pieces)
	}
	if size > maxVocab {
		return nil, fmt.Errorf("config.json: %w: a vocabulary of %d", ErrFolder, size)
	}
	tokens := padded(size)
	copy(tokens, s.pieces)
	var added map[string]int
	if err := readJSON(m.dir, "added_tokens.json", &added); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, text := range slices.Sorted(maps.Keys(added)) {
		if id := added[text]; id >= 0 && id < size {
			tokens[id] = token{text, -1000, kindUserDefined}
		}
	}
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return nil, err
	}
	decoder := tc.object("added_tokens_decoder")
	for key := range decoder {
		id, err := strconv.Atoi(key)
		if err != nil || id < 0 {
			return nil, fmt.Errorf("tokenizer_config.json: %w: added_tokens_decoder: %q is no token", ErrFolder, key)
		}
		if id >= size {
			continue
		}
		o := decoder.object(key)
		text := o.text("content")
		if o.boolean("special", false) || looksSpecial(text) {
			tokens[id] = token{text, -1000, kindControl}
		} else {
			tokens[id] = token{userDefined(text), -1000, kindUserDefined}
		}
	}
	return tokens, nil
}

// byteToken is a token that stands for a byte.
var byteToken = regexp.MustCompile(`^<0x[0-9A-Fa-f]{2}>$`)

// isLlamaBPE reports whether tokenizer.json is SentencePiece's BPE with merges instead of scores.
func (t *tokenizerJSON) isLlamaBPE() bool {
	return t.Model.Type == "BPE" && t.Model.ByteFallback && t.Decoder.text("type") == "Sequence" && t.vocab != nil
}

// vocabLlamaBPE is SentencePiece's BPE from tokenizer.json alone.
func (m *model) vocabLlamaBPE(t *tokenizerJSON) error {
	tokens, err := m.llamaBPETokens(t)
	if err != nil {
		return err
	}
	m.vocabulary("llama", "default", tokens, true)
	s, err := m.readSpecial(false, len(tokens))
	if err == nil {
		s.keys(m)
	}
	return err
}

// llamaBPETokens returns its tokens.
func (m *model) llamaBPETokens(t *tokenizerJSON) ([]token, error) {
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return nil, err
	}
	control := specialTexts(tc)
	tokens := padded(len(t.vocab))
	for text, id := range t.vocab {
		if id < 0 || id >= len(tokens) {
			return nil, fmt.Errorf("tokenizer.json: %w: token %d of %d", ErrFolder, id, len(tokens))
		}
		kind := kindNormal
		if byteToken.MatchString(text) {
			kind = kindByte
		} else if control[text] {
			kind = kindControl
		}
		tokens[id] = token{text, -1000, kind}
	}
	added := slices.Clone(t.Added)
	slices.SortFunc(added, func(a, b addedToken) int { return a.ID - b.ID })
	for _, a := range added {
		if a.ID < len(t.vocab) {
			continue
		}
		if a.ID != len(tokens) {
			return nil, fmt.Errorf("tokenizer.json: %w: added token %d, after %d others", ErrFolder, a.ID, len(tokens))
		}
		kind := kindUserDefined
		if control[a.Content] {
			kind = kindControl
		}
		tokens = append(tokens, token{a.Content, -1000, kind})
	}
	return tokens, nil
}

// specialTexts are the special tokens of tokenizer_config.json.
func specialTexts(tc config) map[string]bool {
	out := map[string]bool{}
	s := special{tc: tc}
	for _, typ := range []string{"bos", "eos", "unk", "sep", "pad", "cls", "mask"} {
		out[s.text(typ)] = true
	}
	for _, k := range []string{"additional_special_tokens", "extra_special_tokens"} {
		list, _ := tc[k].([]any)
		for _, v := range list {
			if o, ok := v.(map[string]any); ok {
				v = o["content"]
			}
			text, _ := v.(string)
			out[text] = true
		}
	}
	delete(out, "")
	return out
}

// vocabLlama is what models of Llama's kind may have: SentencePiece, its BPE, or byte-level BPE.
func (m *model) vocabLlama() error {
	tc, err := readOptional(m.dir, "tokenizer_config.json")
	if err != nil {
		return err
	}
	if b, ok := tc["add_prefix_space"].(bool); ok {
		m.set("tokenizer.ggml.add_space_prefix", b)
	}
	if err := m.vocabLlamaKind(); err != nil {
		return err
	}
	switch m.vocabSize() {
	case 32016: // CodeLlama
		s, err := m.readSpecial(false, -1)
		if err != nil {
			return err
		}
		s.ids, s.order, s.add, s.addOrder, s.types = map[string]int{}, nil, map[string]bool{}, nil, nil
		s.put("eot", 32010)
		s.keys(m)
	case 49152: // small Granite models
		m.set("tokenizer.ggml.add_bos_token", false)
	}
	return nil
}

func (m *model) vocabLlamaKind() error {
	if m.exists("tokenizer.model") {
		return m.vocabSPM()
	}
	t, err := readTokenizer(m.dir)
	if err == nil && t.isLlamaBPE() {
		return m.vocabLlamaBPE(t)
	}
	return m.vocabBPE()
}

// vocabEither is SentencePiece if there is tokenizer.model, and byte-level BPE otherwise.
func (m *model) vocabEither() error {
	if m.exists("tokenizer.model") {
		return m.vocabSPM()
	}
	return m.vocabBPE()
}
