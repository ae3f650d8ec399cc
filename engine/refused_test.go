package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// A prompt that is refused leaves tokens, cache and logits as they were.
func TestRefusedPromptChangesNothing(t *testing.T) {
	m := tinyModel(t, Options{})
	ids := randomIDs(40, 80)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	with := func(tail ...int32) []int32 { return append(slices.Clone(ids[:3]), tail...) }
	for name, c := range map[string]struct {
		ctx    context.Context
		prompt []int32
		opt    GenerateOptions
		want   error
	}{
		"too long":                {t.Context(), with(make([]int32, 62)...), GenerateOptions{}, ErrContextFull},
		"beyond the vocabulary":   {t.Context(), with(80), GenerateOptions{}, ErrToken},
		"negative":                {t.Context(), with(-1, 4), GenerateOptions{}, ErrToken},
		"wrong early":             {t.Context(), []int32{99}, GenerateOptions{}, ErrToken},
		"wrong and a prefix":      {t.Context(), append(slices.Clone(ids), 80), GenerateOptions{}, ErrToken},
		"cancelled before":        {gone, with(5), GenerateOptions{}, context.Canceled},
		"wrong sampling":          {t.Context(), with(5), GenerateOptions{Sampling: &Sampling{TopP: -3}}, nil},
		"going on, but cancelled": {gone, nil, GenerateOptions{}, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t, m, &SessionOptions{Context: 64})
			want := lastLogits(t, s, ids)
			for p, err := range s.Generate(c.ctx, c.prompt, &c.opt) {
				if err == nil || c.want != nil && !errors.Is(err, c.want) || p.Token != -1 {
					t.Errorf("got %+v, %v, want %v", p, err, c.want)
				}
			}
			if !slices.Equal(s.Tokens(), ids) {
				t.Errorf("the session has %d tokens, had %d", len(s.Tokens()), len(ids))
			}
			got, err := s.Eval(t.Context(), nil)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("its logits changed, %v", err)
			}
		})
	}
}
