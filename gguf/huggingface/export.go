package huggingface

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/safetensors"
	"github.com/latentgo/latentgo/internal/floatdata"
)

// inverse is how an architecture of GGUF files becomes a class of the Hub again. Names of tensors are those of the
// class's family, read the other way.
type inverse struct {
	class, modelType string
	fits             func(x *exporter) bool                         // nil: always
	names            map[string]string                              // GGUF module to the Hub's, where several have one name
	restore          func(x *exporter, name string, t tensor) error // gives what a tensor was made of; nil: plain
	fixed            map[string]any                                 // what the configuration says of all models of the class
	says             []string                                       // see say: keys that it says beside those of all decoders
	config           func(x *exporter)                              // adds what the others do not know
	vocab            func(x *exporter, v *fileVocab) error          // writes the tokenizer's own file; nil: there is none
	within           seeing                                         // where the Hub has the model inside one that also sees
	becomes          string                                         // the architecture that the folder has, where it is another
	adapted          []string                                       // keys of the architecture that the folder says otherwise
	implied          []string                                       // keys that the class has no name for, or config sets
	known            []string                                       // names of the configuration that are not in defaults.json
}

// seeing is a model around the one that a file has, for classes that exist with a tower only. The folder says nothing
// of the tower.
type seeing struct {
	modelType string // of the configuration around the text model's
	from, to  string // what names begin with without the other model, and with it
}

// inverses holds them by architecture; the first that fits counts. Each file of a family adds its own.
var inverses = map[string][]inverse{}

// invert adds inverses for an architecture.
func invert(arch string, list ...inverse) bool {
	inverses[arch] = append(inverses[arch], list...)
	return true
}

// withoutFolder are architectures that run here and have no folder, and why.
var withoutFolder = map[string]string{
	"hunyuan_vl": "its language model rotates a part of each head for each dimension of positions, and one not at all, as " +
		"no plain one does",
	"jina-bert-v2": "its folders say that they are BERT, and only code beside the weights makes them another model: " +
		"without it they would load as something else",
	"jina-bert-v3":   "its folders have adapters for tasks and are not read here, so that none could be checked",
	"nomic-bert-moe": "its class adds a bias to what experts give, which files leave out",
	"xverse":         "its tokenizer needs merges, and files have neither these nor scores",
}

// Exportable returns the architectures of GGUF files that [NewExport] takes, sorted.
func Exportable() []string { return slices.Sorted(maps.Keys(inverses)) }

// ExportOptions say how a folder is made. The zero value, or nil, is the default.
type ExportOptions struct {
	// Weights is the type of matrices: BF16 (Auto, the default), F16 or F32. Norms, biases and other small tensors get it
	// where it holds their values, else F32.
	Weights Weights
	// MaxBytes is the most that a file of weights holds, unless one tensor is larger; 0 is 5 GB, as in transformers.
	MaxBytes int64
}

// defaultMaxBytes is transformers' choice.
const defaultMaxBytes = 5e9

// Export is a GGUF file as a folder of the Hub, which exists nowhere until it is written.
type Export struct {
	class string
	files map[string][]byte // the small ones
	parts []*safetensors.Part
}

// Class returns the class of the model, as config.json names it.
func (e *Export) Class() string { return e.class }

// NewExport makes the folder of a file, which must stay open as long as the folder is read. Weights in blocks are
// multiplied out. The folder is read again, as [Open] reads it, and compared with the file before NewExport returns it:
// what the Hub's class can't express is an error that names it. Errors wrap ErrUnsupported or ErrFile, or are those of
// f.
func NewExport(f *gguf.File, opt *ExportOptions) (*Export, error) {
	if opt == nil {
		opt = &ExportOptions{}
	}
	e, err := export(f, *opt)
	if err != nil {
		return nil, fmt.Errorf("%s: as a folder of the Hub: %w", f.Name(), err)
	}
	return e, nil
}

// exporter is a file at work.
type exporter struct {
	f    *gguf.File
	arch string
	inverse
	modules map[string]string // GGUF names to the Hub's, with # for the number of the layer
	known   map[string]bool   // keys that transformers' configuration class has
	layers  int
	typ     gguf.Type
	cfg     map[string]any // config.json
	scale   float64        // of the residual stream, see latent
	out     []named
	files   map[string][]byte
	precise map[string]bool // tensors that files have in F32 always
	err     error           // the first of key
}

