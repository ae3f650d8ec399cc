// Command questions answers several questions about one document at the same time:
//
//	go run ./examples/questions MODEL.gguf report.txt "Who wrote it?" "When?" "What does it cost?"
//
// The document is read once. Each question goes to a fork of that session, which shares its cache, and the forks answer
// in passes that they share.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

func main() {
	if len(os.Args) < 4 {
		log.Fatal("usage: questions MODEL.gguf DOCUMENT QUESTION…")
	}
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3:], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path, file string, questions []string, out io.Writer) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	model, err := engine.Load(path, nil)
	if err != nil {
		return err
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		return err
	}
	document := chat.NewMessage("system", "Answer in one sentence, from this document:\n\n"+string(text))
	if err := read(ctx, model, session, document); err != nil {
		return err
	}
	answers, errs := make([]string, len(questions)), make([]error, len(questions))
	var forks sync.WaitGroup
	for i, question := range questions {
		fork, err := session.Fork() // one call of a session at a time: the forks then go side by side
		if err != nil {
			errs[i] = err
			break
		}
		forks.Go(func() {
			defer fork.Close()
			answers[i], errs[i] = ask(ctx, fork, document, question)
		})
	}
	forks.Wait()
	for i, question := range questions {
		fmt.Fprintf(out, "%s\n  %s\n", question, answers[i])
	}
	return errors.Join(errs...)
}

// read evaluates the document, as every conversation about it begins.
func read(ctx context.Context, model *engine.Model, session *engine.Session, document chat.Message) error {
	var prompts [2][]int32
	for i, question := range []string{"a", "b"} {
		var err error
		conv := chat.Conversation{Messages: []chat.Message{document, chat.NewMessage("user", question)}, AddGenerationPrompt: true}
		if prompts[i], err = model.EncodeChat(ctx, conv); err != nil {
			return err
		}
	}
	same := 0
	for same < min(len(prompts[0]), len(prompts[1])) && prompts[0][same] == prompts[1][same] {
		same++
	}
	_, err := session.Eval(ctx, prompts[0][:same])
	return err
}

// ask answers a question in a fork of the session that has read the document.
func ask(ctx context.Context, fork *engine.Session, document chat.Message, question string) (string, error) {
	conv := chat.Conversation{Messages: []chat.Message{document, chat.NewMessage("user", question)}}
	var answer strings.Builder
	for piece, err := range fork.Chat(ctx, conv, &engine.GenerateOptions{MaxTokens: 100, Sampling: &engine.Sampling{}}) {
		if err != nil {
			return "", err
		}
		answer.WriteString(piece.Text)
	}
	return strings.TrimSpace(answer.String()), nil
}
