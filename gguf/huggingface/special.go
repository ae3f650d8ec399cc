package huggingface

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// special is what a folder says about special tokens, beside the vocabulary.
type special struct {
	merges    []string
	types     []string       // of special tokens, in the order in which they are looked for
	ids       map[string]int // by type
	order     []string       // of ids
	add       map[string]bool
	addOrder  []string
	template  any // string, or a list of named ones
	lowercase *bool
	accents   *bool
	size      int // ids from here on do not count; -1 for all do
	tc        config
}

// readSpecial reads it. withMerges is for BPE; size is that of the vocabulary, -1 for any.
func (m *model) readSpecial(withMerges bool, size int) (*special, error) {
	s := &special{types: []string{"bos", "eos", "unk", "sep", "pad", "cls", "mask"}, ids: map[string]int{}, add: map[string]bool{}, size: size}
	t, err := readTokenizer(m.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if s.tc, err = readOptional(m.dir, "tokenizer_config.json"); err != nil {
		return nil, err
	}
	if t != nil {
		if withMerges {
			if s.merges, err = t.merges(); err != nil {
				return nil, err
			}
		}
		s.normalizer(t.Normalizer)
		s.postProcessor(t.PostProcessor)
	}
	if s.tc != nil {
		if err := s.fromTokenizerConfig(m.dir, t); err != nil {
			return nil, err
		}
	}
	for _, typ := range s.types {
		v := m.root[typ+"_token_id"]
		if v == nil {
			v = m.root.object("text_config")[typ+"_token_id"]
		}
		if id, ok := toInt(v); ok {
			s.put(typ, id)
		}
	}
	if withMerges && len(s.merges) == 0 {
		s.merges, err = readMerges(m.dir)
	}
	return s, err
}

// put sets the token of a type that has none yet.
func (s *special) put(typ string, id int) {
	if _, ok := s.ids[typ]; ok || id < 0 || s.size >= 0 && id >= s.size {
		return
	}
	s.ids[typ] = id
	s.order = append(s.order, typ)
}

// setAdd says whether a token of a type is added to texts.
func (s *special) setAdd(typ string, b bool) {
	if _, ok := s.add[typ]; !ok {
		s.addOrder = append(s.addOrder, typ)
	}
	s.add[typ] = b
}

// normalizer takes what the format has keys for.
func (s *special) normalizer(n config) {
	yes := true
	switch n.text("type") {
	case "Lowercase":
		s.lowercase = &yes
	case "StripAccents":
		s.accents = &yes
	case "BertNormalizer":
		for key, dst := range map[string]**bool{"lowercase": &s.lowercase, "strip_accents": &s.accents} {
			if hasKey(n, key) {
				*dst = nil
			}
			if b, ok := n[key].(bool); ok {
				*dst = &b
			}
		}
	case "Sequence":
		list, _ := n["normalizers"].([]any)
		for _, v := range list {
			if o, ok := v.(map[string]any); ok && o["type"] != "Sequence" {
				s.normalizer(o)
			}
		}
	}
}

// text returns the text of a special token in tokenizer_config.json, which may be an object.
func (s *special) text(typ string) string {
	if o := s.tc.object(typ + "_token"); o != nil {
		return o.text("content")
	}
	return s.tc.text(typ + "_token")
}

// fromTokenizerConfig takes what tokenizer_config.json says.
func (s *special) fromTokenizerConfig(dir fs.FS, t *tokenizerJSON) error {
	var err error
	if s.template, err = s.chatTemplate(dir); err != nil {
		return err
	}
	for _, typ := range s.types {
		if b, ok := s.tc["add_"+typ+"_token"].(bool); ok {
			if _, known := s.add[typ]; !known {
				s.setAdd(typ, b)
			}
		}
		text := s.text(typ)
		if text == "" || t == nil {
			continue
		}
		if i := slices.IndexFunc(t.Added, func(a addedToken) bool { return a.Content == text }); i >= 0 {
			s.put(typ, t.Added[i].ID)
		}
	}
	return nil
}

// chatTemplate returns the template of tokenizer_config.json, or of the files beside it.
func (s *special) chatTemplate(dir fs.FS) (any, error) {
	if hasKey(s.tc, "chat_template") {
		return s.tc["chat_template"], nil
	}
	raw, err := readFile(dir, "chat_template.jinja")
	if errors.Is(err, fs.ErrNotExist) {
		c, err := readOptional(dir, "chat_template.json")
		return c["chat_template"], err
	}
	if err != nil {
		return nil, err
	}
	others, _ := fs.Glob(dir, "additional_chat_templates/*.jinja")
	if len(others) == 0 {
		return string(raw), nil
	}
	list := []any{map[string]any{"name": "default", "template": string(raw)}}
	for _, name := range others {
		raw, err := readFile(dir, name)
		if err != nil {
			return nil, err
		}
		list = append(list, map[string]any{"name": strings.TrimSuffix(path.Base(name), ".jinja"), "template": string(raw)})
	}
	return list, nil
}

// tokenKeys are the keys of special tokens; types without one stand in no file.
var tokenKeys = map[string]string{"bos": "bos_token_id", "eos": "eos_token_id", "unk": "unknown_token_id", "sep": "seperator_token_id",
	"pad": "padding_token_id", "mask": "mask_token_id", "eot": "eot_token_id", "eom": "eom_token_id"}

// keys sets the keys.
func (s *special) keys(m *model) {
	if len(s.merges) > 0 {
		m.set("tokenizer.ggml.merges", s.merges)
	}
	for _, typ := range s.order {
		if k := tokenKeys[typ]; k != "" {
			m.set("tokenizer.ggml."+k, uint32(s.ids[typ]))
		}
	}
	for _, typ := range s.addOrder {
		if typ == "bos" || typ == "eos" || typ == "sep" {
			m.set("tokenizer.ggml.add_"+typ+"_token", s.add[typ])
		}
	}
	s.templateKeys(m)
	if s.lowercase != nil {
		m.set("tokenizer.ggml.normalizer.lowercase", *s.lowercase)
	}
	if s.accents != nil {
		m.set("tokenizer.ggml.normalizer.strip_accents", *s.accents)
	}
}

// templateKeys sets the templates: the default one, and others by name.
func (s *special) templateKeys(m *model) {
	const key = "tokenizer.chat_template"
	if text, ok := s.template.(string); ok {
		m.set(key, text)
		return
	}
	list, _ := s.template.([]any)
	var names []string
	def := ""
	for _, v := range list {
		o, _ := v.(map[string]any)
		name := strings.Map(func(r rune) rune {
			if r < 128 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') {
				return r
			}
			return '_'
		}, fmt.Sprint(o["name"]))
		text, ok := o["template"].(string)
		switch {
		case !ok:
		case name == "default":
			def = text
		default:
			m.set(key+"."+name, text)
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		m.set(key+"s", slices.Compact(names))
	}
	if def != "" {
		m.set(key, def)
	}
}
