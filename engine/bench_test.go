package engine

import (
	"context"
	"fmt"
	"testing"

	"github.com/latentgo/latentgo/internal/gguftest"

	"github.com/latentgo/latentgo/internal/testenv"
)

func benchModel(b *testing.B, opt Options) (*Model, *Session) {
	m := loadFile(b, testenv.Model(b), opt)
	return m, newSession(b, m, nil)
}

// One token after a context of the given depth; bytes are those of the weights.
func BenchmarkDecode(b *testing.B) {
	for _, threads := range []int{1, 2} {
		for _, depth := range []int{1, 4096} {
			b.Run(fmt.Sprintf("threads=%d/depth=%d", threads, depth), func(b *testing.B) {
				m, s := benchModel(b, Options{Threads: threads})
				ids := gguftest.RandomIDs(depth, m.net.Vocab())
				if _, err := s.Eval(context.Background(), ids); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(m.Info().WeightBytes)
				b.ResetTimer()
				for range b.N {
					s.Truncate(depth)
					if _, err := s.Eval(context.Background(), ids[:1]); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}

func BenchmarkPrompt(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			m, s := benchModel(b, Options{Threads: threads})
			ids := gguftest.RandomIDs(512, m.net.Vocab())
			for range b.N {
				s.Reset()
				if _, err := s.Eval(context.Background(), ids); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*len(ids))/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
