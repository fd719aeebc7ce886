package model

import "slices"

// mode says what a graph is rewritten for.
type mode struct {
	training bool
	int8     bool // the graph that an int8 one is made of
	plain    bool // for tests: nothing fused or folded
	whole    bool // for tests: Backward takes all images at once
	rowwise  bool // convolutions go image by image through positions: rows may be windows of wider ones
}

// rewrite is one optimization of a graph, which changes nothing of what it computes but by
// rounding.
type rewrite struct {
	name  string
	when  func(m mode) bool
	apply func(g *Graph, m mode)
}

func always(mode) bool        { return true }
func unlessPlain(m mode) bool { return !m.plain }

// rewrites are applied in this order.
var rewrites = []rewrite{
	{"drop what no output needs", always, dropUnused},
	{"drop what does nothing", always, dropIdentities},
	{"merge transposes", unlessPlain, mergeTransposes},
	{"resize by a transposed convolution", func(m mode) bool { return !m.plain && !m.training }, convolveResized},
	{"lay out vectors as their readers want them", always, placeVectors},
	{"reshape without moving", always, viewReshapes},
	{"fold BatchNorm", func(m mode) bool { return !m.plain && !m.training }, foldBatchNorms},
	{"add to convolutions", func(m mode) bool { return !m.plain && !m.training && !m.int8 }, fuseAdditions},
	{"fuse activations", unlessPlain, fuseActivations},
	{"fuse tables", unlessPlain, fuseTables},
	{"copy where output and input would be one", always, separateOutputs},
	{"join in place", func(m mode) bool { return !m.plain && !m.training && !m.int8 }, joinInPlace},
}

// rewritten returns the graph as a program runs it.
func (g *Graph) rewritten(m mode) *Graph {
	c := g.clone()
	c.rewrite(m, func(string) {})
	return c
}

// rewrite applies the rewrites of a mode to g, and calls after with the name of each.
func (g *Graph) rewrite(m mode, after func(name string)) {
	for _, r := range rewrites {
		if r.when(m) {
			r.apply(g, m)
			after(r.name)
		}
	}
}

// dropUnused removes nodes from which no path leads to an output. In training nobody would set the
// gradient of what they make.
func dropUnused(g *Graph, _ mode) {
	used := map[*Value]bool{}
	for _, v := range g.Outputs {
		used[v] = true
	}
	for _, n := range slices.Backward(g.Nodes) {
		for _, v := range n.In {
			used[v] = used[v] || used[n.Out]
		}
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool { return !used[n.Out] })
}

// identity is an Op that may do nothing.
type identity interface {
	Op
	identity(training bool) bool
}

// shapedIdentity is an Op that does nothing to some inputs: a Resize to the size that they have.
type shapedIdentity interface {
	Op
	identityOn(in []Spec, out Spec) bool
}

// dropIdentities removes nodes whose output is their input: Dropout at inference, for one.
func dropIdentities(g *Graph, m mode) {
	for _, n := range slices.Clone(g.Nodes) {
		o, ok := n.Op.(identity)
		shaped, also := n.Op.(shapedIdentity)
		if ok && o.identity(m.training) || also && shaped.identityOn(n.Specs(), n.Out.Spec) {
			g.bypass(n)
		}
	}
}

// anyLayout is an Op that takes a vector as it lies in memory: its features in any layout of that
// order, H*W positions of C. What it makes lies alike.
type anyLayout interface {
	Op
	anyLayout()
}

func takesAnyLayout(o Op) bool {
	switch o.(type) {
	case anyLayout, Pointwise:
		return true
	}
	return false
}

// reshaper is an Op that only changes the shape.
type reshaper interface {
	Op
	reshapes()
}

// vectorMaker is an Op that can write its vector in any layout.
type vectorMaker interface {
	Op
	makesVector()
}

// A Dense does not write an image of fewColumns channels or less position by position if that is
// one of manyFeatures or more: each position would be a product of so few columns that kernels are
// mostly idle. A Dense 512 -> 784 before an image of 28x28x1 took 5.0 ms so, and takes 0.2 ms with
// a copy behind it. In training, where batches are large, it stays so.
const (
	fewColumns   = 8
	manyFeatures = 512
)

// placeVectors lays out what a Dense makes as the Reshape wants it that follows after operators to
// which this is all the same: then the Reshape moves nothing.
func placeVectors(g *Graph, m mode) {
	for _, n := range g.Nodes {
		if _, ok := n.Op.(vectorMaker); !ok {
			continue
		}
		for r := g.consumer(n.Out); r != nil; r = g.consumer(r.Out) {
			if _, ok := r.Op.(reshaper); ok && !r.Out.Shape.IsFlat() {
				if s := r.Out.Shape; m.training || s.C > fewColumns || s.Len() < manyFeatures {
					n.Out.mem = s
				}
				break
			} else if !ok && !takesAnyLayout(r.Op) {
				break
			}
		}
	}
}

// viewReshapes settles how each value lies in memory. A Reshape or Flatten is a view of its input
// where the layouts allow that. Where an operator would find a vector in another layout than it can
// take, a copy goes before it.
func viewReshapes(g *Graph, _ mode) {
	for _, n := range slices.Clone(g.Nodes) {
		in := n.In[0]
		_, reshapes := n.Op.(reshaper)
		_, dense := n.Op.(vectorMaker)
		switch {
		case reshapes:
			to := n.Out.Shape
			if to.IsFlat() {
				to = in.mem
			}
			n.Out.mem = to
			if to.C == in.mem.C || to == in.mem {
				n.Out.root = in
				g.drop(n)
			}
		case dense:
		case takesAnyLayout(n.Op) && len(n.In) == 1:
			n.Out.mem = in.mem
		default:
			for i := range n.In {
				g.arrange(n, i)
			}
		}
	}
}