func export(f *gguf.File, opt ExportOptions) (*Export, error) {
	x := &exporter{f: f, cfg: map[string]any{}, files: map[string][]byte{}, precise: map[string]bool{}, scale: 1, typ: typeBF16}
	switch opt.Weights {
	case F32:
		x.typ = typeF32
	case F16:
		x.typ = typeF16
	}
	if err := x.find(); err != nil {
		return nil, err
	}
	if err := x.configure(); err != nil {
		return nil, err
	}
	if err := x.tensors(); err != nil {
		return nil, err
	}
	if err := x.tokenizer(); err != nil {
		return nil, err
	}
	x.surround()
	if err := errors.Join(x.card(), x.json("config.json", x.cfg)); err != nil {
		return nil, err
	}
	w := new(safetensors.Writer)
	for _, t := range x.out {
		if err := x.add(w, t); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.name, err)
		}
	}
	e := &Export{class: x.class, files: x.files, parts: w.Parts(cmp.Or(opt.MaxBytes, int64(defaultMaxBytes)))}
	if err := e.index(); err != nil {
		return nil, err
	}
	return e, x.check(e)
}

// surround puts the model inside the one that the class has around it.
func (x *exporter) surround() {
	w := x.within
	if w.modelType == "" {
		return
	}
	for i, t := range x.out {
		if rest, ok := strings.CutPrefix(t.name, w.from); ok {
			x.out[i].name = w.to + rest
			x.precise[w.to+rest] = x.precise[t.name]
		}
	}
	outer := map[string]any{"model_type": w.modelType, "text_config": x.cfg}
	for _, k := range []string{"architectures", "torch_dtype"} {
		outer[k] = x.cfg[k]
		delete(x.cfg, k)
	}
	for _, k := range []string{"tie_word_embeddings", "bos_token_id", "eos_token_id", "pad_token_id"} {
		if v, ok := x.cfg[k]; ok {
			outer[k] = v
		}
	}
	x.cfg = outer
}

// find finds the class, and the names of its tensors.
func (x *exporter) find() error {
	arch, err := x.f.String("general.architecture")
	if err != nil {
		return err
	}
	x.arch = arch
	if x.f.Has("latentgo.version") {
		return fmt.Errorf("%w: its cache is compressed in this program's own form, which only this program runs: "+
			"compress the original with --mla R+L --to huggingface", ErrUnsupported)
	}
	i := slices.IndexFunc(inverses[arch], func(v inverse) bool { return v.fits == nil || v.fits(x) })
	if i < 0 && arch == "bert" && x.has("cls.output.weight") && !x.has("cls.weight") {
		return fmt.Errorf("tensor %q: %w: BERT's head for classes stands behind a pooler, which the file does not have", "cls.output.weight", ErrUnsupported)
	}
	if reason := withoutFolder[arch]; reason != "" {
		return fmt.Errorf("architecture %q is %w: %s", arch, ErrUnsupported, reason)
	}
	if i < 0 {
		return fmt.Errorf("architecture %q is %w; these are: %s", arch, ErrUnsupported, strings.Join(Exportable(), ", "))
	}
	x.inverse = inverses[arch][i]
	x.modules = families[x.class].inverseNames()
	maps.Copy(x.modules, x.names)
	var all map[string]config
	if err := decodeJSON("defaults.json", defaultsJSON, &all); err != nil {
		return err
	}
	x.known = map[string]bool{}
	for key := range all[x.modelType] {
		x.known[key] = true
	}
	for _, key := range x.inverse.known {
		x.known[key] = true
	}
	if all[x.modelType] == nil && x.inverse.known == nil {
		for _, key := range usualNames {
			x.known[key] = true
		}
	}
	return nil
}

// usualNames are the names that configurations have whose classes are in no library.
var usualNames = []string{"max_position_embeddings", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "rms_norm_eps",
	"layer_norm_eps", "num_experts", "num_experts_per_tok", "n_group", "topk_group"}

// inverseNames maps names of the GGUF file to the Hub's. The family's own count before those that are common.
func (f family) inverseNames() map[string]string {
	out := map[string]string{}
	for _, names := range []map[string]string{commonNames, f.names} {
		for _, module := range slices.Sorted(maps.Keys(names)) {
			own, shadowed := f.names[module]
			if to := names[module]; to != "" && (!shadowed || own == to) {
				out[to] = module
			}
		}
	}
	return out
}

