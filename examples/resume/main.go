// Command resume goes on with a conversation where it was left, also after a restart:
//
//	go run ./examples/resume MODEL.gguf talk "My name is Ada."
//	go run ./examples/resume MODEL.gguf talk "What is my name?"
//
// talk.json keeps the messages, talk.session what the model has cached of them, so that the second run evaluates only
// what is new. Without the latter, or with that of another model, it evaluates all of it again.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: resume MODEL.gguf NAME TEXT")
	}
	model, err := engine.Load(os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	if _, err := run(context.Background(), model, os.Args[2], os.Args[3], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, model *engine.Model, name, text string, out io.Writer) (engine.Stats, error) {
	var conv chat.Conversation
	data, err := os.ReadFile(name + ".json")
	if err == nil {
		err = json.Unmarshal(data, &conv)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return engine.Stats{}, err
	}
	session, err := open(model, name+".session")
	if err != nil {
		return engine.Stats{}, err
	}
	defer session.Close()
	conv.Messages = append(conv.Messages, chat.NewMessage("user", text))
	answer := ""
	for piece, err := range session.Chat(ctx, conv, &engine.GenerateOptions{MaxTokens: 300, Sampling: &engine.Sampling{}}) {
		if err != nil {
			return session.Stats(), err
		}
		answer += piece.Text
		fmt.Fprint(out, piece.Text)
	}
	fmt.Fprintln(out)
	conv.Messages = append(conv.Messages, chat.NewMessage("assistant", answer))
	if data, err = json.Marshal(conv); err == nil {
		err = os.WriteFile(name+".json", data, 0o600)
	}
	return session.Stats(), errors.Join(err, session.SaveFile(name+".session", true))
}

// open returns the session of a file, or a new one.
func open(model *engine.Model, path string) (*engine.Session, error) {
	session, err := model.LoadSessionFile(path, nil)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, engine.ErrSaved) {
		return model.NewSession(nil)
	}
	return session, err
}
