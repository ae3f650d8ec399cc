package tokenizer

import "github.com/latentgo/latentgo/internal/wordsets"

// Sets of code points that pre-tokenisers name literally, in the notation of parseSet.

var (
	europeanSet = parseSet(wordsets.European)
	wideSignSet = parseSet(wordsets.WideSigns)
	eastSet     = parseSet(wordsets.East)
	kanjiSet    = parseSet(wordsets.Kanji)
	asianSet    = parseSet(wordsets.Asian)
	hangulSet   = parseSet(wordsets.Hangul)
	wideMarkSet = parseSet(wordsets.WideMarks)
	bopomofoSet = parseSet(wordsets.Bopomofo)

	// bloomStops end a word in BLOOM's splitter, besides white space.
	bloomStops = parseSet("(|.,!?\u2026\u3002\uFF0C\u3001\u0964\u06D4\u060C)")
)
