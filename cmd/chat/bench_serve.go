package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/latentgo/latentgo/cmd/chat/internal/bench"
	"github.com/latentgo/latentgo/engine"
)

// benchServer is `chat bench --serve`: measurements on request, for benchmarks that alternate between programs and must
// not pay for loading each time. It prints the model's engine.Info as a line of JSON, then one line for each
// request on standard input, until that ends:
//
//	{"prompt": 512}                  a prompt of 512 tokens, from an empty cache or after a depth
//	{"decode": 64, "depth": 4096}    64 greedy steps after 4,096 tokens
//	{"decode": 64, "sequences": 8}   64 steps of each of 8 sequences together
//
// Before the clock starts, a few steps warm up what slept since the last request; what an earlier request left of a
// context's tokens is used again.
type benchServer struct {
	*bench.Runner
	m       *engine.Model
	context int
}

// benchRequest is a line of input: either a prompt or decode.
type benchRequest struct {
	Prompt    int `json:"prompt"`
	Decode    int `json:"decode"`
	Depth     int `json:"depth"`
	Sequences int `json:"sequences"` // of decode; 0 is 1
}

// benchReply is a line of output. Rates are tokens per second of all sequences.
type benchReply struct {
	Threads    int         `json:"threads"`
	Depth      int         `json:"depth"`
	Sequences  int         `json:"sequences"`
	Prompt     *bench.Rate `json:"prompt,omitempty"`
	Decode     *bench.Rate `json:"decode,omitempty"`
	Allocs     *uint64     `json:"allocs,omitempty"` // heap allocations during the steps of a decode
	CacheBytes int         `json:"cache_bytes"`      // what the first sequence's cache takes
	StepBytes  int         `json:"step_bytes"`       // what a step of it at the depth reads, weights and cache
}

// serveBench answers the requests on standard input.
func serveBench(a *app, m *engine.Model) error {
	info := m.Info()
	b := &benchServer{m: m, context: max(info.Context, 64)}
	var err error
	if b.Runner, err = bench.NewRunner(a.ctx, m, b.context, nil); err != nil {
		return err
	}
	defer b.Close()
	if err := a.printJSON(info); err != nil {
		return err
	}
	in := json.NewDecoder(a.stdin)
	in.DisallowUnknownFields()
	for {
		var req benchRequest
		if err := in.Decode(&req); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		reply, err := b.answer(&req)
		if err != nil {
			return err
		}
		if err := a.printJSON(reply); err != nil {
			return err
		}
	}
}

// answer measures what req asks for.
func (b *benchServer) answer(req *benchRequest) (*benchReply, error) {
	if req.Prompt < 0 || req.Decode < 0 || req.Depth < 0 || req.Sequences < 0 || (req.Prompt > 0) == (req.Decode > 0) {
		return nil, fmt.Errorf("request %+v: either prompt or decode must be positive", *req)
	}
	if req.Prompt > 0 && req.Sequences > 1 {
		return nil, fmt.Errorf("request %+v: a prompt is of one sequence", *req)
	}
	if req.Prompt > b.context-req.Depth || req.Depth > b.context-req.Decode-1 {
		return nil, fmt.Errorf("request %+v: the model's context has %d tokens", *req, b.context)
	}
	c := bench.Case{Kind: bench.Decode, Tokens: req.Decode, Depth: req.Depth, Sequences: max(req.Sequences, 1)}
	if req.Prompt > 0 {
		c.Kind, c.Tokens = bench.Prompt, req.Prompt
	}
	rate, allocs, err := b.Once(c, true)
	if err != nil {
		return nil, err
	}
	reply := &benchReply{Threads: b.m.Info().Threads, Depth: req.Depth, Sequences: c.Sequences, CacheBytes: b.Session().CacheBytes()}
	if c.Kind == bench.Prompt {
		reply.Prompt = bench.NewRate([]float64{rate})
	} else {
		reply.Decode, reply.Allocs = bench.NewRate([]float64{rate}), &allocs
	}
	weights, cached := b.Session().StepBytes(req.Depth)
	reply.StepBytes = weights + cached
	return reply, nil
}
