package reply_test

import (
	"strings"
	"testing"

	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// BenchmarkParser reads an answer of 30 kB, mostly text, in pieces of four bytes.
func BenchmarkParser(b *testing.B) {
	f := formatWith(b, hermes...)
	list := tools(b)
	said := "<think>" + strings.Repeat("Well, then. ", 1000) + "</think>" + strings.Repeat("An answer < 12.\n", 1000) +
		`<tool_call>{"name": "run", "arguments": {"code": "` + strings.Repeat("x = 1\\n", 300) + `"}}</tool_call>`
	b.SetBytes(int64(len(said)))
	for b.Loop() {
		p := f.NewParser(reply.Options{Tools: list})
		for i := 0; i < len(said); i += 4 {
			p.Push(said[i:min(i+4, len(said))])
		}
		p.Close()
	}
}
