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
	in.MLA = h.form(m.w, m.opt.MLA)
	for i := range m.w.layers {
		a := m.w.layers[i].attn
		in.CacheBytes += cachedBytes * a.RowSize()
		in.RecentBytes += a.RingBytes()
		if l := a.Latent(); l != nil {
			in.RopeSize += l.R
			in.LatentSize += l.L
		}
	}
	in.RopeSize = (in.RopeSize + h.layers/2) / h.layers
	in.LatentSize = (in.LatentSize + h.layers/2) / h.layers
	return in
}

// countWeights sums up tensors; the type with most weights names the file.
func (m *Model) countWeights(in *Info) {
	count := map[gguf.Type]uint64{}
	most := uint64(0)
	for _, t := range m.tensors() {
		n := t.elements()
		in.Parameters += int64(n)
		in.WeightBytes += int64(t.size())
		count[t.typ] += n
		if count[t.typ] > most {
			most = count[t.typ]
			in.FileType = t.typ.String()
		}
	}
}
