package engine

import (
	"github.com/latentgo/latentgo/gguf"
	"github.com/latentgo/latentgo/internal/cpu"
)

// Info describes the model. Fields that need weights are 0 for a vocabulary.
func (m *Model) Info() Info {
	in := Info{MLA: m.opt.MLA.String(), Threads: m.opt.Threads, CPU: cpu.Active().String()}
	in.Architecture, _ = m.file.String("general.architecture")
	in.Name, _ = m.file.String("general.name")
	m.countWeights(&in)
	if m.tok != nil {
		in.Vocab = m.tok.Size()
	}
	if m.h == nil {
		return in
	}
	h := m.h
	in.Context, in.Layers, in.Embedding = h.context, h.layers, h.embed
	in.Heads, in.KVHeads, in.HeadSize = h.heads[0], h.kvHeads[0], h.keySize
	in.Vocab = m.w.embed.Rows
	if l := m.w.layers[0].attn.Latent(); l != nil {
		in.RopeSize, in.LatentSize = l.R, l.L
	}
	for i := range m.w.layers {
		in.CacheBytes += 2 * m.w.layers[i].attn.Row()
	}
	return in
}

// countWeights sums up tensors; the type with most weights names the file.
func (m *Model) countWeights(in *Info) {
	count := map[gguf.Type]uint64{}
	most := uint64(0)
	for _, t := range m.file.Tensors() {
		in.Parameters += int64(t.Elements())
		in.WeightBytes += int64(t.Size())
		count[t.Type] += t.Elements()
		if count[t.Type] > most {
			most = count[t.Type]
			in.FileType = t.Type.String()
		}
	}
}
