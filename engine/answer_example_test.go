//go:build !purego

// These examples run a real model, which takes its time without assembly.

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"strings"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/tokenizer"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// greedy takes the most probable token each time.
var greedy = &engine.Sampling{}

// newSession makes a session with the defaults.
func newSession(model *engine.Model) *engine.Session {
	session, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	return session
}

// tiny loads the small random model.
func tiny(opt *engine.Options) *engine.Model {
	model, err := engine.LoadFS(files, "testdata/tiny.gguf", opt)
	if err != nil {
		log.Fatal(err)
	}
	return model
}

// A conversation of two turns: the second one evaluates only what is new.
func ExampleSession_Chat() {
	model := load()
	defer model.Close()
	session := newSession(model)
	var conv chat.Conversation
	for _, question := range []string{"What is the capital of Japan?", "And of Italy?"} {
		conv.Messages = append(conv.Messages, chat.NewMessage("user", question))
		answer := ""
		for piece, err := range session.Chat(context.Background(), conv, &engine.GenerateOptions{MaxTokens: 30, Sampling: greedy}) {
			if err != nil {
				log.Fatal(err)
			}
			answer += piece.Text
		}
		conv.Messages = append(conv.Messages, chat.NewMessage("assistant", answer))
		fmt.Println(answer, session.Stats().CachedTokens > 0)
	}
	// Output:
	// The capital of Japan is Tokyo. false
	// The capital of Italy is Rome. true
}

// An answer that is one of a few words.
func ExampleGenerateOptions_grammar() {
	model := load()
	defer model.Close()
	cities, err := grammar.Choice(" Paris", " Rome", " Oslo")
	if err != nil {
		log.Fatal(err)
	}
	opt := &engine.GenerateOptions{Grammar: cities, Sampling: greedy}
	for piece, err := range newSession(model).GenerateText(context.Background(), "The capital of Norway is", opt) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece.Text)
	}
	// Output: Oslo
}

// A stop string ends an answer, and is not in it.
func ExampleGenerateOptions_stop() {
	model := load()
	defer model.Close()
	session := newSession(model)
	opt := &engine.GenerateOptions{Stop: []string{",", "."}, MaxTokens: 20, Sampling: greedy}
	for piece, err := range session.GenerateText(context.Background(), "The capital of France is", opt) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(piece.Text)
	}
	fmt.Printf(" %s %q\n", session.Stats().Reason, session.Stats().Stop)
	// Output: Paris stop_word "."
}

// The most probable tokens at a place, with their probabilities.
func ExampleGenerateOptions_topLogProbs() {
	model := load()
	defer model.Close()
	tok, err := model.Tokenizer()
	if err != nil {
		log.Fatal(err)
	}
	opt := &engine.GenerateOptions{MaxTokens: 1, TopLogProbs: 3, Sampling: greedy}
	for piece, err := range newSession(model).GenerateText(context.Background(), "The capital of France is", opt) {
		if err != nil {
			log.Fatal(err)
		}
		for i, top := range piece.Top {
			likely := math.Exp(float64(top.LogProb)) > 0.5
			if text := tok.Decode([]int32{top.Token}, tokenizer.DecodeOptions{}); i == 0 {
				fmt.Printf("%q %v, and %d others\n", text, likely, len(piece.Top)-1)
			}
		}
	}
	// Output: " Paris" true, and 2 others
}

// A hook that forbids a letter, by what each token says.
func ExampleGenerateOptions_logits() {
	model := load()
	defer model.Close()
	tok, err := model.Tokenizer()
	if err != nil {
		log.Fatal(err)
	}
	var banned []int32
	for id := range int32(tok.Size()) {
		if strings.ContainsAny(tok.Text(id), "eE") {
			banned = append(banned, id)
		}
	}
	opt := &engine.GenerateOptions{MaxTokens: 12, Sampling: greedy, Logits: func(_ []int32, logits []float32) {
		for _, id := range banned {
			logits[id] = float32(math.Inf(-1))
		}
	}}
	text := ""
	for piece, err := range newSession(model).GenerateText(context.Background(), "Once upon a time,", opt) {
		if err != nil {
			log.Fatal(err)
		}
		text += piece.Text
	}
	fmt.Println(len(text) > 20, strings.Contains(text, "e"))
	// Output: true false
}

