package tokenizer

// EncodePair returns the tokens of two texts as models read them that compare texts, such as rerankers: BOS, a, EOS,
// separator, b, EOS, each special token where the vocabulary wants it. What stands for EOS in vocabularies without it
// is the separator. No special tokens are found in the texts but user-defined ones.
func (t *Tokenizer) EncodePair(a, b string) []int32 {
	eos := t.role[roleEOS]
	if eos < 0 {
		eos = t.role[roleSeparator]
	}
	var ids []int32
	add := func(wanted bool, id int32) {
		if wanted && id >= 0 {
			ids = append(ids, id)
		}
	}
	add(t.addBOS, t.role[roleBOS])
	ids = t.AppendEncode(ids, a, EncodeOptions{})
	add(t.addEOS, eos)
	add(t.addSEP, t.role[roleSeparator])
	ids = t.AppendEncode(ids, b, EncodeOptions{})
	add(t.addEOS, eos)
	return ids
}
