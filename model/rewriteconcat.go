package model

import "slices"

// joinInPlace has operators write to where a Concat behind them would copy what they make: to a
// window of its wider rows. What cannot lie there, or is in other steps than the output, is copied.
func joinInPlace(g *Graph, m mode) {
	for _, n := range g.Nodes {
		switch n.Op.(type) {
		case Concat, QMove[Concat]:
		default:
			continue
		}
		first := 0
		for _, v := range n.In {
			if s := v.storage(); v.Type == n.Out.Type && s.mem.C == v.Shape.C && g.fitsWindow(s, m) {
				s.whole, s.first = n.Out, first
			}
			first += v.Shape.C
		}
	}
}

// fitsWindow tells whether v, whose memory is its own, can be a window of wider rows: whether it is
// no window yet and stays inside the graph, and the operators that make and read it can do so.
func (g *Graph) fitsWindow(v *Value, m mode) bool {
	if v.Node == nil || v.whole != nil || !v.Node.takesWindows(m) {
		return false
	}
	for _, o := range g.Outputs {
		if o.storage() == v {
			return false
		}
	}
	return !slices.ContainsFunc(g.consumers(v), func(r *Node) bool { return !r.takesWindows(m) })
}

// takesWindows tells whether a node's kernel may read and write windows of wider rows: those of
// this package can, but what a convolution adds has to lie as its output does.
func (n *Node) takesWindows(m mode) bool {
	switch n.Op.(type) {
	case linear:
		return m.rowwise && len(n.In) == 1
	case keeper, averageOp, int8Op, MaxPool:
		return true
	}
	return false
}

// joins tells whether n is a Concat whose input i lies in its output already.
func (n *Node) joins(i int) bool {
	first := 0
	for _, v := range n.In[:i] {
		first += v.Shape.C
	}
	v := n.In[i].storage()
	return v.whole == n.Out && v.first == first
}

// joined tells whether that is so of all inputs.
func (n *Node) joined() bool {
	for i := range n.In {
		if !n.joins(i) {
			return false
		}
	}
	return true
}

// copied are those of a node's runs that are to be copied: of a Concat, what does not lie in its
// output already.
func (l *Lowering) copied(runs []featureRun) []featureRun {
	return slices.DeleteFunc(runs, func(r featureRun) bool {
		return r.input != fill && l.node.joins(int(r.input))
	})
}
