package tokenizer

import "fmt"

// Metadata is what New reads the vocabulary from: the key-value part of a GGUF file, as *gguf.File has it. The getters
// return an error that names the key when it is missing or of another type. Strings are kept without copying.
type Metadata interface {
	Has(key string) bool
	String(key string) (string, error)
	Uint(key string) (uint64, error)
	Bool(key string) (bool, error)
	Strings(key string) ([]string, error)
	Floats(key string) ([]float32, error)
	Ints(key string) ([]int64, error)
}

// Keys of the GGUF format that this package reads, besides those of roleKeys.
const (
	keyModel       = "tokenizer.ggml.model"
	keyPre         = "tokenizer.ggml.pre"
	keyTokens      = "tokenizer.ggml.tokens"
	keyScores      = "tokenizer.ggml.scores"
	keyTypes       = "tokenizer.ggml.token_type"
	keyMerges      = "tokenizer.ggml.merges"
	keyBOS         = "tokenizer.ggml.bos_token_id"
	keyUnknown     = "tokenizer.ggml.unknown_token_id"
	keySeparator   = "tokenizer.ggml.seperator_token_id" // as the format spells it
	keyEOS         = "tokenizer.ggml.eos_token_id"
	keyAddBOS      = "tokenizer.ggml.add_bos_token"
	keyAddEOS      = "tokenizer.ggml.add_eos_token"
	keyAddSEP      = "tokenizer.ggml.add_sep_token"
	keySpacePrefix = "tokenizer.ggml.add_space_prefix"
	keyLowercase   = "tokenizer.ggml.normalizer.lowercase"
	keyAccents     = "tokenizer.ggml.normalizer.strip_accents"
	keyExtraSpaces = "tokenizer.ggml.remove_extra_whitespaces"
	keyCharsmap    = "tokenizer.ggml.precompiled_charsmap"
	keySuppress    = "tokenizer.ggml.suppress_tokens"
	keyName        = "general.name"
	keyArch        = "general.architecture"
)

// optString returns the string of a key, or def if the key is missing.
func optString(md Metadata, key, def string) (string, error) {
	if !md.Has(key) {
		return def, nil
	}
	return md.String(key)
}

// optBool returns the bool of a key, or def if the key is missing.
func optBool(md Metadata, key string, def bool) (bool, error) {
	if !md.Has(key) {
		return def, nil
	}
	return md.Bool(key)
}

// badVocab is an ErrVocab about element i of an array.
func badVocab(key string, i int, format string, args ...any) error {
	return fmt.Errorf("%s[%d]: %s: %w", key, i, fmt.Sprintf(format, args...), ErrVocab)
}
