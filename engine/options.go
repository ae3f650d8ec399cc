package engine

import (
	"fmt"
	"time"

	"github.com/latentgo/latentgo/engine/grammar"
	"github.com/latentgo/latentgo/engine/sample"
	"github.com/latentgo/latentgo/gguf/lora"
	"github.com/latentgo/latentgo/tokenizer/chat/reply"
)

// Sampling configures the choice of the next token; see sample.Params for the fields. Each field's zero value is off:
// Sampling{} is greedy, Sampling{Temperature: 0.8} draws from all tokens with a new seed each time.
type Sampling = sample.Params

// Options configures Load. The zero value is the default.
type Options struct {
	// Threads that compute, the calling goroutine included. 0 means one per physical core. More than the processors
	// that the process may use (by affinity, a container's CPU quota, GOMAXPROCS) would wait for each other: they are
	// cut to that number, and Info.Threads tells how many there are.
	Threads int
	// MLA is the form of the attention; the zero value is MLAExact. A compressed form converts the model, see Convert.
	MLA MLA
	// Cache is what sessions cache that ask for CacheDefault. CacheCalibrated finds out by text how the model's keys and
	// values are best kept in few bits: that takes from seconds for a small model to minutes for a large one, once, and
	// can't be had with a compressed MLA.
	Cache Cache
	// Convert says how, for a compressed MLA or a calibrated Cache; nil means the defaults.
	Convert *ConvertOptions
	// MaxSessions, MaxCalls and MaxCacheBytes bound what a server's users may take together; 0 means no bound. What
	// goes beyond fails at once with an error that wraps ErrLimit and says which: a session that is not closed, a call
	// of Generate, Eval and the like while as many are under way, tokens that the caches of all sessions have no room
	// for (Model.CacheBytes).
	MaxSessions, MaxCalls int
	MaxCacheBytes         int64
	// PrefixCache keeps the caches of closed sessions, up to so many bytes, the last used longest: a prompt that begins
	// as one of them is evaluated from where they differ (Stats.CachedTokens), in a session that has less of it itself.
	// The bytes count in Model.CacheBytes and give way to MaxCacheBytes. 0 keeps none. What an answer's tokens left in a
	// cache differs in rounding from what the same tokens leave as a prompt, so that texts may depend on what is kept.
	PrefixCache int64
	// Adapters are low-rank adapters whose products are added while the model runs, all of them, each times its Scale:
	// lora.Open reads their files. For a model that is compressed they have to be merged first, see gguf/lora/merged.
	Adapters []Adapter
	// Lock keeps the file's mapped weights in memory, see gguf.File.Lock: loading reads all of them, and fails where the
	// system refuses.
	Lock bool
	// NoHugePages leaves the weights of a mapped file in the pages that the system has of it, which programs share. Otherwise
	// they move into memory of the program's own soon after loading, where the system has huge pages and memory to spare: see
	// gguf.File.HugePages.
	NoHugePages bool
	// VocabOnly loads metadata and tokenizer, no weights: NewSession then fails with ErrNoWeights.
	VocabOnly bool
}

// Adapter is an adapter and how much of it counts: 1 is all.
type Adapter = lora.Scaled

// DefaultContext is the largest context that a session gets when none is asked for.
const DefaultContext = 8192

// MaxContext is the largest context that a session can have.
const MaxContext = 1 << 24

// SessionOptions configures NewSession. The zero value is the default.
type SessionOptions struct {
	// Context is the largest number of tokens the session can hold, 1 … MaxContext. 0 means the model's trained context
	// (Info.Context), at most DefaultContext. Beyond the trained context models lose the thread: Session.Warnings says
	// so. Memory grows with use, not with this number.
	Context int
	// Cache is the type of the cached values; the zero value is CacheDefault.
	Cache CacheType
	// DropMiddle lets an answer go on when the context is full, instead of ending with ReasonContext: the first Keep
	// tokens stay, the older half of the others is forgotten, and the newer half is evaluated again behind them.
	// Stats.Dropped counts what was forgotten. A prompt that is longer than the context is an error all the same.
	DropMiddle bool
	Keep       int
	// Batch is how many tokens of a prompt one forward pass takes at most (llama.cpp's n_ubatch). 0, and more than the
	// model's own limit, mean that limit: 512, fewer for wide models. Beside the answers of other sessions, which
	// go on between the layers of a pass, the parts of a prompt are smaller by themselves; those of a model with
	// compressed or DeepSeek's latent attention, whose sessions take passes of their own, are not.
	Batch int
}

// context returns the session's context for a model with the trained one given.
func (o *SessionOptions) context(trained int) (int, error) {
	switch {
	case o.Context < 0:
		return 0, fmt.Errorf("context of %d tokens: must not be negative", o.Context)
	case o.Context > MaxContext:
		return 0, fmt.Errorf("context of %d tokens: must be at most %d", o.Context, MaxContext)
	case o.Context == 0:
		return min(trained, DefaultContext), nil
	}
	return o.Context, nil
}