// Guesses from the text itself: the same answer in fewer passes, where it repeats what was said.
func ExampleGenerateOptions_speculate() {
	model := load()
	defer model.Close()
	prompt := strings.Repeat("The ship left the harbour at dawn with eleven people on board. ", 4) + "The ship left"
	var texts [2]string
	for i, speculate := range []bool{false, true} {
		session := newSession(model)
		opt := &engine.GenerateOptions{MaxTokens: 20, Sampling: greedy, Speculate: speculate}
		for piece, err := range session.GenerateText(context.Background(), prompt, opt) {
			if err != nil {
				log.Fatal(err)
			}
			texts[i] += piece.Text
		}
		if speculate {
			fmt.Println(texts[0] == texts[1], session.Stats().Accepted > 5)
		}
	}
	// Output: true true
}

// An answer that the caller ends: what was said stays in the session, and an empty prompt goes on with it.
func ExampleSession_Generate() {
	model := tiny(nil)
	defer model.Close()
	session := newSession(model)
	opt := &engine.GenerateOptions{MaxTokens: 10, IgnoreEOG: true, Sampling: greedy}
	for piece, err := range session.Generate(context.Background(), []int32{1, 2, 3}, opt) {
		if err != nil {
			log.Fatal(err)
		}
		if piece.Token >= 0 && len(session.Tokens()) == 3+4 {
			break
		}
	}
	fmt.Println(session.Stats().Reason, len(session.Tokens()))
	for _, err := range session.Generate(context.Background(), nil, opt) {
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(session.Stats().Reason, len(session.Tokens()))
	// Output:
	// cancelled 7
	// length 17
}

// How well the model predicts each token of a text; package engine/measure does it for long ones.
func ExampleSession_EvalAll() {
	model := load()
	defer model.Close()
	ids, err := model.Encode("The capital of France is Paris, and the capital of Italy is Rome.", false, false)
	if err != nil {
		log.Fatal(err)
	}
	sum := 0.0
	err = newSession(model).EvalAll(context.Background(), ids, func(i int, logits []float32) error {
		if i+1 == len(ids) {
			return nil
		}
		total := 0.0
		for _, l := range logits {
			total += math.Exp(float64(l))
		}
		sum += math.Log(total) - float64(logits[ids[i+1]])
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	perplexity := math.Exp(sum / float64(len(ids)-1))
	fmt.Println(perplexity > 3 && perplexity < 10)
	// Output: true
}

// The tokens of a conversation: what a message spells like a control token stays text.
func ExampleModel_EncodeChat() {
	model := tiny(&engine.Options{VocabOnly: true})
	defer model.Close()
	tok, err := model.Tokenizer()
	if err != nil {
		log.Fatal(err)
	}
	conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", "Hi <|im_end|>")}, AddGenerationPrompt: true}
	ids, err := model.EncodeChat(context.Background(), conv)
	if err != nil {
		log.Fatal(err)
	}
	control := 0
	for _, id := range ids {
		if tok.IsControl(id) {
			control++
		}
	}
	fmt.Printf("%q, %d control tokens\n", tok.Decode(ids, tokenizer.DecodeOptions{Special: true}), control)
	// Output: "<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n", 3 control tokens
}

// Limits on what the users of a server take together.
func ExampleOptions() {
	model := tiny(&engine.Options{MaxSessions: 1})
	defer model.Close()
	session := newSession(model)
	_, err := model.NewSession(nil)
	fmt.Println(errors.Is(err, engine.ErrLimit), err)
	session.Close()
	_, err = model.NewSession(nil)
	fmt.Println(err)
	// Output:
	// true 1 sessions are open, Options.MaxSessions: limit reached
	// <nil>
}
