package engine

import (
	"fmt"

	"github.com/latentgo/latentgo/engine/internal/convert"
	"github.com/latentgo/latentgo/engine/internal/model"
	"github.com/latentgo/latentgo/internal/attention"
	"github.com/latentgo/latentgo/internal/cpu"
)

// Info describes the model. Fields that need weights are 0 for a vocabulary.
func (m *Model) Info() Info {
	in := Info{MLA: m.opt.MLA.String(), Threads: m.opt.Threads, CPU: cpu.Active().String()}
	in.Architecture, _ = m.file.String("general.architecture")
	in.Name, _ = m.file.String("general.name")
	w := model.Count(m.file, m.result.Tensors())
	in.Parameters, in.WeightBytes, in.FileType = w.Elements, w.Bytes, w.Type
	if m.tok != nil {
		in.Vocab = m.tok.Size()
	}
	if m.net == nil {
		return in
	}
	s := m.net.Spec()
	g, attending := s.Attending()
	in.Context, in.Layers, in.Embedding, in.Vocab = s.Context, len(s.Layers), s.Width, s.Vocab
	in.Heads, in.KVHeads, in.HeadSize = g.Heads, g.KVHeads, g.KeySize
	if n, ok := s.Layers[0].Mixer.(model.MLA); ok {
		in.MLA = fmt.Sprintf("native %d+%d", n.R, n.L)
	} else if text := convert.Describe(s); text != "" {
		in.MLA = text
	}
	c := m.net.CacheSize(attention.F16)
	in.CacheBytes, in.RecentBytes = c.Token, c.Fixed
	if n := attending; n > 0 {
		in.RopeSize, in.LatentSize = (c.Rope+n/2)/n, (c.Latent+n/2)/n
	} else {
		in.MLA = MLAOff.String()
	}
	return in
}
