package huggingface

// postProcessor finds out which tokens are put around texts.
func (s *special) postProcessor(p config) {
	if p == nil {
		return
	}
	if s.tc != nil {
		if s.text("bos") == "" && s.text("cls") != "" {
			s.tc["bos_token"] = s.tc["cls_token"]
		}
		if s.text("eos") == "" && s.text("sep") != "" {
			s.tc["eos_token"] = s.tc["sep_token"]
		}
	}
	list, ok := p["processors"].([]any)
	if !ok {
		list = []any{map[string]any(p)}
	}
	t := &texts{bos: s.text("bos"), cls: s.text("cls"), eos: s.text("eos"), sep: s.text("sep")}
	for _, v := range list {
		o, _ := v.(map[string]any)
		switch c := config(o); c.text("type") {
		case "ByteLevel":
			for _, typ := range []string{"bos", "eos"} {
				if _, ok := s.add[typ]; !ok {
					s.setAdd(typ, false)
				}
			}
		case "RobertaProcessing":
			s.roberta(c, t)
		case "TemplateProcessing":
			s.templateProcessing(c, t)
		}
	}
}

// texts are the texts of special tokens, as far as they are known.
type texts struct{ bos, cls, eos, sep string }

// roberta is <s> text </s>, with two </s> between texts.
func (s *special) roberta(p config, t *texts) {
	for _, typ := range []string{"bos", "eos", "sep"} {
		s.setAdd(typ, true)
	}
	if s.tc == nil {
		return
	}
	name := func(key, def string) string {
		if list, _ := p[key].([]any); len(list) > 0 {
			def, _ = list[0].(string)
		}
		return def
	}
	if t.cls == "" {
		t.cls = name("cls", t.bos)
		s.tc["cls_token"] = t.cls
	}
	if t.sep == "" {
		t.sep = name("sep", t.eos)
		s.tc["sep_token"] = t.sep
	}
}

// step is an element of a template: a special token or a sequence.
type step struct{ token, sequence string }

// steps reads a template.
func steps(v any) []step {
	list, _ := v.([]any)
	out := make([]step, len(list))
	for i, v := range list {
		o, _ := v.(map[string]any)
		out[i] = step{config(o).object("SpecialToken").text("id"), config(o).object("Sequence").text("id")}
	}
	return out
}

// templateProcessing reads simple templates: a token in front, one behind, and one or two between texts.
func (s *special) templateProcessing(p config, t *texts) {
	single, pair := steps(p["single"]), steps(p["pair"])
	first, last := "", ""
	if len(single) > 1 {
		if first = single[0].token; first != "" {
			s.leading(first, t)
		}
		if last = single[len(single)-1].token; last != "" {
			s.trailing(last, t)
		}
	}
	if len(pair) == 0 {
		return
	}
	if first != "" && pair[0].token == first {
		pair = pair[1:]
	}
	if last != "" && len(pair) > 0 && pair[len(pair)-1].token == last {
		pair = pair[:len(pair)-1]
	}
	if len(pair) < 3 || pair[0].sequence != "A" || pair[len(pair)-1].sequence != "B" {
		return
	}
	between, add := pair[1:len(pair)-1], false
	isSep := func(x string) bool { return x != "" && (x == t.sep || x == t.eos) }
	if isSep(between[0].token) && last == "" {
		add = true
	}
	if len(between) == 2 && isSep(between[1].token) {
		add = true
	}
	s.setAdd("sep", add)
	if add && t.sep == "" && s.tc != nil {
		s.tc["sep_token"] = t.eos
	}
}

// leading takes a token that stands in front of every text.
func (s *special) leading(first string, t *texts) {
	if s.tc == nil {
		t.bos = first
	} else if first != t.bos && first != t.cls {
		if t.bos == "" {
			t.bos = first
			s.tc["bos_token"] = first
		}
		if t.cls == "" {
			t.cls = first
			s.tc["cls_token"] = first
		}
	}
	s.setAdd("bos", first == t.bos || first == t.cls)
}

// trailing takes a token that stands behind every text. Where that is another one than the end of texts, the latter
// ends turns or messages.
func (s *special) trailing(last string, t *texts) {
	if s.tc == nil {
		t.eos = last
	} else if last != t.eos {
		for _, typ := range []string{"eot", "eom"} {
			if len(s.types) == 7 && typ == "eot" || len(s.types) == 8 && typ == "eom" {
				s.types = append(s.types, typ)
				s.tc[typ+"_token"] = t.eos
				break
			}
		}
		t.eos = last
		s.tc["eos_token"] = last
	}
	s.setAdd("eos", last == t.eos)
}