// GenerateOptions configures one answer. The zero value is the default.
type GenerateOptions struct {
	// MaxTokens ends the answer after this many tokens; 0 means no limit but the context's.
	MaxTokens int
	// Sampling replaces the model's sampling defaults (Model.Sampling) as a whole when not nil.
	Sampling *Sampling
	// Stop ends the answer before any of these strings; they are never part of the text. Empty ones end nothing.
	Stop []string
	// IgnoreEOG goes on after an end-of-generation token, as benchmarks want.
	IgnoreEOG bool
	// Special makes control tokens visible in the text. Chat then leaves the text as the model writes it: thoughts and
	// calls are not taken out.
	Special bool
	// LogProbs sets Piece.LogProb, which costs one more pass over the vocabulary per token.
	LogProbs bool
	// TopLogProbs sets Piece.Top to so many of the most probable tokens, and Piece.LogProb.
	TopLogProbs int
	// Logits, when not nil, sees the logits before each draw, and may change them in place: the draw is made from what
	// it leaves. tokens is the text so far. It keeps neither slice. Piece.LogProb and Piece.Top are the model's, as
	// they were before.
	Logits func(tokens []int32, logits []float32)
	// Grammar, when not nil, allows only tokens that go on with a text of the grammar, whatever the other options say;
	// the answer ends where such a text is complete and the model ends it, or nothing can follow. An answer that ends
	// otherwise (see Stats.Reason) is the beginning of a text; going on by an empty prompt with the same Grammar goes
	// on with that.
	Grammar *grammar.Grammar
	// Stages are stages of the caller's own among Sampling's, whose Samplers name them.
	Stages map[string]sample.Stage
	// Speculate guesses tokens from what followed the same tokens earlier in the text, and checks several in one pass.
	// The answer is the same, to the token, at any Sampling with a seed; where it repeats the prompt, as when rewriting
	// a text, it comes faster. Passes that are guessed wrongly take some 2 % of the time at most. Models with recurrent
	// layers, compressed or DeepSeek's attention fail with ErrUnsupported.
	Speculate bool
	// Draft guesses tokens with a smaller model of the same vocabulary, which evaluates the prompt too; the error wraps
	// ErrDraft when it has another. The session keeps one of Draft until it is closed. With Speculate
	// too, long matches in the text go first.
	Draft *Model
}

// Piece is one step of a streamed answer.
type Piece struct {
	// Token is the id that was drawn; -1 for a piece that only flushes text held back before.
	Token int32
	// Text that became certain with this token: valid UTF-8, possibly empty.
	Text string
	// Thinking is what became certain of the model's thoughts, and Calls tells of tool calls that begin, go on or end;
	// only from Chat. reply.Answer sums up all pieces of an answer.
	Thinking string
	Calls    []reply.Event
	// LogProb is the natural logarithm of the token's probability as the model gave it, before any Sampling; only with
	// GenerateOptions.LogProbs, otherwise and for Token -1 it is 0.
	LogProb float32
	// Top are the most probable tokens, the first most, as LogProb; only with GenerateOptions.TopLogProbs.
	Top []TokenProb
}

// TokenProb is a token and the natural logarithm of its probability.
type TokenProb struct {
	Token   int32
	LogProb float32
}

// Reasons why an answer ended, as in Stats.Reason.
const (
	ReasonEOG       = "stop"      // the model ended its answer, or the grammar did
	ReasonStop      = "stop_word" // a stop string
	ReasonMaxTokens = "length"    // GenerateOptions.MaxTokens
	ReasonContext   = "context"   // the session's context is full
	ReasonCancelled = "cancelled" // the context.Context was done, or the consumer left the loop
	ReasonError     = "error"     // the iterator's last pair holds the error
)

// Stats describes a session's last answer.
type Stats struct {
	CachedTokens int           // prompt tokens that were in the cache already
	PromptTokens int           // prompt tokens evaluated
	PromptTime   time.Duration // evaluating them
	Tokens       int           // tokens drawn
	Seed         int64         // seed of the draws: Sampling.Seed, or the new one that was taken for it; repeats the answer
	DecodeTime   time.Duration // drawing and evaluating them
	Drafted      int           // tokens guessed by GenerateOptions.Speculate or Draft
	Accepted     int           // of them that were right
	Forced       int           // of Tokens, those that were not drawn, since GenerateOptions.Grammar allowed only their text
	Dropped      int           // tokens that SessionOptions.DropMiddle forgot
	Reason       string        // why the answer ended
	Stop         string        // the stop string that ended it, with ReasonStop
}

// Info describes a loaded model. Sizes are in values, tokens or bytes as named.
type Info struct {
	Architecture string `json:"architecture"`
	Name         string `json:"name"`
	FileType     string `json:"file_type"`    // the quantisation that holds most weights, such as Q4_1
	Parameters   int64  `json:"parameters"`   // weights in all tensors
	WeightBytes  int64  `json:"weight_bytes"` // bytes of all tensors
	Context      int    `json:"context"`      // trained context in tokens
	Layers       int    `json:"layers"`
	Embedding    int    `json:"embedding"` // width of the residual stream
	Heads        int    `json:"heads"`     // query heads of the first layer
	KVHeads      int    `json:"kv_heads"`  // its key/value heads
	HeadSize     int    `json:"head_size"` // values per key head
	Vocab        int    `json:"vocab"`
	MLA          string `json:"mla"`          // "exact", "off", "compressed 64+128" (R+L; ", 2 of 30 layers exact") or, for deepseek2, "native 64+512"
	RopeSize     int    `json:"rope_size"`    // R, cached values under RoPE per token and layer, the mean where layers differ; 0 when MLA is off
	LatentSize   int    `json:"latent_size"`  // L, cached latent values, likewise
	CacheBytes   int    `json:"cache_bytes"`  // bytes per token, all layers
	RecentBytes  int    `json:"recent_bytes"` // bytes per session beside, whatever its length: a compressed model's newest tokens as they are
	Threads      int    `json:"threads"`
	CPU          string `json:"cpu"` // kernel path: generic, avx2, avx512, neon
}
