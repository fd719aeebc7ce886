package ddp

import (
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/model"
)

// network is a graph that becomes a module.
type network struct {
	values map[string]value // by the graph's names
	taken  map[string]bool
	names  []string // layers whose name in Python is another: "attribute": "name"
	init   []string // lines of __init__
	lines  []string // of forward
	items  []string // what PyTorch does not have
}

// value is a value of the graph and what Python calls it. A vector is (N, C), an image (N, C, H,
// W), a class (N).
type value struct {
	name string
	model.Spec
}

// layer is one node on its way.
type layer struct {
	*network
	model.LayerInfo
	index int // among the nodes
	in    []value
	name  string // in Python, of the result and of the layer's module
}

// rule returns the expression of what a node makes, and gives it a module if it has parameters.
type rule func(l *layer) string

// operators has a rule for each kind of operator, in the parts in which the files of this package
// hold them.
func operators() map[string]rule {
	all := map[string]rule{}
	for _, part := range []map[string]rule{linearRules, activationRules, normRules, moveRules} {
		for kind, r := range part {
			all[kind] = r
		}
	}
	return all
}

// reserved are the names that forward's lines use, and Python's words that a layer might be called.
var reserved = strings.Fields(`self torch nn F math os dist drop classes and as assert async await break class continue def del elif else
	except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield None True False`)

// networkClass returns the module of a graph, of whose outputs so many are read, and what PyTorch
// does not have.
func networkClass(class string, m *model.Model, outputs int) (text string, items []string) {
	n := &network{values: map[string]value{}, taken: map[string]bool{}}
	for _, word := range reserved {
		n.taken[word] = true
	}
	input := ""
	for _, p := range m.Inputs() {
		if p.Type.Kind == model.Class {
			n.values[p.Name] = value{"classes", p.Spec}
			continue
		}
		id := n.identifier(p.Name)
		if input != "" {
			n.items = append(n.items, fmt.Sprintf("input %s: the script gives a network one input and, perhaps, a class", p.Name))
		}
		input = id
		n.values[p.Name] = value{id, p.Spec}
	}
	g := m.Graph()
	if len(g.Outputs) != outputs {
		n.items = append(n.items, fmt.Sprintf("it has %d outputs, and the script reads %d", len(g.Outputs), outputs))
	}
	n.run(g.Nodes)
	var results []string
	for _, name := range g.Outputs {
		results = append(results, n.values[name].name)
	}
	return n.class(class, input, results), n.items
}

// run writes the nodes.
func (n *network) run(nodes []model.LayerInfo) {
	rules := operators()
	for i, node := range nodes {
		l := &layer{network: n, LayerInfo: node, index: i, name: n.identifier(node.Name)}
		for _, name := range node.Inputs {
			l.in = append(l.in, n.values[name])
		}
		n.values[node.Name] = value{l.name, node.Out}
		r := rules[node.Op.Kind()]
		if r == nil {
			l.refuse("the script has no such operator")
			continue
		}
		n.lines = append(n.lines, l.name+" = "+r(l))
	}
}

// class is the text of the module.
func (n *network) class(name, input string, results []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n\nclass %s(nn.Module):\n    NAMES = {%s}  # of layers that gantiny calls otherwise\n\n    def __init__(self):\n        super().__init__()\n", name, strings.Join(n.names, ", "))
	for _, line := range n.init {
		fmt.Fprintf(&b, "        %s\n", line)
	}
	fmt.Fprintf(&b, "\n    def forward(self, %s, classes, drop):\n", input)
	for _, line := range n.lines {
		fmt.Fprintf(&b, "        %s\n", line)
	}
	fmt.Fprintf(&b, "        return %s\n", strings.Join(results, ", "))
	return b.String()
}

// identifier makes a name of Python's, that no other value has.
func (n *network) identifier(name string) string {
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
	if id == "" || id[0] >= '0' && id[0] <= '9' || id[0] == '_' {
		id = "v" + id
	}
	for base, i := id, 2; n.taken[id]; i++ {
		id = fmt.Sprintf("%s_%d", base, i)
	}
	n.taken[id] = true
	return id
}

// refuse notes what PyTorch does not have of a node.
func (l *layer) refuse(format string, args ...any) string {
	l.items = append(l.items, fmt.Sprintf("layer %s (%s): %s", l.Name, l.Op.Kind(), fmt.Sprintf(format, args...)))
	return "None"
}

// module gives the layer a module, as a call of its constructor, and returns its attribute.
func (l *layer) module(format string, args ...any) string {
	l.init = append(l.init, fmt.Sprintf("self.%s = %s", l.name, fmt.Sprintf(format, args...)))
	if l.name != l.Name {
		l.names = append(l.names, fmt.Sprintf("%q: %q", l.name, l.Name))
	}
	return "self." + l.name
}

// x is the name of the first input.
func (l *layer) x() string { return l.in[0].name }

// image is an input as (N, C, H, W).
func (v value) image() string {
	if v.Shape.IsFlat() {
		return v.name + "[:, :, None, None]"
	}
	return v.name
}

// fromImage is the layer's result, of an expression that makes (N, C, H, W).
func (l *layer) fromImage(x string) string {
	if l.Out.Shape.IsFlat() {
		return x + ".flatten(1)"
	}
	return x
}

// features is an input as (N, H*W*C), in gantiny's order of features.
func (v value) features() string {
	if v.Shape.IsFlat() {
		return v.name
	}
	return v.name + ".permute(0, 2, 3, 1).flatten(1)"
}

// fromFeatures is the inverse, to the layer's result.
func (l *layer) fromFeatures(x string) string {
	s := l.Out.Shape
	if s.IsFlat() {
		return x
	}
	return fmt.Sprintf("%s.reshape(-1, %d, %d, %d).permute(0, 3, 1, 2)", x, s.H, s.W, s.C)
}

// pair writes two numbers of rows and columns: as one if they are alike.
func pair(a, b int) string {
	if a == b {
		return fmt.Sprint(a)
	}
	return fmt.Sprintf("(%d, %d)", a, b)
}

// padded adds rows and columns above, below, left and right of an image. value "" is 0.
func padded(x string, pad [4]int, value string) string {
	if pad == [4]int{} {
		return x
	}
	if value != "" {
		value = ", value=" + value
	}
	return fmt.Sprintf("F.pad(%s, (%d, %d, %d, %d)%s)", x, pad[2], pad[3], pad[0], pad[1], value)
}

// truth is a bool in Python.
func truth(x bool) string {
	if x {
		return "True"
	}
	return "False"
}

// names joins what values are called.
func names(list []value) string {
	var all []string
	for _, v := range list {
		all = append(all, v.name)
	}
	return strings.Join(all, ", ")
}
