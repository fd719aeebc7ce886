package model

import (
	"errors"
	"fmt"
	"math"

	"github.com/gantiny/gantiny/internal/freeram"
	"github.com/gantiny/gantiny/quant"
)

// ErrMemory is wrapped by the error about a request that needs more memory than it may take. The
// error says how much is needed and how much is allowed. It is returned before the memory is
// allocated.
var ErrMemory = errors.New("needs more memory")

const (
	// affordable is how many bytes are taken without asking what the machine has left.
	affordable = 64 << 20

	maxThreads = 1024

	// What planning takes for an operator that moves or sums positions, for each position of its
	// inputs and its output, and for each position in a window of a pooling operator.
	positionBytes = 128
	windowBytes   = 24
)

// checkOptions returns an error unless batch and threads are numbers that can be meant.
func checkOptions(batch, threads, least int) error {
	if batch < least || batch > maxLen {
		return fmt.Errorf("model: %w: batch of %d, want %d to %d", ErrShape, batch, least, maxLen)
	}
	return checkThreads(threads)
}

func checkThreads(threads int) error {
	if threads < 0 || threads > maxThreads {
		return fmt.Errorf("model: %w: %d threads, want 0 to %d", ErrShape, threads, maxThreads)
	}
	return nil
}

// allow returns an error if what needs need bytes may not have them: limit is that of
// Options.MaxBytes.
func allow(what string, need, limit int64) error {
	switch {
	case need > math.MaxInt:
		limit = math.MaxInt
	case limit < 0 || limit == 0 && need <= affordable:
		return nil
	case limit == 0:
		limit = freeram.Share()
	}
	if need <= limit {
		return nil
	}
	return fmt.Errorf("model: %s: %w: %s, and may take %s", what, ErrMemory, megabytes(need), megabytes(limit))
}

// megabytes writes a size, rounded up.
func megabytes(n int64) string { return fmt.Sprintf("%d MiB", n>>20+min(1, n&(1<<20-1))) }

// price is about what a Session of m takes that runs g, m's graph rewritten, for chunks of images:
// from shapes alone, before anything is planned. It is at most what footprint finds of the plan.
func (m *Model) price(g *Graph, chunk, threads int, o Options) Memory {
	all := Memory{Parameters: m.parameterBytes(), Activations: int64(threads) * int64(chunk) * g.largestBytes()}
	for _, n := range g.Nodes {
		stays, garbage := n.planBytes(o.Kernels.Int8.NR, !o.direct())
		all.Plans, all.Loading = all.Plans+stays, all.Loading+garbage
		if l := int64(n.weightLen()); n.Params != nil && n.Params[0].array == int8s {
			all.Packed += l
		} else if _, dense := n.Op.(Dense); dense { // perhaps in half precision
			all.Packed += 2 * l
		} else {
			all.Packed += 4 * l
		}
	}
	return all
}

// passPrice is what a Pass takes at least: the gradients of its parameters, its inputs, its largest
// value, and its plans.
func (m *Model) passPrice(o PassOptions, md mode) int64 {
	g := m.graph.rewritten(md)
	n := g.largestBytes() * int64(o.Batch)
	for _, v := range g.Inputs {
		n += v.bytes() * int64(o.Batch)
	}
	for _, at := range g.Nodes {
		stays, garbage := at.planBytes(o.Kernels.Int8.NR, !o.Strict)
		n += stays + garbage
		for _, p := range at.Params {
			if p.Trainable {
				n += 4 * int64(p.Len())
			}
		}
	}
	return n
}

// quantizePrice is about what Quantize takes: a Session, latents and images to calibrate with, and
// the weights as they are, folded and packed.
func (m *Model) quantizePrice(o quant.Options) int64 {
	n := m.price(m.graph.rewritten(mode{}), calibrationChunk, 1, Options{Kernels: o.Kernels, Strict: true}).needed()
	for _, v := range m.graph.Inputs {
		n += int64(o.Images) * v.bytes()
	}
	for _, v := range m.graph.Outputs {
		n += judgedImages * v.bytes()
	}
	return n + 3*4*int64(m.Parameters())
}

// exactPrice is what Exact takes: all values of one image, and the largest as sums besides.
func (m *Model) exactPrice() int64 {
	n := 4 * m.graph.largestBytes()
	for _, at := range m.graph.Nodes {
		n += at.Out.bytes()
	}
	return n
}

// weightLen is the length of a linear operator's weights, 0 of others.
func (n *Node) weightLen() int {
	switch n.Op.(type) {
	case linear, QLinear:
		return n.Params[0].Len()
	}
	return 0
}

// planBytes is about what the plan of a node's kernel takes, and what making it leaves to the
// collector. columns are those of the int8 kernels' panels.
func (n *Node) planBytes(columns int, winograd bool) (stays, garbage int64) {
	switch o := n.Op.(type) {
	case linear:
		if g, err := n.geometry(); err == nil { // else planning says what is wrong
			return g.PlanBytes(winograd)
		}
		return 0, 0
	case QLinear:
		return o.Geometry.QPlanBytes(columns)
	case interface{ window() window }:
		x, y := n.In[0].Shape, n.Out.Shape
		k := o.window().kernel
		area := int64(min(k[0], x.H)) * int64(min(k[1], x.W))
		return mostOf(windowBytes*area+positionBytes, y), 0
	case Pointwise, anyLayout, reshaper:
		return 0, 0
	}
	stays = mostOf(positionBytes, n.Out.Shape)
	for _, v := range n.In {
		stays += mostOf(positionBytes, v.Shape)
	}
	return stays, 0
}

// mostOf is n bytes for each position of a shape, or what is too much for any machine.
func mostOf(n int64, s Shape) int64 {
	const tooMuch = 1 << 48
	positions := int64(s.H) * int64(s.W)
	if n > tooMuch/positions {
		return tooMuch
	}
	return n * positions
}

// elementBytes is what an element takes.
func (t Type) elementBytes() int64 {
	if t.Kind == Float32 || t.Kind == Class {
		return 4
	}
	return 1
}

// bytes is what the value takes of one image.
func (v *Value) bytes() int64 { return v.Type.elementBytes() * int64(v.Shape.Len()) }

// largestBytes is what the largest value that a node makes takes of one image.
func (g *Graph) largestBytes() (most int64) {
	for _, n := range g.Nodes {
		most = max(most, n.Out.bytes())
	}
	return most
}
