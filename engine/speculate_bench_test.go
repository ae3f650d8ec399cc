package engine

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/gguftest"
	"github.com/latentgo/latentgo/internal/testenv"
	"github.com/latentgo/latentgo/tokenizer/chat"
)

// BenchmarkSteps measures passes of several steps of one sequence, as a multiple of one step: the best of many.
// LATENTGO_BENCH_MODEL is another model than SmolLM2.
func BenchmarkSteps(b *testing.B) {
	m := benchFile(b)
	seq := m.net.NewSequence(attention.F16, 0)
	const depth = 500
	if err := m.net.Run([]model.Rows{{Seq: seq, Tokens: gguftest.RandomIDs(depth, m.net.Vocab()), Kind: model.Prompt}}, nil); err != nil {
		b.Fatal(err)
	}
	sizes := []int{1, 2, 3, 4, 5, 6, 8, 12, 16}
	best := make([]time.Duration, len(sizes))
	var outs [][]float32
	var rows []int
	for i := range 16 {
		outs, rows = append(outs, make([]float32, m.net.Vocab())), append(rows, i)
	}
	for b.Loop() {
		for i, n := range sizes {
			start := time.Now()
			if err := m.net.Run([]model.Rows{{Seq: seq, Tokens: gguftest.RandomIDs(n, m.net.Vocab()), Kind: model.Step}}, nil); err != nil {
				b.Fatal(err)
			}
			if err := m.net.StepLogits(outs[:n], rows[:n]); err != nil {
				b.Fatal(err)
			}
			if d := time.Since(start); best[i] == 0 || d < best[i] {
				best[i] = d
			}
			seq.Truncate(depth)
		}
	}
	b.ReportMetric(best[0].Seconds()*1e3, "ms")
	for i, n := range sizes[1:] {
		b.ReportMetric(best[i+1].Seconds()/best[0].Seconds(), fmt.Sprintf("x%d", n))
	}
}

// BenchmarkSpeculate measures answers of 400 tokens with and without guesses, in turns: the rewriting of a text, and a
// story in which little repeats. LATENTGO_DRAFT_MODEL is a draft model.
func BenchmarkSpeculate(b *testing.B) {
	m := benchFile(b)
	var draft *Model
	if path := os.Getenv("LATENTGO_DRAFT_MODEL"); path != "" {
		draft = loadFile(b, path, Options{})
	}
	ask := map[string]string{
		"rewrite": "Copy the following text word by word, and write nothing else.\n\n" + harbourText,
		"story":   "Write a long story about a lighthouse keeper who finds a strange animal on the beach.",
	}
	steady := passTook
	defer func() { passTook = steady }()
	passTook = time.Since
	for _, name := range []string{"rewrite", "story"} {
		b.Run(name, func(b *testing.B) {
			var took [2][]float64
			var stats Stats
			for b.Loop() {
				for i, on := range []bool{false, true} {
					s := newSession(b, m, nil)
					opt := GenerateOptions{MaxTokens: 400, Speculate: on, Sampling: &Sampling{}}
					if name == "story" {
						opt.Sampling = &Sampling{Temperature: 1, Seed: 4, TopP: 0.95}
					}
					if on {
						opt.Draft = draft
					}
					conv := chat.Conversation{Messages: []chat.Message{chat.NewMessage("user", ask[name])}}
					for _, err := range s.Chat(b.Context(), conv, &opt) {
						if err != nil {
							b.Fatal(err)
						}
					}
					stats = s.Stats()
					took[i] = append(took[i], stats.DecodeTime.Seconds()/float64(stats.Tokens))
					s.Close()
				}
			}
			slices.Sort(took[0])
			slices.Sort(took[1])
			plain, fast := took[0][len(took[0])/2], took[1][len(took[1])/2]
			b.ReportMetric(1/plain, "tok/s-plain")
			b.ReportMetric(1/fast, "tok/s")
			b.ReportMetric(plain/fast, "times")
			b.ReportMetric(float64(stats.Tokens), "tokens")
			b.ReportMetric(float64(stats.Drafted), "guessed")
			b.ReportMetric(float64(stats.Accepted), "right")
		})
	}
}

func benchFile(b *testing.B) *Model {
	path := os.Getenv("LATENTGO_BENCH_MODEL")
	if path == "" {
		path = testenv.Model(b)
	}
	return loadFile(b, path, Options{})
}

// harbourText is a text of some 500 tokens.
const harbourText = `The harbour of the old town opens to the north, and in winter the wind comes straight from the ice.
Fishermen used to say that whoever could moor a boat there in January could moor one anywhere. Today most of the boats
belong to people from the city, who come in June and leave in September, and the long wooden pier is empty for the rest
of the year. Only the ferry still runs: twice a day in summer, on Mondays and Thursdays in winter, when the captain
drinks his tea with the postmaster before he goes back.

The lighthouse at the end of the pier was built in 1874 after the loss of the Margarethe, a barque with a load of timber
that missed the entrance by forty metres. Eleven men drowned within sight of their houses. The lamp burned rape oil at
first, then paraffin, and since 1931 it has been electric. Its keeper, a man named Anders Holm, lived in the two rooms
below the lantern for thirty-eight years, and kept a diary in which he noted wind, temperature, ships, and what his wife
had cooked. Historians have learned more from the meals than from the ships: potatoes with herring on most days, meat on
Sundays, and in the spring of 1942 for six weeks nothing but bread and turnips.

When the lighthouse was automated in 1969, the council wanted to pull it down. A teacher, Ingrid Dahl, collected four
thousand signatures in a town of three thousand inhabitants, and the council gave in. Since then the tower has been a
museum with one guard and no heating. Visitors climb one hundred and twelve steps, look at the lens, and are shown the
diary under glass, opened at the page on which Holm writes that the sea was calm and that he had nothing to report.`
