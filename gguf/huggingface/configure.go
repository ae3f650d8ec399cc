package huggingface

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// family is what the models of one class have of their own. Nil functions stand for what most decoders have.
type family struct {
	arch   string
	names  map[string]string                                    // beside commonNames; "" for a common name that it does not have
	init   func(m *model) error                                 // adjusts the configuration
	filter func(m *model, name string) (string, bool)           // renames a tensor of the folder, or drops it
	extra  func(m *model) error                                 // adds tensors that stand before all others
	modify func(m *model, name string, bid int, t tensor) error // adds what a tensor becomes
	keys   func(m *model)                                       // sets the keys of the architecture
	vocab  func(m *model) error                                 // sets the keys of the tokenizer
}

// families holds all classes. Each file of a family adds its own.
var families = map[string]family{}

// register adds a family for the classes that are named as config.json names them.
func register(f family, classes ...string) bool {
	for _, c := range classes {
		families[c] = f
	}
	return true
}

// Classes returns the classes of models that can be converted, as "architectures" in config.json names them, sorted.
func Classes() []string { return slices.Sorted(maps.Keys(families)) }

// maxLayers is the most layers that a model may have.
const maxLayers = 10000

// configure reads config.json and finds the family.
func (m *model) configure() error {
	if err := readJSON(m.dir, "config.json", &m.root); err != nil {
		return err
	}
	cfg, err := m.root.withDefaults()
	if err != nil {
		return err
	}
	m.class = m.className(cfg)
	f, ok := families[m.class]
	if !ok {
		return fmt.Errorf("config.json: models of class %q are %w; these are: %s", m.class, ErrUnsupported, strings.Join(Classes(), ", "))
	}
	m.family, m.arch = f, f.arch
	if text := textConfig(cfg); text != nil {
		if text, err = text.withDefaults(); err != nil {
			return err
		}
		maps.Copy(cfg, text)
	}
	m.cfg = cfg
	m.rope = m.ropeParameters()
	m.blocks, ok = cfg.integer("n_layers", "num_hidden_layers", "n_layer", "num_layers", "num_transformer_layers")
	if !ok || m.blocks < 0 || m.blocks > maxLayers {
		return fmt.Errorf("config.json: %w: no number of layers between 0 and %d", ErrFolder, maxLayers)
	}
	if m.family.init != nil {
		if err := m.family.init(m); err != nil {
			return err
		}
	}
	return m.err
}

// textConfig returns the part of a configuration that is about text, nil where that is all of it.
func textConfig(cfg config) config {
	for _, k := range []string{"lfm", "language_config", "lm_config", "llm_config", "text_config"} {
		if c := cfg.object(k); c != nil {
			return c
		}
	}
	return cfg.object("thinker_config").object("text_config")
}

// className returns the class of the model.
func (m *model) className(cfg config) string {
	if list := cfg.object("text_config").texts("architectures"); len(list) > 0 {
		return list[0]
	}
	if list := cfg.texts("architectures"); len(list) > 0 {
		return list[0]
	}
	return ""
}

// ropeParameters brings what configurations of all ages say about rotation into the newest form.
func (m *model) ropeParameters() config {
	r := config{}
	for _, k := range []string{"rope_scaling", "rope_parameters"} {
		if o := m.cfg.object(k); len(o) > 0 {
			maps.Copy(r, o)
			break
		}
	}
	local := m.cfg.first("local_rope_theta", "rope_local_theta", "rope_theta_local", "swa_rope_theta", "rope_local_base_freq")
	theta := m.cfg.first("global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta", "rotary_emb_base")
	partial := m.cfg.first("partial_rotary_factor", "rope_pct", "rope_percent")
	nested := false
	for _, layers := range []string{"full_attention", "sliding_attention"} {
		if o := r.object(layers); o != nil {
			nested = true
			r[layers] = map[string]any(m.fillRope(maps.Clone(o), theta, partial))
		}
	}
	if nested {
		return r
	}
	if r = m.fillRope(r, theta, partial); local != nil {
		r["sliding_attention"] = map[string]any{"rope_theta": local}
	}
	return r
}

// fillRope adds what stands elsewhere in the configuration.
func (m *model) fillRope(r config, theta, partial any) config {
	if theta == nil && len(r) == 0 {
		return r
	}
	def := func(k string, v any) {
		if _, ok := r[k]; !ok && v != nil {
			r[k] = v
		}
	}
	def("rope_type", r["type"])
	def("rope_type", "default")
	def("rope_theta", theta)
	def("partial_rotary_factor", partial)
	if v := m.cfg["original_max_position_embeddings"]; v != nil {
		def("original_max_position_embeddings", v)
	} else if slices.Contains([]string{"llama3", "yarn", "longrope"}, r.text("rope_type")) {
		def("original_max_position_embeddings", m.cfg["max_position_embeddings"])
	}
	return r
}

// whole is a number for config.
func whole(n int) json.Number { return json.Number(fmt.Sprint(n)) }
