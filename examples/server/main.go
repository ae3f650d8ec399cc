// Command server is a chat server for several users at once, which streams answers as server-sent events:
//
//	go run ./examples/server MODEL.gguf localhost:8080
//	curl -N localhost:8080/chat -d '{"messages": [{"role": "user", "content": "Hello!"}]}'
//
// Each request has a session of its own; those under way at the same time share the model's passes. The client sends
// the whole conversation each time, as with the OpenAI API: what a session before has evaluated of it is kept
// (PrefixCache), so that only the newest message is read again. A client that goes away ends its answer.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: server MODEL.gguf ADDRESS")
	}
	model, err := engine.Load(os.Args[1], &engine.Options{MaxSessions: 32, PrefixCache: 256 << 20})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(os.Args[2], handler(model)))
}

func handler(model *engine.Model) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat", func(w http.ResponseWriter, r *http.Request) {
		var conv chat.Conversation
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&conv); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		session, err := model.NewSession(nil)
		if err != nil { // there are MaxSessions already: engine.ErrLimit
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		defer session.Close()
		w.Header().Set("Content-Type", "text/event-stream")
		for piece, err := range session.Chat(r.Context(), conv, &engine.GenerateOptions{MaxTokens: 400}) {
			switch {
			case err != nil:
				send(w, "error", err.Error())
				return
			case piece.Text != "":
				send(w, "text", piece.Text)
			}
		}
		send(w, "done", session.Stats())
	})
	return mux
}

// send writes an event, whose data is JSON.
func send(w http.ResponseWriter, event string, data any) {
	text, _ := json.Marshal(data) // of strings and numbers
	fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
