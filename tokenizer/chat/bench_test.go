package chat_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

func BenchmarkGoldenAll(b *testing.B) {
	dir := testenv.Shared(b, "vectors/chat")
	var g templateGolden
	loadJSON(b, filepath.Join(dir, "golden.json"), &g)
	opt := chat.RenderOptions{BOS: g.BOS, EOS: g.EOS}
	tm := map[string]*chat.Template{}
	for f := range g.Expected {
		tm[f] = compile(b, filepath.Join(dir, f))
	}
	for b.Loop() {
		for f, by := range g.Expected {
			for name := range by {
				tm[f].Render(context.Background(), g.Conversations[name], opt)
			}
		}
	}
}

func BenchmarkGoldenCompile(b *testing.B) {
	dir := testenv.Shared(b, "vectors/chat")
	var g templateGolden
	loadJSON(b, filepath.Join(dir, "golden.json"), &g)
	var src []string
	for f := range g.Expected {
		src = append(src, compile(b, filepath.Join(dir, f)).Source())
	}
	for b.Loop() {
		for _, s := range src {
			chat.Parse(s)
		}
	}
}
