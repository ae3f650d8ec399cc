package tokenizer

import "strings"

// setStrip marks the tokens that swallow white space beside them in text. The format has no field for it; llama.cpp
// knows the models by name. special holds the tokens that are found in text.
func setStrip(md Metadata, v *vocab, special *trie) error {
	name, err := optString(md, keyName, "")
	if err != nil {
		return err
	}
	pre, err := optString(md, keyPre, "")
	if err != nil {
		return err
	}
	arch, err := optString(md, keyArch, "")
	if err != nil {
		return err
	}
	name = asciiLowered(name)
	switch {
	case containsAny(pre, "jina-v2-de", "jina-v2-es", "jina-v2-code"), containsAny(arch, "nomic-bert-moe", "jina-bert-v3"):
		v.mark("<mask>", attrLeft, true)
	case containsAny(name, "phi-3", "phi3"):
		// rstrip in Phi-3's tokenizer.json, which these three have not.
		for id := range v.attrs {
			if special.holds(v, int32(id)) {
				v.attrs[id] |= attrRight
			}
		}
		v.mark("</s>", attrRight, true)
		v.mark("<unk>", attrRight, false)
		v.mark("<s>", attrRight, false)
		v.mark("<|endoftext|>", attrRight, false)
	case containsAny(name, "modern-bert"):
		v.mark("[MASK]", attrLeft, true)
	}
	return nil
}

// mark sets or clears an attribute of the token with this text, if there is one.
func (v *vocab) mark(text string, a attr, on bool) {
	id := v.id(text)
	if id < 0 {
		return
	}
	if on {
		v.attrs[id] |= a
	} else {
		v.attrs[id] &^= a
	}
}

// containsAny reports whether s has any of the others in it.
func containsAny(s string, subs ...string) bool {
	for _, sub := range subs {
		if strings.Contains(s, sub) {
			return true
		}
	}
	return false
}

// asciiLowered lowers A-Z only.
func asciiLowered(s string) string {
	return strings.Map(func(r rune) rune { return asciiLower(r, true) }, s)
}
