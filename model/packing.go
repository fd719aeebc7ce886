package model

import (
	"slices"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/arena"
	"github.com/gantiny/gantiny/internal/half"
	"github.com/gantiny/gantiny/simd"
)

// loader is a Kernel with weights of its own form, which sessions of one model and row share.
type loader interface {
	// load finds or makes the weights. workspace has workspaceLen floats.
	load(m *Model, w *Worker, workspace []float32) error
	// footprint is what the weights take, in bytes, and what loading them leaves as garbage.
	footprint(m *Model) (packed, garbage int64)
	// workspaceLen is how many floats of workspace load needs.
	workspaceLen(m *Model) int
}

// load finds or makes the weights of all steps, in w's workspaces.
func (p *program) load(m *Model, w *Worker) error {
	workspace := make([]float32, p.workspaceLen(m)) // one operator's weights at a time
	for _, s := range p.steps {
		if k, ok := s.Kernel.(loader); ok {
			if err := k.load(m, w, workspace); err != nil {
				return s.node.error(err)
			}
		}
	}
	return nil
}

// workspaceLen is the largest workspace that any step needs to load its weights, in floats.
func (p *program) workspaceLen(m *Model) int {
	n := 0
	for _, s := range p.steps {
		if k, ok := s.Kernel.(loader); ok {
			n = max(n, k.workspaceLen(m))
		}
	}
	return n
}

// packKey names a node's weights as one row of kernels wants them. What direct
// sums and Winograd's algorithm want differs in length.
type packKey struct {
	k      *simd.Kernels
	node   string
	folded bool
	length int
	half   bool // asked for
}

// load finds or makes the weights and the bias, with the BatchNorm after it folded in.
func (o *contraction) load(m *Model, w *Worker, workspace []float32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := packKey{w.Kernels, o.node.Name, o.node.epilogue.norm != nil, o.plan.PackedLen(), o.half}
	if p, ok := m.packs[key].(*weights); ok {
		o.weights = *p
		return nil
	}
	p := &weights{}
	if err := m.file.Guard(func() { o.pack(p, m, w, workspace) }); err != nil {
		return err
	}
	m.keepPack(key, p)
	o.weights = *p
	return nil
}

// keepPack remembers weights for later sessions. The caller has locked m.
func (m *Model) keepPack(key packKey, p any) {
	if m.packs == nil {
		m.packs = map[packKey]any{}
	}
	m.packs[key] = p
}

// pack makes a node's weights and bias.
func (o *contraction) pack(p *weights, m *Model, at *Worker, workspace []float32) {
	n := o.node
	weight := n.Params[0]
	if len(n.Params) > 1 {
		p.bias = append(p.bias, n.Params[1].Data...) // the model's own may change later
	}
	values := weight.values(workspace)
	w := values
	short := o.short()
	if norm := n.epilogue.norm; norm != nil {
		a, b := norm.folded(weight)
		p.bias = foldBias(p.bias, a, b)
		if short { // a folded factor would cost the weights their short form: it comes after the sum
			for _, f := range a {
				p.scale = append(p.scale, float32(f))
			}
		} else {
			w = workspace[:len(w)]
			each := (foldAtOnce + len(a) - 1) / len(a) * len(a)
			for at := 0; at < len(w); at += each {
				end := min(at+each, len(w))
				fold(w[at:end], values[at:end], a)
				m.dropRange(weight, at, end)
			}
		}
	}
	if short {
		p.halves = arena.Halves(o.plan.PackedLen())
		o.plan.PackHalf(p.halves, w)
	} else {
		p.packed = arena.Floats(o.plan.PackedLen())
		o.plan.Pack(at.Conv, p.packed, w)
	}
	m.drop(weight)
}

// derived says of which parameter, and how, the values of another one follow.
type derived struct {
	from *Param
	set  func(dst, from []float32)
}

// values returns Data or, of a derived parameter, its values in workspace.
func (p *Param) values(workspace []float32) []float32 {
	if p.derived == nil {
		return p.Data
	}
	v := workspace[:p.Len()]
	p.derived.set(v, p.derived.from.Data)
	return v
}

// folded returns y = a*x + b, the BatchNorm n with its moving statistics, for each column of the
// weight before it: of a vector that was reshaped, the channels repeat.
func (n *Node) folded(weight *Param) (a, b []float64) {
	a, b = n.Op.(BatchNorm).inference(n.Params)
	times := weight.Shape[len(weight.Shape)-1] / len(a)
	return slices.Repeat(a, times), slices.Repeat(b, times)
}

// short tells whether the weights are packed in half precision.
func (o *contraction) short() bool {
	return o.plan.TakesHalf() && (o.half || half.Exact(o.node.Params[0].Data))
}

// foldAtOnce is about how many weights are folded before the memory of their range of the file is
// given back.
const foldAtOnce = 1 << 16

// drop gives back the memory of a weight that stays in its file, dropRange that of a range of its
// values.
func (m *Model) drop(p *Param) {
	if p.derived != nil { // it was read as a whole
		p = p.derived.from
	}
	if p.source != nil {
		m.file.Drop(p.source)
	}
}

func (m *Model) dropRange(p *Param, from, to int) {
	if p.derived != nil {
		m.drop(p)
	} else if p.source != nil {
		m.file.Drop(p.source[4*from : 4*to])
	}
}

func (o *contraction) footprint(m *Model) (packed, garbage int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size := int64(4)
	// A file that cannot be read any more: load will say so.
	_ = m.file.Guard(func() {
		if o.short() {
			size = 2
		}
	})
	return size * int64(o.plan.PackedLen()), o.plan.GarbageBytes()
}

// lowering names how the sums are computed.
func (o *contraction) lowering() string { return o.plan.Lowering() }

// workspaceLen is the length of the weight if a BatchNorm is folded into it, or if it is derived.
func (o *contraction) workspaceLen(m *Model) (n int) {
	if o.node.epilogue.norm == nil && o.node.Params[0].derived == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.file.Guard(func() {
		if !o.short() {
			n = o.node.Params[0].Len()
		}
	})
	return n
}

// resident is what a plan takes in lists.
func resident(plans []*conv.Plan, qplans []*conv.QPlan) (bytes int64) {
	for _, p := range plans {
		bytes += p.Bytes()
	}
	for _, p := range qplans {
		bytes += p.Bytes()
	}
	return bytes
}
