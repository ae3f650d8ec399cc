package engine

import (
	"fmt"

	"github.com/latentgo/latentgo/engine/internal/convert"
)

// MLA says in which form a model's attention runs. The zero value is MLAExact. At most one of the fields is set, R and
// L together; a compressed form is made by conversion (see ConvertOptions), once, and kept in the user's cache
// directory.
type MLA struct {
	Off     bool    // plain grouped-query attention
	Percent float64 // cached values per token in percent of what the model caches, above 0 and below 100
	R, L    int     // rotated and latent values per token and layer
	Bytes   int     // bytes per token, all layers together
}

var (
	// MLAExact turns grouped-query attention into multi-head latent attention without loss: every key component
	// stays under RoPE, the values are the latent. The default. A file that is compressed already runs as it is.
	MLAExact = MLA{}
	// MLAOff keeps plain grouped-query attention.
	MLAOff = MLA{Off: true}
)

// ParseMLA reads a form: "exact" (also "" and "on"), "off", a share such as "50%", values per layer such as "64+128"
// (rotated and latent), or bytes per token such as "11520B" or "11.25KiB".
func ParseMLA(s string) (MLA, error) {
	switch s {
	case "", "on", "exact":
		return MLAExact, nil
	case "off":
		return MLAOff, nil
	}
	f, ok := convert.ParseForm(s)
	if !ok {
		return MLA{}, fmt.Errorf(`attention form %q is neither "exact", "off", a share such as "50%%", rotated+latent values such as "64+128", nor bytes per token such as "11520B"`, s)
	}
	return MLA{Percent: f.Percent, R: f.R, L: f.L, Bytes: f.Bytes}, nil
}

// form is a compressed form.
func (m MLA) form() convert.Form {
	return convert.Form{Percent: m.Percent, R: m.R, L: m.L, Bytes: m.Bytes}
}

// Compressed reports whether the form caches less than the model.
func (m MLA) Compressed() bool { return m.Percent != 0 || m.L != 0 || m.Bytes != 0 }

// String returns what ParseMLA reads.
func (m MLA) String() string {
	switch {
	case m.Off:
		return "off"
	case m.Compressed():
		return m.form().String()
	}
	return "exact"
}
