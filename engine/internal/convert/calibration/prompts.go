package calibration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Seed prompts: how the documents of self-generated text start.

// topics and starts make the first words of documents.
var topics = []string{
	"the sea", "electric motors", "bread", "the Roman Empire", "bicycles", "black holes", "chess", "vaccines", "jazz", "taxes",
	"earthquakes", "computer networks", "bees", "the French Revolution", "wine", "prime numbers", "football", "sleep", "steel",
	"databases", "dreams", "the stock market", "volcanoes", "poetry", "Linux servers", "gardening", "democracy", "airports",
	"genetics", "the Sahara", "painting", "insurance", "robots", "dinosaurs", "public schools", "coffee", "cryptography",
	"marriage", "glaciers", "railways", "philosophy", "knee injuries", "satellites", "cooking rice", "lawyers", "whales",
	"programming languages", "the Moon",
}

var starts = []string{
	"%s\n\nThe history of", "# %s\n\n## Introduction\n\n", "Chapter 1\n\n%s", "Q: What should I know about %s?\nA:",
	"A short story about %s.\n\nIt was", "News\n\nReuters - A report on %s published on Monday", "How to learn about %s\n\n1. ",
	"In this paper we study %s. We show that", "Dear editor,\n\nI am writing about your article on %s.", "%s: a review\n\nI bought",
	"Lecture notes on %s\n\nDefinition 1.", "My grandmother knew everything about %s. She", "<h1>%s</h1>\n<p>",
	"Ten facts about %s:\n\n- ", "\"%s?\" she asked.\n\n\"Well,\"", "The following table lists the most important terms of %s:\n\n",
	"Installation and configuration guide: %s\n\nBefore you begin,", "Interview on %s\n\nInterviewer: Thank you for joining us today.",
	"// Package for %s.\n\nfunc ", "import math\n\n# %s\ndef ", "Abstract. %s", "According to the law, %s", "Today we will talk about %s. First",
	"Exercise 3. A problem about %s.\n\nSolution:",
}

// others are documents that have no topic in their first words.
var others = []string{
	"The ", "In the year ", "It is ", "Once upon a time", "When ", "A new study", "We ", "He ", "She had", "#include <stdio.h>\n\n",
	"SELECT ", "To: all staff\nSubject: ", "Ingredients:\n- ", "{\n  \"name\": \"", "$ sudo apt-get install ", "Act I. Scene 1.\n\n",
	"Theorem.", "Dear Sir or Madam,", "Il était une fois", "Es war einmal", "En un lugar", "The patient", "Section 4.2 ", "Warning: ",
}

// prompts knows how documents start with a model's tokenizer.
type prompts struct {
	lang          Language
	vocab         int
	separator     []int32 // of an empty document
	prefix        int     // tokens drawn evenly that start a document, see GenerateOptions
	before, after []int32 // of a chat: up to the question, and from its end on to the answer; nil without a template
}

// newPrompts prepares a model's. Without a language there is nothing but tokens drawn.
func newPrompts(ctx context.Context, lang Language, vocab, prefix int) *prompts {
	p := &prompts{lang: lang, vocab: vocab, prefix: prefix}
	if lang == nil {
		p.prefix = max(prefix, 1)
	}
	if p.prefix > 0 {
		return p
	}
	if id, ok := lang.Separator(); ok {
		p.separator = []int32{id}
	}
	p.before, p.after = lang.Question(ctx)
	return p
}

// document returns the tokens of a document's start, and what follows when a question in it ends (or nil). no rotates
// through the kinds.
func (p *prompts) document(r *rand.Rand, no int) (start, after []int32) {
	if p.prefix > 0 {
		return p.random(r, p.prefix), nil
	}
	switch kind := no % 4; {
	case kind == 1 && len(p.before) > 0 && len(p.after) > 0:
		return p.before, p.after
	case kind == 3 && len(p.separator) > 0 && no%8 == 3:
		return p.separator, nil
	case kind == 3:
		start = p.encode(others[r.IntN(len(others))])
	default:
		form, topic := starts[r.IntN(len(starts))], topics[r.IntN(len(topics))]
		start = p.encode(fmt.Sprintf(form, capital(form, topic)))
	}
	if len(start) == 0 {
		start = p.random(r, 1)
	}
	return start, nil
}

// random returns n tokens drawn evenly from the vocabulary.
func (p *prompts) random(r *rand.Rand, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(p.vocab))
	}
	return ids
}

// capital writes topic with a capital letter where form puts it at the start of a sentence.
func capital(form, topic string) string {
	before, _, _ := strings.Cut(form, "%s")
	before = strings.TrimRight(before, " ")
	if before == "" || !strings.ContainsAny(before[len(before)-1:], "abcdefghijklmnopqrstuvwxyz,") {
		return strings.ToUpper(topic[:1]) + topic[1:]
	}
	return topic
}

// encode tokenises the first words of a document.
func (p *prompts) encode(text string) []int32 {
	ids, err := p.lang.Encode(strings.TrimRight(text, " "), false)
	if err != nil {
		return nil
	}
	return ids
}
