package sample

import (
	"fmt"
	"strings"
)

// The stages' names in the default order, llama.cpp's; adaptive_p, which draws, is the last wherever it is named.
var samplerNames = []string{"penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature", "adaptive_p"}

// infillName is that of a stage that runs only where it is named.
const infillName = "infill"

// samplerAliases are further spellings, without "_" and "-".
var samplerAliases = map[string]string{"nucleus": "top_p", "temp": "temperature", "typ": "typ_p", "typicalp": "typ_p"}

// SamplerNames returns the names that Params.Samplers may hold, in the default order, but for infill, which runs only
// where it is named. Spellings with "-" or without any
// separator are understood too. The caller owns the slice.
func SamplerNames() []string { return append([]string(nil), samplerNames...) }

// samplerName returns the canonical form of a stage's name.
func samplerName(s string) (string, error) {
	squeezed := squeeze(s)
	if name, ok := samplerAliases[squeezed]; ok {
		return name, nil
	}
	if squeezed == infillName {
		return infillName, nil
	}
	for _, name := range samplerNames {
		if squeeze(name) == squeezed {
			return name, nil
		}
	}
	return "", fmt.Errorf("no sampler is called %q", strings.TrimSpace(s))
}

func squeeze(s string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(strings.TrimSpace(s)))
}

// samplerOrder returns the canonical names of a list, or the default order for an empty one. Names of the caller's own
// stages stay as they are.
func samplerOrder(list []string, own map[string]Stage) ([]string, error) {
	if len(list) == 0 {
		return samplerNames, nil
	}
	order := make([]string, 0, len(list))
	for _, s := range list {
		if _, ok := own[s]; ok {
			order = append(order, s)
			continue
		}
		name, err := samplerName(s)
		if err != nil {
			return nil, err
		}
		order = append(order, name)
	}
	return order, nil
}
