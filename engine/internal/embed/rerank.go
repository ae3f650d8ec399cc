package embed

import (
	"context"
	"fmt"
	"strings"

	"github.com/latentgo/latentgo/tokenizer"
)

// templateKey is where a file keeps the text that a query and a document are put in; files without it have the two as a
// pair.
const templateKey = "tokenizer.chat_template.rerank"

// Rerank returns how well each document answers the query: the first number of the model's head.
func (m *Model) Rerank(ctx context.Context, query string, docs []string) ([]float32, error) {
	kind, err := m.Net.Classified()
	if err != nil {
		return nil, err
	}
	template := ""
	if f := m.Net.File(); f.Has(templateKey) {
		if template, err = f.String(templateKey); err != nil {
			return nil, err
		}
	}
	ids := make([][]int32, len(docs))
	for i, doc := range docs {
		if template != "" {
			ids[i] = m.fill(template, query, doc)
		} else {
			ids[i] = m.Tokenizer.EncodePair(query, doc)
		}
		if err := m.check(ids[i]); err != nil {
			return nil, fmt.Errorf("document %d with the query: %w", i, err)
		}
	}
	rows, err := m.Vectors(ctx, ids, kind)
	if err != nil {
		return nil, err
	}
	scores := make([]float32, len(docs))
	for i, x := range rows {
		scores[i] = m.Net.Classify(x)[0]
	}
	return scores, nil
}

// fill puts query and document in a template, where they can't act as control tokens, and returns the tokens.
func (m *Model) fill(template, query, doc string) []int32 {
	var text strings.Builder
	var plain []tokenizer.Range
	add := func(s string) {
		if lo := text.Len(); s != "" {
			text.WriteString(s)
			plain = append(plain, tokenizer.Range{Lo: lo, Hi: text.Len()})
		}
	}
	for template != "" {
		i := strings.IndexByte(template, '{')
		if i < 0 {
			break
		}
		text.WriteString(template[:i])
		template = template[i:]
		if rest, ok := strings.CutPrefix(template, "{query}"); ok {
			add(query)
			template = rest
		} else if rest, ok := strings.CutPrefix(template, "{document}"); ok {
			add(doc)
			template = rest
		} else {
			text.WriteByte('{')
			template = template[1:]
		}
	}
	text.WriteString(template)
	return m.Tokenizer.Encode(text.String(), tokenizer.EncodeOptions{ParseSpecial: true, Plain: plain})
}
