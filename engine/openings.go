package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/latentgo/latentgo/tokenizer/chat"
)

// How the documents of self-written text start.

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

// openings knows how documents start with a model's tokenizer.
type openings struct {
	m            *Model
	bos          []int32 // of an empty document
	drawn        int     // tokens that start a document, see selfTextOptions
	ask, respond []int32 // of a chat: up to the question, and from its end on to the answer; nil without a template
}

// openings prepares the model's, see selfTextOptions for drawn. Without a tokenizer there is nothing but tokens drawn.
func (m *Model) openings(ctx context.Context, drawn int) *openings {
	o := &openings{m: m, drawn: drawn}
	if m.tok == nil {
		o.drawn = max(drawn, 1)
	}
	if o.drawn > 0 {
		return o
	}
	if id, ok := m.tok.Lookup("<|endoftext|>"); ok {
		o.bos = []int32{id}
	} else if id, ok := m.tok.BOS(); ok {
		o.bos = []int32{id}
	} else if id, ok := m.tok.EOS(); ok {
		o.bos = []int32{id}
	}
	const mark = "QUESTION"
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", mark)}, AddGenerationPrompt: true}
	text, err := m.RenderChat(ctx, conv)
	ask, respond, ok := strings.Cut(text.String(), mark)
	if err == nil && ok {
		o.ask, _ = m.encodeRendering(chat.Rendering{{Text: ask, FromTemplate: true}})
		o.respond, _ = m.Encode(respond, false, true)
	}
	return o
}

// document returns the tokens of a document's start, and what follows when a question in it ends (or nil). no rotates
// through the kinds.
func (o *openings) document(r *rand.Rand, no int) (start, after []int32) {
	if o.drawn > 0 {
		return o.draw(r, o.drawn), nil
	}
	switch kind := no % 4; {
	case kind == 1 && len(o.ask) > 0 && len(o.respond) > 0:
		return o.ask, o.respond
	case kind == 3 && len(o.bos) > 0 && no%8 == 3:
		return o.bos, nil
	case kind == 3:
		start = o.encode(others[r.IntN(len(others))])
	default:
		form, topic := starts[r.IntN(len(starts))], topics[r.IntN(len(topics))]
		start = o.encode(fmt.Sprintf(form, capital(form, topic)))
	}
	if len(start) == 0 {
		start = o.draw(r, 1)
	}
	return start, nil
}

// draw returns n tokens drawn evenly from the vocabulary.
func (o *openings) draw(r *rand.Rand, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(o.m.w.embed.Rows))
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
func (o *openings) encode(text string) []int32 {
	ids, err := o.m.Encode(strings.TrimRight(text, " "), false, false)
	if err != nil {
		return nil
	}
	return ids
}
