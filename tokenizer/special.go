package tokenizer

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// role is a job that a special token has.
type role uint8

const (
	roleBOS role = iota
	roleEOS
	roleEOT
	roleEOM
	roleUnknown
	rolePad
	roleFIMPrefix
	roleFIMSuffix
	roleFIMMiddle
	roleFIMPad
	roleFIMRepo
	roleFIMFile
	roleSeparator
	roleMask
	roleCount
)

// roleKeys lists the keys that name special tokens; the last three are old names.
var roleKeys = []struct {
	role role
	key  string
}{
	{roleBOS, keyBOS},
	{roleEOS, keyEOS},
	{roleEOT, "tokenizer.ggml.eot_token_id"},
	{roleEOM, "tokenizer.ggml.eom_token_id"},
	{roleUnknown, keyUnknown},
	{rolePad, "tokenizer.ggml.padding_token_id"},
	{roleFIMPrefix, "tokenizer.ggml.fim_pre_token_id"},
	{roleFIMSuffix, "tokenizer.ggml.fim_suf_token_id"},
	{roleFIMMiddle, "tokenizer.ggml.fim_mid_token_id"},
	{roleFIMPad, "tokenizer.ggml.fim_pad_token_id"},
	{roleFIMRepo, "tokenizer.ggml.fim_rep_token_id"},
	{roleFIMFile, "tokenizer.ggml.fim_sep_token_id"},
	{roleSeparator, keySeparator},
	{roleMask, "tokenizer.ggml.mask_token_id"},
	{roleFIMPrefix, "tokenizer.ggml.prefix_token_id"},
	{roleFIMSuffix, "tokenizer.ggml.suffix_token_id"},
	{roleFIMMiddle, "tokenizer.ggml.middle_token_id"},
}

// roleNames are the texts by which a special token is found when no key names it, by preference.
var roleNames = [roleCount][]string{
	roleEOT: {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<EOT>", "_<EOT>",
		"[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>"},
	roleEOM: {"<|eom_id|>"},
	roleFIMPrefix: {"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>",
		"<|prefix|>"},
	roleFIMSuffix: {"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>",
		"<|suffix|>"},
	roleFIMMiddle: {"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>",
		"<|middle|>"},
	roleFIMPad:  {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"},
	roleFIMRepo: {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"},
	roleFIMFile: {"<|file_sep|>"},
}

// eogNames are the texts of tokens that end an answer, besides the roles EOS, EOT, EOM and the last three FIM ones.
var eogNames = []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
	"<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
	"<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~["}

// harmonyNames are tokens of gpt-oss that are always shown and always found in text.
var harmonyNames = []string{"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"}

// specials are the tokens with a role, -1 where there is none, and the set that ends an answer.
type specials struct {
	role [roleCount]int32
	eog  []int32 // ascending
}

// loadSpecials reads the keys over the defaults of the vocabulary kind, finds tokens by their text and sets attributes,
// all in the order of llama.cpp.
func loadSpecials(md Metadata, v *vocab, defaults map[role]int32) (*specials, error) {
	s := &specials{}
	for r := range s.role {
		s.role[r] = -1
		if id, ok := defaults[role(r)]; ok && int(id) < len(v.tokens) {
			s.role[r] = id
		}
	}
	for _, k := range roleKeys {
		if err := s.read(md, v, k.role, k.key); err != nil {
			return nil, err
		}
	}
	s.find(v)
	s.findEOG(v)
	return s, nil
}

// read takes a role from its key, if the file has it. An id out of range, such as 4294967295 for "none", leaves the
// default.
func (s *specials) read(md Metadata, v *vocab, r role, key string) error {
	if !md.Has(key) {
		return nil
	}
	id, err := md.Uint(key)
	if err != nil {
		return err
	}
	if id < uint64(len(v.tokens)) && id <= math.MaxInt32 {
		s.role[r] = int32(id)
		return nil
	}
	stands := "there is no such token"
	if have := s.role[r]; have >= 0 {
		stands = fmt.Sprintf("token %d stands for it", have)
	}
	v.warnings.add(key+": no token %d in a vocabulary of %d: ignored, %s", id, len(v.tokens), stands)
	return nil
}

// find looks for tokens of roles that no key named; what is found is a control token, whatever its type says.
func (s *specials) find(v *vocab) {
	for r, names := range roleNames {
		for _, name := range names {
			if s.role[r] >= 0 {
				break
			}
			if id := v.id(name); id >= 0 {
				s.role[r] = id
				v.makeControl(id)
			}
		}
	}
}

// makeControl makes a token one for control which its text says it is.
func (v *vocab) makeControl(id int32) {
	if !v.is(id, attrControl) {
		v.warnings.add(keyTypes+"[%d]: %q is not marked as a control token: taken as one", id, clip(v.tokens[id]))
		v.attrs[id] |= attrControl
	}
}

// findEOG collects the tokens that end an answer, with llama.cpp's exceptions.
func (s *specials) findEOG(v *vocab) {
	add := func(id int32) {
		if id >= 0 && !slices.Contains(s.eog, id) {
			s.eog = append(s.eog, id)
		}
	}
	// The FIM tokens that end an answer are those which begin another file or fill up.
	add(s.role[roleFIMPad])
	add(s.role[roleFIMRepo])
	add(s.role[roleFIMFile])
	for _, name := range eogNames {
		if id := v.id(name); id >= 0 {
			add(id)
			v.makeControl(id)
		}
	}
	// Setting the attributes anew takes these out of the control tokens.
	for _, name := range harmonyNames {
		if id := v.id(name); id >= 0 {
			v.attrs[id] = attrUser
		}
	}
	// Last, so that also a token of gpt-oss counts if a key names it.
	add(s.role[roleEOS])
	add(s.role[roleEOT])
	add(s.role[roleEOM])
	s.except(v)
	slices.Sort(s.eog)
}

// markSteering marks the tokens that text from outside must not contain.
func (t *Tokenizer) markSteering() {
	for id, a := range t.attrs {
		if a&(attrControl|attrUnknown) != 0 || a&attrUser != 0 && looksControl(t.tokens[id]) {
			t.attrs[id] |= attrSteer
		}
	}
	for _, id := range t.eog {
		t.attrs[id] |= attrSteer
	}
}

// looksControl reports whether a token's text has the form of control tokens, such as <|start|>, which llama.cpp makes
// a user-defined one.
func looksControl(s string) bool {
	return strings.HasPrefix(s, "<|") && strings.HasSuffix(s, "|>") || strings.HasPrefix(s, "<｜") && strings.HasSuffix(s, "｜>")
}

// except removes tokens from the set which only look as if they ended an answer.
func (s *specials) except(v *vocab) {
	// Names count only if they are in the set, not wherever the vocabulary has them.
	has := func(name string) bool {
		id := v.id(name)
		return id >= 0 && slices.Contains(s.eog, id)
	}
	drop := func(name string, a attr) {
		id := v.id(name)
		s.eog = slices.DeleteFunc(s.eog, func(x int32) bool { return x == id })
		v.attrs[id] = a
	}
	call := has("<|call|>") || has("<|calls|>")
	if call && has("<|end|>") && (has("<|return|>") || has("<|flush|>")) {
		drop("<|end|>", attrUser) // gpt-oss, solar-open: ends a message, not the answer
	}
	if has("</s>") && (has("<|tool_response>") || has("<|plamo:eos|>")) {
		drop("</s>", attrNormal) // gemma 4, plamo: an HTML tag
	}
}
