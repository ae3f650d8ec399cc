package repl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
	"github.com/latentgo/latentgo/tokenizer/chat"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// answer adds the message to the conversation and streams what the model says to it. An answer that fails or is
// stopped before its first token takes the message back out.
func (r *repl) answer(parent context.Context, message string) {
	ctx, stop := interruptible(parent, r.Interrupts)
	defer stop()
	if r.Quiet != nil {
		defer r.Quiet()()
	}
	r.history = append(r.history, chat.NewMessage("user", message))
	var said reply.Answer
	err := r.fit(ctx)
	if err == nil {
		said, err = r.stream(ctx)
	}
	stopped := errors.Is(err, context.Canceled)
	if err != nil && !stopped {
		r.printf("chat: %s\n", strings.TrimSpace(err.Error()))
		r.hint(err)
	}
	if stopped {
		r.printf("(stopped)\n")
	}
	if said.Text == "" && err != nil {
		r.history = r.history[:len(r.history)-1]
		return
	}
	r.history = append(r.history, said.Message())
	r.after()
}

// stream prints the answer as it comes, what the model thinks before it faintly, and returns it.
func (r *repl) stream(ctx context.Context) (said reply.Answer, failed error) {
	out := &wrapper{w: r.Out, width: r.Width}
	for piece, err := range r.Backend.Chat(ctx, r.conversation(r.history), &r.Options) {
		if err != nil {
			failed = err
			break
		}
		s := piece.Text
		if said.Text == "" {
			s = strings.TrimLeft(s, " \n") // some templates leave a space or line ends to the model
		}
		if err := r.showThoughts(out, &said, piece.Thinking, s != ""); err != nil {
			return said, err
		}
		said.Text += s
		if err := out.WriteString(human.Printable(s)); err != nil {
			return said, err
		}
	}
	if said.Text == "" && said.Thinking != "" {
		r.printf("%s\n", r.escape(normal))
	}
	if said.Text != "" && !strings.HasSuffix(said.Text, "\n") {
		r.printf("\n")
	}
	return said, failed
}

// Escape sequences of terminals.
const (
	faint  = "\x1b[2m"
	normal = "\x1b[0m"
)

// escape returns the sequence on a terminal, "" elsewhere.
func (r *repl) escape(sequence string) string {
	if r.Width == nil || r.Width() <= 0 {
		return ""
	}
	return sequence
}

// showThoughts shows more of the model's thoughts. answers says that the answer goes on behind them.
func (r *repl) showThoughts(out *wrapper, said *reply.Answer, thoughts string, answers bool) error {
	if thoughts != "" && said.Thinking == "" {
		r.printf("%s", r.escape(faint))
	}
	said.Thinking += thoughts
	if err := out.WriteString(human.Printable(thoughts)); err != nil {
		return err
	}
	if answers && said.Text == "" && said.Thinking != "" {
		r.printf("%s", r.escape(normal))
		return out.WriteString("\n\n")
	}
	return nil
}

// after tells why an answer ended early, and how fast it was.
func (r *repl) after() {
	st := r.Backend.Stats()
	switch st.Reason {
	case engine.ReasonContext:
		r.printf("(the answer was cut: the context of %d tokens is full; the next message makes room)\n", r.Backend.Context())
	case engine.ReasonMaxTokens:
		r.printf("(the answer was cut after %d tokens: /set max_tokens)\n", st.Tokens)
	}
	if r.Verbose {
		r.printf("(%s)\n", human.Speed(st))
	}
}

// hint tells what can be done about an error.
func (r *repl) hint(err error) {
	if errors.Is(err, engine.ErrContextFull) {
		r.printf("hint: shorten the message, or start with a larger context: -c N\n")
	}
}

// conversation is the turns with the system prompt in front.
func (r *repl) conversation(turns []chat.Message) chat.Conversation {
	conv := chat.Conversation{AddGenerationPrompt: true}
	if r.System != "" {
		conv.Messages = append(conv.Messages, chat.NewMessage("system", r.System))
	}
	conv.Messages = append(conv.Messages, turns...)
	return conv
}

// fit drops the oldest turns until the conversation leaves room for an answer. It makes more room than it must, since
// everything behind a dropped turn has to be evaluated again.
func (r *repl) fit(ctx context.Context) error {
	limit := r.Backend.Context()
	n, err := r.Backend.Count(ctx, r.conversation(r.history))
	if err != nil || n <= limit-min(limit/4, 256) {
		return err
	}
	turns := r.history
	for n > limit/2 {
		shorter := dropTurn(turns)
		if len(shorter) == len(turns) {
			break
		}
		turns = shorter
		if n, err = r.Backend.Count(ctx, r.conversation(turns)); err != nil {
			return err
		}
	}
	if n >= limit {
		return fmt.Errorf("the message takes %d tokens: %w (%d tokens)", n, engine.ErrContextFull, limit)
	}
	if dropped := len(r.history) - len(turns); dropped > 0 {
		r.printf("(the oldest %d messages were dropped: the context of %d tokens is full)\n", dropped, limit)
		r.history = append([]chat.Message(nil), turns...)
	}
	return nil
}

// dropTurn returns turns without the first message and its answer. The last message always stays.
func dropTurn(turns []chat.Message) []chat.Message {
	if len(turns) <= 2 {
		return turns
	}
	return turns[2:]
}

// interruptible returns a context that also ends with the next interrupt. Interrupts from before are forgotten.
func interruptible(parent context.Context, interrupts <-chan os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	for pending := true; pending; {
		select {
		case <-interrupts:
		default:
			pending = false
		}
	}
	go func() {
		select {
		case <-interrupts:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