// tensors makes the folder's tensors.
func (x *exporter) tensors() error {
	restore := x.restore
	if restore == nil {
		restore = (*exporter).plain
	}
	for _, t := range x.f.Tensors() {
		src, err := fromFile(t)
		if err == nil {
			err = restore(x, t.Name, src)
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	return x.err
}

// plain adds a tensor under its name on the Hub; those of all experts together one by one.
func (x *exporter) plain(name string, t tensor) error {
	to, err := x.hubName(name)
	if err != nil {
		return err
	}
	before, after, ok := strings.Cut(to, ".experts.")
	if !ok {
		x.precise[to] = inFloat32(name)
		x.emit(to, t)
		return nil
	}
	if !t.dims(3) {
		return fmt.Errorf("%w: shape %v is none of experts' matrices", ErrFile, t.shape)
	}
	for i := range t.shape[0] {
		x.emit(fmt.Sprintf("%s.experts.%d.%s", before, i, after), t.rows(i, i+1).reshape(t.shape[1:]...))
	}
	return nil
}

// emit adds a tensor of the folder.
func (x *exporter) emit(name string, t tensor) { x.out = append(x.out, named{name, t}) }

// hubName returns the name on the Hub of a tensor.
func (x *exporter) hubName(name string) (string, error) {
	module, suffix := name, ""
	for _, s := range []string{".weight", ".bias"} {
		if cut, ok := strings.CutSuffix(name, s); ok {
			module, suffix = cut, s
		}
	}
	layer := ""
	if rest, ok := strings.CutPrefix(module, "blk."); ok {
		var part string
		layer, part, _ = strings.Cut(rest, ".")
		module = "blk.#." + part
	}
	to, ok := x.modules[module]
	if !ok {
		return "", fmt.Errorf("%w: a %s has no such tensor", ErrUnsupported, x.class)
	}
	to = strings.Replace(to, "#", layer, 1)
	switch {
	case suffix == ".bias" && strings.HasSuffix(to, ".e_score_correction"):
		return to + "_bias", nil
	case suffix == ".bias" && strings.HasSuffix(to, ".dt_proj") && !x.has(strings.TrimSuffix(name, "bias")+"weight"):
		return strings.TrimSuffix(to, "proj") + "bias", nil
	case suffix == ".bias" && strings.HasSuffix(to, ".expert_bias"), suffix == ".weight" && strings.HasSuffix(to, ".sinks"):
		return to, nil
	}
	return to + suffix, nil
}

// has reports whether the file has a tensor.
func (x *exporter) has(name string) bool {
	_, err := x.f.Tensor(name)
	return err == nil
}

// floatDTypes are the names of types in safetensors.
var floatDTypes = map[gguf.Type]safetensors.DType{typeF32: safetensors.F32, typeF16: safetensors.F16, typeBF16: safetensors.BF16}

// add adds a tensor to the weights. What is no matrix, and what files have in F32 always, keeps its precision.
func (x *exporter) add(w *safetensors.Writer, t named) error {
	if t.block == typeI64 {
		return w.Add(t.name, safetensors.I64, t.shape, t.raw)
	}
	typ := x.typ
	if (len(t.shape) < 2 || x.precise[t.name]) && typ != typeF32 {
		values, err := t.all()
		if err != nil {
			return err
		}
		if !held(typ, values) {
			typ = typeF32
		}
	}
	return w.Add(t.name, floatDTypes[typ], t.shape, floatdata.Reader(typ, elements(t.shape), t.read))
}

// json adds a file.
func (x *exporter) json(name string, v any) error {
	raw, err := marshal(v)
	x.files[name] = raw
	return err
}

// marshal writes JSON as transformers does: indented by two, with all characters as they are.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return []byte(b.String()), err
}

// index adds the list of which tensor lies in which file, if there are several.
func (e *Export) index() error {
	if len(e.parts) == 1 {
		return nil
	}
	weights, total := map[string]string{}, int64(0)
	for _, p := range e.parts {
		for _, name := range p.Names {
			weights[name] = p.Name
		}
		total += p.Bytes()
	}
	raw, err := marshal(map[string]any{"metadata": map[string]any{"total_size": total}, "weight_map": weights})
	e.files[indexName] = raw
	return err
}
