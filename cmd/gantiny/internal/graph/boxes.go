package graph

import (
	"unicode/utf8"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
)

// box is an input, a node or an output as it is drawn.
type box struct {
	lines []string // the name, then what is there to know
	look  look
}

// edge leads from what makes a value to what reads it; boxes by number, from < to.
type edge struct{ from, to int }

// look is the colors of a box.
type look struct{ fill, line string }

var (
	ends    = look{"#e9f6ec", "#4c9a5f"} // inputs and outputs
	plain   = look{"#f4f5f7", "#9aa0ab"}
	weights = look{"#e6effc", "#4a76c9"} // nodes with parameters
	bytes8  = look{"#fdf1e0", "#c98a35"} // nodes that make int8
)

// longest is how many characters of a line are drawn.
const longest = 54

// boxes returns what is drawn, in an order in which each box stands behind those it reads.
func (g *Graph) boxes() (list []box, edges []edge) {
	at := map[string]int{}
	add := func(l look, lines ...string) int {
		b := box{look: l}
		for _, line := range lines {
			if line != "" {
				b.lines = append(b.lines, shortened(display.Line(line)))
			}
		}
		list = append(list, b)
		return len(list) - 1
	}
	for _, v := range g.Inputs {
		at[v.Name] = add(ends, v.Name, v.text())
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		k := add(n.look(), n.title(), n.operator(), n.parameters(), n.value())
		for _, name := range n.Inputs {
			edges = append(edges, edge{at[name], k})
		}
		at[n.Name] = k
	}
	for _, name := range g.Outputs {
		edges = append(edges, edge{at[name], add(ends, "output")})
	}
	return list, edges
}

func (n *Node) look() look {
	switch {
	case n.Type == "int8":
		return bytes8
	case len(n.Parameters) > 0:
		return weights
	}
	return plain
}

func shortened(line string) string {
	if utf8.RuneCountInString(line) <= longest {
		return line
	}
	return string([]rune(line)[:longest-1]) + "…"
}
