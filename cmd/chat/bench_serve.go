package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/latentgo/latentgo/engine"
)

// benchServer is `chat bench --serve`: measurements on request, for benchmarks that alternate between programs and must
// not pay for loading each time. It prints the model's engine.Info as a line of JSON, then one line for each
// request on standard input, until that ends:
//
//	{"prompt": 512}                  a prompt of 512 tokens, from an empty cache
//	{"decode": 64, "depth": 4096}    64 greedy steps after 4,096 tokens
//
// The replies have the fields of `chat bench --json` and those of benchReply. Before the clock starts, a few tokens
// warm up what slept since the last request; what an earlier request left of a context's tokens is used again.
type benchServer struct {
	bench
	m    *engine.Model
	kept int // how many of ids, from the first one, are in the cache

	mem runtime.MemStats
}

// benchRequest is a line of input: either a prompt or decode.
type benchRequest struct {
	Prompt int `json:"prompt"`
	Decode int `json:"decode"`
	Depth  int `json:"depth"`
}

// benchReply is a line of output.
type benchReply struct {
	benchResult
	Allocs     *uint64 `json:"allocs,omitempty"` // heap allocations during the steps of a decode
	CacheBytes int     `json:"cache_bytes"`      // what the session's cache takes
	StepBytes  int     `json:"step_bytes"`       // what a step at the depth reads, weights and cache
}

// warmTokens are evaluated before each measurement.
const warmTokens = 16

// serveBench answers the requests on standard input.
func serveBench(a *app, m *engine.Model) error {
	info := m.Info()
	s, err := m.NewSession(&engine.SessionOptions{Context: max(info.Context, warmTokens)})
	if err != nil {
		return err
	}
	defer s.Close()
	b := &benchServer{m: m, bench: bench{a: a, s: s, ids: randomIDs(s.Context(), info.Vocab)}}
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
	most := b.s.Context()
	if req.Prompt < 0 || req.Decode < 0 || req.Depth < 0 || (req.Prompt > 0) == (req.Decode > 0) {
		return nil, fmt.Errorf("request %+v: either prompt or decode must be positive", *req)
	}
	if req.Prompt > most || req.Depth > most-req.Decode-1 {
		return nil, fmt.Errorf("request %+v: the model's context has %d tokens", *req, most)
	}
	b.c, b.depth = &benchCmd{Prompt: req.Prompt, Predict: req.Decode}, req.Depth
	reply := &benchReply{benchResult: benchResult{Threads: b.m.Info().Threads, Depth: req.Depth}}
	err := b.measure(reply)
	reply.CacheBytes = b.s.CacheBytes()
	weights, cached := b.s.StepBytes(req.Depth)
	reply.StepBytes = weights + cached
	return reply, err
}

// measure fills in the rates.
func (b *benchServer) measure(reply *benchReply) error {
	if b.c.Prompt > 0 {
		b.kept = 0
		b.s.Reset()
		if _, err := b.s.Eval(b.a.ctx, b.ids[:warmTokens]); err != nil {
			return err
		}
		b.s.Reset()
		start := time.Now()
		_, err := b.s.Eval(b.a.ctx, b.ids[:b.c.Prompt])
		reply.Prompt = rateOf([]float64{float64(b.c.Prompt) / time.Since(start).Seconds()})
		return err
	}
	if err := b.warmDecode(); err != nil {
		return err
	}
	logits, err := b.fill(max(b.depth, 1))
	if err != nil {
		return err
	}
	before := b.mallocs()
	start := time.Now()
	err = b.steps(logits, b.c.Predict)
	seconds := time.Since(start).Seconds()
	allocs := b.mallocs() - before
	reply.Decode, reply.Allocs = rateOf([]float64{float64(b.c.Predict) / seconds}), &allocs
	return err
}

// warmDecode takes as many of the steps as warm up, so that neither the cache nor anything else has to grow when they
// count.
func (b *benchServer) warmDecode() error {
	logits, err := b.fill(max(b.depth, 1))
	if err != nil {
		return err
	}
	return b.steps(logits, min(b.c.Predict, warmTokens))
}

// fill makes the first n of ids the session's tokens and returns the logits after them.
func (b *benchServer) fill(n int) ([]float32, error) {
	b.kept = min(b.kept, n-1)
	b.s.Truncate(b.kept)
	logits, err := b.s.Eval(b.a.ctx, b.ids[b.kept:n])
	if err == nil {
		b.kept = n
	}
	return logits, err
}

// mallocs returns how many heap objects the program has allocated so far.
func (b *benchServer) mallocs() uint64 {
	runtime.ReadMemStats(&b.mem)
	return b.mem.Mallocs
}
