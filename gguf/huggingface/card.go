package huggingface

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// modelCard returns what stands in YAML at the head of README.md.
func (m *model) modelCard() (map[string]any, error) {
	raw, err := readFile(m.dir, "README.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
	if lines[0] != "---" {
		return nil, nil
	}
	var head strings.Builder
	for _, line := range lines[1:] {
		if line == "---" {
			break
		}
		head.WriteString(strings.ReplaceAll(line, "\t", "  ") + "\n")
	}
	if head.Len() > 1<<20 {
		return nil, fmt.Errorf("README.md: %w: the card at its head has more than 1 MB", ErrFolder)
	}
	var card map[string]any
	if err := yaml.Unmarshal([]byte(head.String()), &card); err != nil {
		return nil, fmt.Errorf("README.md: the card at its head: %w: %w", ErrFolder, err)
	}
	return card, nil
}

// facts are what is known about a model, under the names of the format.
type facts map[string]any

// set sets a fact.
func (f facts) set(name string, v any) { f[name] = v }

// guess sets a fact that is not known yet.
func (f facts) guess(name string, v any) {
	if s, ok := v.(string); f[name] == nil && v != nil && (!ok || s != "") {
		f[name] = v
	}
}

// facts collects them from the card, from config.json and from the folder's name.
func (m *model) facts(card map[string]any, total int) facts {
	f := facts{}
	for _, prefix := range []string{"", "model_"} {
		for _, k := range []string{"name", "author", "version", "organization", "description", "finetune", "basename", "size_label"} {
			f.guess(k, card[prefix+k])
		}
		for _, k := range []string{"url", "doi", "uuid", "repo_url"} {
			f.guess("source_"+k, card[prefix+k])
		}
	}
	f.guess("author", card["model_creator"])
	f.guess("basename", card["model_type"])
	f.guess("base_models", origins(card, total, "base_model", "base_models", "base_model_sources"))
	f.guess("datasets", origins(card, total, "datasets", "dataset", "dataset_sources"))
	for _, k := range []string{"license", "license_name", "license_link"} {
		f.guess(k, card[k])
	}
	f.guess("tags", collect(card, "tags", "pipeline_tag"))
	f.guess("languages", collect(card, "languages", "language"))
	if id := m.root.text("_name_or_path"); id != "" && strings.Count(id, "/") <= 1 {
		f.fromID(id, total)
	}
	f.fromID(path.Base(m.name), total)
	return f
}

// fromID takes facts from the name of a repository or a folder.
func (f facts) fromID(id string, total int) {
	p := splitID(id, total)
	f.guess("name", title(p.name))
	f.guess("organization", title(p.org))
	f.guess("basename", p.base)
	f.guess("finetune", p.finetune)
	f.guess("version", p.version)
	f.guess("size_label", p.size)
}

// strs are the elements of a list as texts.
func strs(list []any) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// collect joins texts and lists of texts of a card; nil if there are none.
func collect(card map[string]any, keys ...string) any {
	var out []string
	for _, k := range keys {
		switch v := card[k].(type) {
		case string:
			out = append(out, v)
		case []any:
			out = append(out, strs(v)...)
		}
	}
	if out == nil {
		return nil
	}
	return out
}

// hubURL is the address of a repository.
var hubURL = regexp.MustCompile(`^https?://huggingface.co/([^/]+/[^/]+)$`)

// origins returns what a card says about the models or data sets that this one comes from.
func origins(card map[string]any, total int, keys ...string) any {
	var list []any
	for _, k := range keys {
		if v, ok := card[k]; ok {
			if list, ok = v.([]any); !ok && v != nil {
				list = []any{v}
			}
			break
		}
	}
	if list == nil {
		return nil
	}
	out := []map[string]any{}
	for _, v := range list {
		switch v := v.(type) {
		case string:
			out = append(out, origin(v, total))
		case map[string]any:
			out = append(out, v)
		}
	}
	return out
}

// origin describes a repository that is named by its address or as owner/repo.
func origin(id string, total int) map[string]any {
	o := map[string]any{}
	isURL := strings.HasPrefix(id, "http://") || strings.HasPrefix(id, "https://") || strings.HasPrefix(id, "ssh://")
	if isURL {
		o["repo_url"] = id
		match := hubURL.FindStringSubmatch(id)
		if match == nil {
			return o
		}
		id = match[1]
	}
	p := splitID(id, total)
	for k, v := range map[string]string{"name": title(p.name), "organization": title(p.org), "version": p.version} {
		if v != "" {
			o[k] = v
		}
	}
	if p.org != "" && !isURL {
		o["repo_url"] = "https://huggingface.co/" + p.org + "/" + p.name
	}
	return o
}
