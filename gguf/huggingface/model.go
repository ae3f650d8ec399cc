package huggingface

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/gguf/safetensors"
	"github.com/latentgo/latentgo/internal/floatdata"
)

// Weights is the type that matrices get; norms, biases and other small tensors are F32 always.
type Weights int

// The types of matrices.
const (
	// Auto is the type of the folder's first matrix if that is BF16 or F16, else F16: the script's choice.
	Auto Weights = iota
	F32
	F16
	BF16
	// Lossless is F32 for a folder whose first matrix is F32, else Auto: what to quantise from.
	Lossless
)

// Options say how a folder is read. The zero value, or nil, is the default.
type Options struct {
	Weights Weights
}

// Model is a folder as a GGUF file, which exists nowhere.
type Model struct {
	*gguf.File
	weights *weights
}

// Close closes the folder's files. The GGUF file must not be read any more.
func (m *Model) Close() error { return errors.Join(m.File.Close(), m.weights.close()) }

// Open reads a folder. name is the folder's name, from which general.name comes where nothing else tells one, or
// owner/repo. Errors wrap ErrUnsupported, ErrFolder, safetensors.ErrFormat, or are those of dir.
func Open(dir fs.FS, name string, opt *Options) (_ *Model, err error) {
	if opt == nil {
		opt = &Options{}
	}
	m := &model{dir: dir, name: name, w: new(gguf.Writer)}
	if err := m.configure(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	files, err := openWeights(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f, err := m.convert(files, opt.Weights)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), files.close())
	}
	return &Model{f, files}, nil
}

// model is a folder at work.
type model struct {
	dir   fs.FS
	name  string
	cfg   config // of the text model, with defaults
	root  config // config.json as it is
	class string
	arch  string
	rope  config // rope_parameters
	family
	blocks int // layers in the file
	typ    gguf.Type

	files   *weights
	in      []named // tensors of the folder
	out     []named // tensors of the GGUF file
	experts map[string][]tensor
	waiting map[string]int // experts that are still to come
	early   []key          // keys that stand before all others
	w       *gguf.Writer
	err     error // the first of set
}

// named is a tensor with its name.
type named struct {
	name string
	tensor
}

// key is a key with its value.
type key struct {
	name  string
	value any
}

// convert makes the GGUF file.
func (m *model) convert(files *weights, want Weights) (*gguf.File, error) {
	m.files = files
	if err := m.index(files, want); err != nil {
		return nil, err
	}
	if err := m.tensors(); err != nil {
		return nil, err
	}
	if err := m.metadata(); err != nil {
		return nil, err
	}
	for _, t := range m.out {
		if err := m.add(t); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.name, err)
		}
	}
	r, size, err := m.w.ReaderAt()
	if err != nil {
		return nil, err
	}
	return gguf.OpenReaderAt(m.name, r, size)
}

// index takes the folder's tensors, under the names that the family gives them, and chooses the type of matrices.
func (m *model) index(files *weights, want Weights) error {
	for _, t := range files.tensors {
		name, ok := rename(t.Name)
		if ok && m.family.filter != nil {
			name, ok = m.family.filter(m, name)
		}
		if ok {
			m.in = append(m.in, named{name, load(t)})
		}
	}
	m.typ = typeF16
	matrix := slices.IndexFunc(m.in, func(t named) bool {
		return len(t.shape) > 1 && (t.dtype == safetensors.BF16 || t.dtype == safetensors.F16)
	})
	switch {
	case want == F32, want == Lossless && matrix < 0:
		m.typ = typeF32
	case want == BF16, matrix >= 0 && m.in[matrix].dtype == safetensors.BF16 && want != F16:
		m.typ = typeBF16
	}
	return m.unscale()
}

// rename is what the script does to names of all families; false for tensors of other modalities.
func rename(name string) (string, bool) {
	for _, prefix := range []string{"mlp", "vit.", "vpm.", "siglip2.", "conformer.", "merger.", "resampler.", "sound_encoder.",
		"sound_projection.", "speech_embeddings."} {
		if strings.HasPrefix(name, prefix) {
			return "", false
		}
	}
	if strings.Contains(name, ".vision_expert_") || strings.Contains(name, ".vision_mlp.") {
		return name, true // CogVLM's weights for images, which its layers have beside those for texts
	}
	for _, part := range []string{"visual.", "vision.", "audio.", "talker.", "vision_", "audio_", "token2wav.", "code2wav.", "projector.",
		"pre_mm_projector_norm", "image_newline", "view_seperator", "patch_embed", "patch_merger.", "patch_merge_mlp.", "model.connector."} {
		if strings.Contains(name, part) {
			return "", false
		}
	}
	if s, ok := strings.CutSuffix(name, "e_score_correction_bias"); ok {
		name = s + "e_score_correction.bias"
	}
	return strings.ReplaceAll(name, "language_model.", ""), true
}

