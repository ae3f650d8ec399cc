package huggingface

import (
	"fmt"
	"path"
	"strings"
)

// metadata sets all keys.
func (m *model) metadata() error {
	m.set("general.architecture", m.arch)
	for _, k := range m.early {
		m.set(k.name, k.value)
	}
	m.set("general.type", "model")
	if err := m.general(); err != nil {
		return err
	}
	keys := m.family.keys
	if keys == nil {
		keys = (*model).commonKeys
	}
	keys(m)
	m.set("general.quantization_version", uint32(2))
	if m.err != nil {
		return m.err
	}
	vocab := m.family.vocab
	if vocab == nil {
		vocab = (*model).vocabBPE
	}
	if err := vocab(m); err != nil {
		return err
	}
	return m.err
}

// general sets what the file says about its origin and how it wants to be sampled.
func (m *model) general() error {
	card, err := m.modelCard()
	if err != nil {
		return err
	}
	gen, _ := readOptional(m.dir, "generation_config.json") // one that is damaged counts for nothing, as in the script
	total, shared, expert, experts := m.parameters()
	facts := m.facts(card, total)
	if strings.Contains(m.name, "/") {
		facts.set("name", m.name)
	}
	if facts["name"] == nil {
		facts["name"] = path.Base(m.name)
	}
	if facts["size_label"] == nil && total > 0 {
		facts["size_label"] = sizeLabel(total, shared, expert, experts)
	}
	m.sampling(gen)
	for _, k := range []string{"name", "author", "version", "organization", "finetune", "basename", "description",
		"quantized_by", "size_label", "license"} {
		m.fact("general."+k, facts[k])
	}
	m.fact("general.license.name", facts["license_name"])
	m.fact("general.license.link", facts["license_link"])
	for _, k := range []string{"url", "doi", "uuid", "repo_url"} {
		m.fact("general.source."+k, facts["source_"+k])
	}
	m.origins("general.base_model", facts["base_models"])
	m.origins("general.dataset", facts["datasets"])
	for _, k := range []string{"tags", "languages"} {
		if list, ok := facts[k].([]string); ok && len(list) > 0 {
			m.set("general."+k, list)
		}
	}
	return nil
}

// fact sets a text that may be missing.
func (m *model) fact(name string, v any) {
	switch v := v.(type) {
	case nil:
	case []any:
		m.set(name, strings.Join(strs(v), ","))
	default:
		m.set(name, fmt.Sprint(v))
	}
}

// originFacts are what is known about an origin.
var originFacts = []string{"name", "author", "version", "organization", "description", "url", "doi", "uuid", "repo_url"}

// origins sets keys about models or data sets that this one comes from.
func (m *model) origins(name string, v any) {
	list, ok := v.([]map[string]any)
	if !ok {
		return
	}
	m.set(name+".count", uint32(len(list)))
	for i, o := range list {
		for _, k := range originFacts {
			m.fact(fmt.Sprintf("%s.%d.%s", name, i, k), o[k])
		}
	}
}

// samplingPlaces are keys below general.sampling, and where generation_config.json has them.
var samplingPlaces = []struct {
	key, from string
	whole     bool
}{{"top_k", "top_k", true}, {"top_p", "top_p", false}, {"min_p", "min_p", false}, {"xtc_probability", "xtc_probability", false},
	{"xtc_threshold", "xtc_threshold", false}, {"temp", "temperature", false}, {"penalty_last_n", "penalty_last_n", true},
	{"penalty_repeat", "penalty_repeat", false}, {"mirostat", "mirostat", true}, {"mirostat_tau", "mirostat_tau", false},
	{"mirostat_eta", "mirostat_eta", false}}

// sampling sets what generation_config.json recommends.
func (m *model) sampling(gen config) {
	for _, s := range samplingPlaces {
		v := gen.first(s.from)
		if s.from == "penalty_repeat" && !hasKey(gen, s.from) {
			v = gen.first("repetition_penalty")
		}
		if n, ok := toInt(v); ok && s.whole {
			m.set("general.sampling."+s.key, int32(n))
		} else if x, ok := toFloat(v); ok && !s.whole {
			m.set("general.sampling."+s.key, float32(x))
		}
	}
}

// parameters counts weights: all, those that every token meets, those of one expert, and experts.
func (m *model) parameters() (total, shared, expert, experts int) {
	sum, tensors := 0, 0
	for _, t := range m.out {
		size := elements(t.shape)
		total += size
		if !strings.Contains(t.name, "_exps.") || len(t.shape) < 3 {
			shared += size
			continue
		}
		n := t.shape[len(t.shape)-3]
		if strings.Contains(t.name, ".bias") {
			n = t.shape[len(t.shape)-2]
		}
		if n > 0 {
			expert += size / n
		}
		sum, tensors = sum+n, tensors+1
	}
	if tensors > 0 {
		experts = sum / tensors
	}
	return total, shared, expert, experts
}
