package repl

import (
	"slices"
	"strings"
)

// alsoKnownAs are names that parameters have on the command line, in llama.cpp or in Ollama.
var alsoKnownAs = map[string]string{
	"num_predict": "max_tokens", "n_predict": "max_tokens", "predict": "max_tokens", "system_prompt": "system",
	"typical": "typical_p", "top_nsigma": "top_n_sigma", "dynatemp_exp": "dynatemp_exponent",
	"mirostat_lr": "mirostat_eta", "mirostat_ent": "mirostat_tau", "presence": "presence_penalty", "frequency": "frequency_penalty",
}

// elsewhere says where parameters of llama.cpp and Ollama are set that a conversation can't change.
var elsewhere = map[string]string{
	"num_ctx": contextHint, "n_ctx": contextHint, "ctx_size": contextHint, "context": contextHint, "ctx": contextHint, "context_length": contextHint,
	"num_thread": threadsHint, "num_threads": threadsHint, "n_threads": threadsHint, "threads": threadsHint,
	"mla": "it is chosen at the start: chat --mla FORM", "cache": "it is chosen at the start: chat --cache TYPE",
	"model": "it is chosen at the start: chat -m MODEL", "num_gpu": "this program computes on the processor", "n_gpu_layers": "this program computes on the processor",
	"quiet": "/set verbose off", "noverbose": "/set verbose off", "nosystem": `/set system ""`,
}

// Hints of elsewhere.
const (
	contextHint = "it is fixed while a conversation runs: chat -c N starts one with a context of N tokens"
	threadsHint = "it is chosen at the start: chat -t N"
)

// canonical returns a parameter's own name for one that a person may type.
func canonical(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if name == "temp" {
		return "temperature"
	}
	if own, ok := alsoKnownAs[name]; ok {
		return own
	}
	return name
}

// isParameter reports whether /set knows a name.
func isParameter(name string) bool { return slices.Contains(parameterNames(), name) }

// unknown tells what to do about a name that /set does not know.
func (r *repl) unknown(given, name string) {
	if hint, ok := elsewhere[name]; ok {
		r.printf("chat: %s can't be set here\nhint: %s\n", given, hint)
		return
	}
	r.printf("chat: unknown parameter %s%s\nhint: /set lists the parameters\n", given, didYouMean(name, parameterNames()))
}