// tensors makes the tensors of the file.
func (m *model) tensors() error {
	m.experts, m.waiting = map[string][]tensor{}, map[string]int{}
	if m.family.extra != nil {
		if err := m.family.extra(m); err != nil {
			return err
		}
	}
	for _, t := range m.in {
		if strings.HasSuffix(t.name, ".attention.masked_bias") || strings.HasSuffix(t.name, ".attention.bias") ||
			strings.HasSuffix(t.name, ".rotary_emb.inv_freq") {
			continue
		}
		modify := m.family.modify
		if modify == nil {
			modify = (*model).plain
		}
		if err := modify(m, t.name, block(t.name), t.tensor); err != nil {
			return fmt.Errorf("tensor %q: %w", t.name, err)
		}
	}
	for name, n := range m.waiting {
		if n > 0 {
			return fmt.Errorf("%w: %d tensors of experts are missing for %s", ErrFolder, n, name)
		}
	}
	return nil
}

// block returns the first number between dots of a name, -1 if there is none.
func block(name string) int {
	for part := range strings.SplitSeq(name, ".") {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 {
			return n
		}
	}
	return -1
}

// plain adds a tensor under its name in the GGUF file.
func (m *model) plain(name string, _ int, t tensor) error {
	short, suffix := name, ""
	for _, s := range []string{".weight", ".bias"} {
		if cut, ok := strings.CutSuffix(name, s); ok {
			short, suffix = cut, s
		}
	}
	to, ok := m.lookup(short)
	if !ok {
		return fmt.Errorf("%w: a %s has no such tensor", ErrUnsupported, m.class)
	}
	return m.emit(to+suffix, t)
}

// lookup returns the name in the GGUF file of a module.
func (m *model) lookup(module string) (string, bool) {
	n := block(module)
	pattern := module
	if n >= 0 {
		pattern = strings.Replace("."+module+".", "."+strconv.Itoa(n)+".", ".#.", 1)
		pattern = pattern[1 : len(pattern)-1]
	}
	to, ok := m.family.names[pattern]
	if !ok {
		to, ok = commonNames[pattern]
	}
	if !ok || to == "" || n >= m.blocks && strings.Contains(to, "#") {
		return "", false
	}
	return strings.Replace(to, "#", strconv.Itoa(n), 1), true
}

// emit adds a tensor of the GGUF file.
func (m *model) emit(name string, t tensor) error {
	m.out = append(m.out, named{name, t})
	return nil
}

// blk adds a tensor of a layer.
func (m *model) blk(n int, name string, t tensor) error {
	if n < 0 || n >= m.blocks {
		return fmt.Errorf("%w: layer %d of %d", ErrFolder, n, m.blocks)
	}
	return m.emit("blk."+strconv.Itoa(n)+"."+name, t)
}

// add adds a tensor to the writer, in the type that it gets there.
func (m *model) add(t named) error {
	shape := make([]uint64, 0, 4)
	for _, d := range slices.Backward(t.shape) {
		shape = append(shape, uint64(d))
	}
	if len(shape) == 0 {
		shape = []uint64{1}
	}
	typ := m.typ
	switch {
	case t.block != 0:
		typ = t.block
	case len(t.shape) <= 1 || strings.HasSuffix(t.name, "_norm.weight"):
		typ = typeF32
	case t.typed:
		typ = t.fixed
	case inFloat32(t.name):
		typ = typeF32
	}
	data := t.raw
	switch {
	case t.block != 0:
	case t.plain != nil && typ != typeF32 && floatTypes[t.plain.DType] == typ:
		data = t.plain // as it is
	default:
		data = floatdata.Reader(typ, elements(t.shape), t.read)
	}
	return m.w.AddTensorAt(t.name, typ, shape, data)
}

// floatTypes are the types whose bytes are the same in both formats.
var floatTypes = map[safetensors.DType]gguf.Type{safetensors.F16: typeF16, safetensors.BF16: typeBF16}

// The types of matrices in the file.
const (
	typeF32  = gguf.Type(0)
	typeF16  = gguf.Type(1)
	typeI32  = gguf.Type(26)
	typeBF16 = gguf.Type(30)
)

// inFloat32 reports whether a tensor is F32 whatever the others are.
func inFloat32(name string) bool {
	if !strings.HasSuffix(name, ".weight") || strings.HasSuffix(name, "_norm.weight") {
		return true
	}
	for _, part := range []string{"ffn_gate_inp", "ffn_gate_inp_shexp", "ssm_conv1d", "shortconv.conv", "altup_correct_coef", "altup_predict_coef", "indexer.proj",
		"ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v"} {
		if strings.HasSuffix(name, "."+part+".weight") {
			return true
		}
	}
	return name == "position_embd.weight" || name == "token_types.weight"
}
