// Package arch knows the architectures: for each a constructor that reads a file's metadata and builds the model's
// Spec.
//
// One file per family says what that family reads and how its layers flow, and nothing else; docs/architectures.md
// walks through adding one. Keys that a constructor does not read don't count, and tensors that its spec does not name
// are refused.
package arch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/gguf"
)

// diffusion are architectures that make a text as a whole, and not token by token.
var diffusion = []string{"dream", "llada", "llada-moe", "rnd1"}

// families are the constructors by general.architecture.
var families = map[string]model.Constructor{
	"afmoe":          afmoe,
	"apertus":        apertus,
	"arcee":          arcee,
	"arctic":         arctic,
	"baichuan":       baichuan,
	"bailingmoe":     bailingmoe,
	"bailingmoe2":    bailingmoe2,
	"bailingmoe3":    bailingmoe3,
	"bert":           bert,
	"bitnet":         bitnet,
	"bloom":          bloom,
	"chatglm":        chatglm,
	"codeshell":      codeshell,
	"cogvlm":         cogvlm,
	"cohere2":        cohere2,
	"cohere2moe":     cohere2moe,
	"command-r":      commandR,
	"dbrx":           dbrx,
	"deci":           deci,
	"deepseek":       deepseek,
	"deepseek32":     deepseek32,
	"glm-dsa":        glmDSA,
	"deepseek2":      deepseek2,
	"deepseek4":      deepseek4,
	"dots1":          dots1,
	"dots3note":      dots3note,
	"ernie4_5":       ernie4_5,
	"ernie4_5-moe":   ernie4_5moe,
	"exaone":         exaone,
	"exaone-moe":     exaonemoe,
	"exaone4":        exaone4,
	"falcon":         falcon,
	"falcon-h1":      falconH1,
	"gemma":          gemma,
	"gemma2":         gemma2,
	"gemma3":         gemma3,
	"gemma3n":        gemma3n,
	"gemma4":         gemma4,
	"glm4":           glm4,
	"glm4moe":        glm4moe,
	"glm5-next":      glm5Next,
	"gpt-oss":        gptoss,
	"gpt2":           gpt2,
	"gptneox":        gptneox,
	"granite":        granite,
	"granite_swa":    graniteswa,
	"granitehybrid":  graniteHybrid,
	"granitemoe":     granitemoe,
	"grok":           grok,
	"grovemoe":       grovemoe,
	"hrm_text":       hrmText,
	"hunyuan-dense":  hunyuanDense,
	"hunyuan-moe":    hunyuanMoE,
	"hunyuan_vl":     hunyuanDense,
	"hy_v3":          hyV3,
	"hy_v4":          hyV4,
	"internlm2":      internlm2,
	"jais":           jais,
	"jais2":          jais2,
	"jamba":          jamba,
	"jina-bert-v2":   jinaBERT,
	"jina-bert-v3":   jinaBERT3,
	"kimi-k3":        kimiK3,
	"kimi-linear":    kimiLinear,
	"laguna":         laguna,
	"lfm2":           lfm2,
	"lfm2moe":        lfm2moe,
	"llama":          llama,
	"llama4":         llama4,
	"maincoder":      maincoder,
	"mamba":          mamba,
	"mamba2":         mamba2,
	"maple":          maple,
	"mellum":         mellum,
	"mimo2":          mimo2,
	"minicpm":        minicpm,
	"minicpm3":       minicpm3,
	"minimax-01":     minimax01,
	"minimax-m2":     minimaxm2,
	"minimax-m3":     minimaxm3,
	"mistral3":       mistral3,
	"mistral4":       mistral4,
	"modern-bert":    modernBERT,
	"mpt":            mpt,
	"muse-glimmer":   museGlimmer,
	"nanbeige":       nanbeige,
	"nemotron":       nemotron,
	"nemotron_h":     nemotronH,
	"nemotron_h_moe": nemotronH,
	"nomic-bert":     nomicBERT,
	"nomic-bert-moe": nomicBERTMoE,
	"olmo":           olmo,
	"olmo2":          olmo2,
	"olmoe":          olmoe,
	"openelm":        openelm,
	"orion":          orion,
	"paddleocr":      paddleocr,
	"pangu-embedded": pangu,
	"phi2":           phi2,
	"phi3":           phi3,
	"phimoe":         phimoe,
	"plamo":          plamo,
	"plamo2":         plamo2,
	"plamo3":         plamo3,
	"qwen":           qwen,
	"qwen2":          qwen2,
	"qwen2moe":       qwen2moe,
	"qwen2vl":        qwen2vl,
	"qwen3":          qwen3,
	"qwen35":         qwen35,
	"qwen35moe":      qwen35moe,
	"qwen3moe":       qwen3moe,
	"qwen3next":      qwen3next,
	"qwen3vl":        qwen3vl,
	"qwen3vlmoe":     qwen3vlmoe,
	"qwen4exp":       qwen4exp,
	"refact":         refact,
	"seed_oss":       seedoss,
	"smallthinker":   smallthinker,
	"smollm3":        smollm3,
	"spark2_5":       spark25,
	"stablelm":       stablelm,
	"starcoder":      gpt2,
	"starcoder2":     starcoder2,
	"step35":         step35,
	"talkie":         talkie,
	"xverse":         xverse,

	"eurobert":        euroBERT,
	"gemma-embedding": gemmaEmbedding,
	"neo-bert":        neoBERT,
}

// Names returns the architectures' names, sorted.
func Names() []string { return slices.Sorted(maps.Keys(families)) }

// Read builds the spec of the model in f. The error wraps model.ErrUnsupported for an architecture that is not known.
func Read(f *gguf.File) (*model.Spec, error) {
	name, err := f.String("general.architecture")
	if err != nil {
		return nil, err
	}
	build, ok := families[name]
	if slices.Contains(diffusion, name) {
		const format = "%s: architecture %q is a diffusion language model, which fills in masked tokens that see those behind them and can't continue a text: %w"
		return nil, fmt.Errorf(format, f.Name(), name, model.ErrUnsupported)
	}
	if !ok {
		const format = "%s: architecture %.40q is not known, the nearest of %d that are is %q: %w"
		return nil, fmt.Errorf(format, f.Name(), name, len(families), nearest(name), model.ErrUnsupported)
	}
	return model.ReadSpec(f, build)
}
