package huggingface

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/tokenizer"
)

// card makes README.md and generation_config.json: what the file says about its origin, its licence, and how it wants
// to be sampled.
func (x *exporter) card() error {
	head := object{}
	for _, k := range []string{"name", "author", "version", "organization", "finetune", "basename", "description", "size_label"} {
		if v, err := x.f.String("general." + k); err == nil {
			head["model_"+k] = v
		}
	}
	for key, name := range map[string]string{"general.license": "license", "general.license.name": "license_name", "general.license.link": "license_link",
		"general.source.url": "model_url", "general.source.doi": "model_doi", "general.source.uuid": "model_uuid", "general.source.repo_url": "model_repo_url"} {
		if v, err := x.f.String(key); err == nil {
			head[name] = v
		}
	}
	for key, name := range map[string]string{"general.tags": "tags", "general.languages": "language"} {
		if list, err := x.f.Strings(key); err == nil {
			head[name] = list
		}
	}
	for key, name := range map[string]string{"general.base_model": "base_model", "general.dataset": "datasets"} {
		if list := x.origins(key); list != nil {
			head[name] = list
		}
	}
	raw, err := yaml.Marshal(map[string]any(head))
	if err != nil {
		return err
	}
	title, _ := x.f.String("general.name")
	text := fmt.Sprintf("---\n%s---\n# %s\n\nA GGUF file as a folder of the Hub, made by latentgo.\n", raw, strings.ReplaceAll(title, "\n", " "))
	x.files["README.md"] = []byte(text)
	return x.generation()
}

// origins returns what the file says about models or data sets that this one comes from: the Hub's names where there
// are some, else all that is known.
func (x *exporter) origins(key string) []any {
	n, err := x.f.Uint(key + ".count")
	if err != nil || n > 1000 {
		return nil
	}
	var out []any
	for i := range n {
		o := object{}
		for _, k := range originFacts {
			if v, err := x.f.String(fmt.Sprintf("%s.%d.%s", key, i, k)); err == nil {
				o[k] = v
			}
		}
		id, _ := o["repo_url"].(string)
		if match := hubURL.FindStringSubmatch(id); match != nil {
			out = append(out, match[1])
		} else {
			out = append(out, map[string]any(o))
		}
	}
	return out
}

// generation makes generation_config.json.
func (x *exporter) generation() error {
	gen := object{}
	for _, s := range samplingPlaces {
		v, ok := x.f.Value("general.sampling." + s.key)
		if !ok {
			continue
		}
		name := s.from
		if name == "penalty_repeat" {
			name = "repetition_penalty"
		}
		switch v.Kind() {
		case gguf.KindFloat32, gguf.KindFloat64:
			f, _ := x.f.Float("general.sampling." + s.key)
			gen[name] = number(f)
		default:
			gen[name] = v.Any()
		}
		if name == "temperature" {
			gen["do_sample"] = gen[name] != json.Number("0.0")
		}
	}
	for _, typ := range []string{"bos", "eos", "pad"} {
		if id, ok := x.cfg[typ+"_token_id"]; ok {
			gen[typ+"_token_id"] = id
		}
	}
	if ends, err := x.ends(); err != nil {
		return err
	} else if len(ends) > 1 {
		gen["eos_token_id"] = ends
	}
	return x.json("generation_config.json", gen)
}

// ends returns the tokens that end what a model writes, that of the file first.
func (x *exporter) ends() ([]int32, error) {
	tk, err := tokenizer.New(x.f)
	if err != nil {
		return nil, err
	}
	ends := slices.Clone(tk.EOG())
	if eos, ok := tk.EOS(); ok {
		ends = slices.DeleteFunc(ends, func(id int32) bool { return id == eos })
		ends = append([]int32{eos}, ends...)
	}
	return ends, nil
}
