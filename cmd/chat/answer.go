package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/latentgo/latentgo/cmd/chat/internal/bench"
	"github.com/latentgo/latentgo/cmd/chat/internal/human"
	"github.com/latentgo/latentgo/engine"
)

// answered is what a prompt's answer is with --json. Names of times are those of llama.cpp's server.
type answered struct {
	Prompt []int32 `json:"prompt"` // ids
	IDs    []int32 `json:"ids"`    // of the answer, the end token included
	Text   string  `json:"text"`

	// Thinking is what the model thought before it answered.
	Thinking string `json:"thinking,omitempty"`

	// LogProbs are the natural logarithms of the probabilities that the model gave to ids, before any sampling.
	LogProbs []float32 `json:"logprobs"`

	Reason       string  `json:"reason"`                  // why the answer ended, see engine.ReasonEOG and its neighbours
	Stop         string  `json:"stopping_word,omitempty"` // the stop text that ended it
	Seed         int64   `json:"seed"`                    // that -s gives the same answer with
	PromptTokens int     `json:"prompt_tokens"`           // of all of the prompt
	CachedTokens int     `json:"cached_tokens"`           // of those, found in the cache
	Tokens       int     `json:"tokens"`                  // drawn
	Timings      timings `json:"timings"`
}

// timings are the times of an answer in milliseconds, and rates; 0 where nothing was measured.
type timings struct {
	PromptN            int     `json:"prompt_n"` // tokens evaluated
	PromptMS           float64 `json:"prompt_ms"`
	PromptPerSecond    float64 `json:"prompt_per_second"`
	PredictedN         int     `json:"predicted_n"`
	PredictedMS        float64 `json:"predicted_ms"`
	PredictedPerSecond float64 `json:"predicted_per_second"`
	DraftN             int     `json:"draft_n,omitempty"`          // tokens guessed
	DraftAccepted      int     `json:"draft_n_accepted,omitempty"` // of them that were right
}

// timingsOf reads the times off a session's statistics.
func timingsOf(st engine.Stats) timings {
	perSecond := func(n int, d time.Duration) float64 {
		if d <= 0 {
			return 0
		}
		return bench.Round2(float64(n) / d.Seconds())
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return timings{
		PromptN: st.PromptTokens, PromptMS: ms(st.PromptTime), PromptPerSecond: perSecond(st.PromptTokens, st.PromptTime),
		PredictedN: st.Tokens, PredictedMS: ms(st.DecodeTime), PredictedPerSecond: perSecond(st.Tokens, st.DecodeTime),
		DraftN: st.Drafted, DraftAccepted: st.Accepted,
	}
}

// errNoText is returned when an answer is wanted as text of a model that has none.
var errNoText = errors.New("the answer has no text")

// oneAnswer streams the answer to one prompt, or prints it as JSON.
type oneAnswer struct {
	a             *app
	m             *engine.Model
	s             *engine.Session
	opt           *engine.GenerateOptions
	json, verbose bool
}

// run answers p. After Ctrl-C what came so far is complete: a line with its end, or JSON.
func (o *oneAnswer) run(p onePrompt) error {
	if _, err := o.m.Tokenizer(); err != nil {
		switch {
		case p.ids == nil:
			return err
		case !o.json:
			return fmt.Errorf("%w: %w", errNoText, err)
		}
	}
	if o.opt.Sampling.Seed < 0 {
		o.opt.Sampling.Seed = int64(rand.Uint32()) // fits a number of JSON in every language
	}
	o.opt.LogProbs = o.json
	res := answered{Prompt: []int32{}, IDs: []int32{}, LogProbs: []float32{}}
	var text strings.Builder
	err := o.stream(p, &res, &text)
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	res.Text = text.String()
	st := o.s.Stats()
	if perr := o.print(&res, st); err == nil {
		err = perr
	}
	if st.Reason == engine.ReasonContext {
		o.a.note("chat: the answer was cut: the context of %d tokens is full; -c makes it larger", o.s.Context())
	}
	if res.Text == "" && res.Thinking != "" {
		o.a.note("chat: the model was still thinking when its answer ended")
	}
	if o.verbose {
		o.a.note("%s", human.Speed(st))
	}
	return err
}

// print prints the answer as JSON, or ends the line of its text.
func (o *oneAnswer) print(res *answered, st engine.Stats) error {
	if !o.json {
		if !strings.HasSuffix(res.Text, "\n") {
			o.a.printf("\n")
		}
		return nil
	}
	res.Reason, res.Stop, res.Seed, res.Timings = st.Reason, st.Stop, st.Seed, timingsOf(st)
	res.PromptTokens, res.CachedTokens, res.Tokens = st.CachedTokens+st.PromptTokens, st.CachedTokens, st.Tokens
	return o.a.printJSON(res)
}

// stream runs the generation, collects ids and text, and writes the text as it comes unless JSON is wanted.
func (o *oneAnswer) stream(p onePrompt, res *answered, text *strings.Builder) error {
	out := io.Writer(text)
	if !o.json {
		out = io.MultiWriter(text, o.a.out)
	}
	seq := o.s.Chat(o.a.ctx, p.conversation(), o.opt)
	if p.ids != nil {
		seq = o.s.Generate(o.a.ctx, p.ids, o.opt)
	} else if p.raw {
		seq = o.s.GenerateText(o.a.ctx, p.text, o.opt)
	}
	for piece, err := range seq {
		if err != nil {
			return err
		}
		if len(res.Prompt) == 0 { // the engine has tokenised it by now
			st := o.s.Stats()
			res.Prompt = append(res.Prompt, o.s.Tokens()[:st.CachedTokens+st.PromptTokens]...)
		}
		if piece.Token >= 0 {
			res.IDs, res.LogProbs = append(res.IDs, piece.Token), append(res.LogProbs, piece.LogProb)
		}
		res.Thinking += piece.Thinking
		if _, err := io.WriteString(out, piece.Text); err != nil {
			return err
		}
	}
	return nil
}