// arrange puts a copy before input i of n, unless the input lies as its shape says.
func (g *Graph) arrange(n *Node, i int) {
	v := n.In[i]
	if v.mem == v.Shape {
		return
	}
	c := newCopy(v, n.Name, n.index, v.Shape)
	n.In[i] = c.Out
	g.Nodes = slices.Insert(g.Nodes, slices.Index(g.Nodes, n), c)
}

// newCopy returns a node that copies v, to lie in memory as mem says.
func newCopy(v *Value, name string, index int, mem Shape) *Node {
	c := &Node{Op: copyOp{}, Name: name + " (copy)", In: []*Value{v}, epilogue: epilogue{slope: 1}, index: index}
	c.Out = &Value{Name: c.Name, Spec: v.Spec, Node: c, mem: mem}
	return c
}

// foldBatchNorms makes a BatchNorm part of the weights of the linear operator whose output it alone
// reads, with the same channels if that is a convolution.
func foldBatchNorms(g *Graph, _ mode) {
	for _, n := range slices.Clone(g.Nodes) {
		if _, ok := n.Op.(linear); !ok {
			continue
		}
		if r := g.consumer(n.Out); r != nil {
			_, dense := n.Op.(vectorMaker)
			if _, ok := r.Op.(BatchNorm); ok && n.writes(r) && (dense || r.In[0].Shape.C == n.Out.Shape.C) {
				n.epilogue.norm = r
				g.fuse(n, r)
			}
		}
	}
}

// minFused is from how many values an image on an addition is fused: those of smaller ones stay in
// the caches anyway, and the threads that share one image add to narrow rows.
const minFused = 1 << 14

// fuseAdditions makes an addition part of a convolution: of the later one of its terms if that has
// no other reader. In batches of 16 on one thread 28x28x64 with 3x3 weights, the addition and a
// ReLU take 0.96 of the time.
func fuseAdditions(g *Graph, _ mode) {
	for _, r := range slices.Clone(g.Nodes) {
		if _, ok := r.Op.(Add); !ok || r.In[0].Shape != r.In[1].Shape || r.Out.Shape.Len() < minFused {
			continue
		}
		n, other := r.In[0].storage().Node, r.In[1]
		if second := other.storage().Node; slices.Index(g.Nodes, second) > slices.Index(g.Nodes, n) {
			n, other = second, r.In[0]
		}
		if n == nil || g.consumer(n.Out) != r || other.storage().mem != n.Out.mem || len(n.In) > 1 {
			continue
		}
		_, weights := n.Op.(linear)
		if _, dense := n.Op.(vectorMaker); weights && !dense && n.writes(r) {
			n.In = append(n.In, other)
			g.fuse(n, r)
		}
	}
}

// leakyOp is an activation that epilogues can apply: y = x where x >= 0, slope*x elsewhere.
type leakyOp interface {
	Op
	leak() float32
}

// fuseActivations makes a leaky activation part of the operator whose output it alone reads.
func fuseActivations(g *Graph, m mode) {
	for _, n := range slices.Clone(g.Nodes) {
		if !appliesLeak(n.Op, m) || !slices.Contains(g.Nodes, n) {
			continue
		}
		if r := g.consumer(n.Out); r != nil {
			if l, ok := r.Op.(leakyOp); ok && n.writes(r) {
				n.epilogue.slope = l.leak()
				g.fuse(n, r)
			}
		}
	}
}

// appliesLeak tells whether an operator's kernel has a leaky activation. In training the norms by
// image have none: their Backward does not know it.
func appliesLeak(o Op, m mode) bool {
	switch o.(type) {
	case linear, BatchNorm:
		return true
	case InstanceNorm, GroupNorm, LayerNorm:
		return !m.training
	}
	return false
}

// separateOutputs puts a copy before an output that would be an input's memory or another output's.
func separateOutputs(g *Graph, _ mode) {
	var taken []*Value
	for _, v := range g.Inputs {
		taken = append(taken, v.storage())
	}
	for i, v := range g.Outputs {
		if slices.Contains(taken, v.storage()) {
			c := newCopy(v, v.Name, len(g.Nodes)-1, v.mem)
			g.Nodes = append(g.Nodes, c)
			g.Outputs[i] = c.Out
		}
		taken = append(taken, g.Outputs[i].storage())
	}
}

// writes tells whether n's kernel can write what r makes of its output, which r may read as an
// image of other rows and columns: those of a convolution are its own.
func (n *Node) writes(r *Node) bool {
	_, anyRows := n.Op.(vectorMaker)
	return anyRows || n.Out.mem == r.Out.mem
}

// fuse removes r, which alone reads n, and gives n what r makes.
func (g *Graph) fuse(n, r *Node) {
	n.epilogue.fused = append(slices.Clone(n.epilogue.fused), r)
	n.Out, r.Out.Node = r.Out, n
	g.drop(r)
}

// bypass removes n, whose readers read its first input instead.
func (g *Graph) bypass(n *Node) {
	for _, r := range g.Nodes {
		for i, v := range r.In {
			if v == n.Out {
				r.In[i] = n.In[0]
			}
		}
	}
	for i, v := range g.Outputs {
		if v == n.Out {
			g.Outputs[i] = n.In[0]
		}
	}
	g.drop(n)
}

// drop takes n out of the list of nodes.
func (g *Graph) drop(n *Node) {
	i := slices.Index(g.Nodes, n)
	g.Nodes = slices.Delete(g.Nodes, i, i+1)
}

// title is what a node is called in measurements: its name, and the kinds of those fused into it.
func (n *Node) title() string {
	name := n.Name
	for _, r := range n.epilogue.fused {
		name += "+" + r.Op.Kind()
	}
	return name
}
