package graph

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
)

// WriteDOT writes both graphs, side by side, in the language of Graphviz.
func (p *Pair) WriteDOT(w io.Writer, title string) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "digraph %s {\n\tnode [shape=box style=\"rounded,filled\" fontname=\"monospace\" fontsize=11 fillcolor=\"#f4f5f7\"];\n", quoted(title))
	p.Before.writeDOT(b, "before", []string{"as it is"})
	p.After.writeDOT(b, "after", []string{"after the rewrites:", p.rewrites()})
	fmt.Fprintln(b, "}")
	return b.Flush()
}

func (g *Graph) writeDOT(b *bufio.Writer, cluster string, label []string) {
	fmt.Fprintf(b, "\tsubgraph cluster_%s {\n\t\tlabel=%s;\n", cluster, quoted(label...))
	boxes, edges := g.boxes()
	for i, x := range boxes {
		fmt.Fprintf(b, "\t\t%s%d [label=%s fillcolor=%q];\n", cluster, i, quoted(x.lines...), x.look.fill)
	}
	for _, e := range edges {
		fmt.Fprintf(b, "\t\t%s%d -> %s%d;\n", cluster, e.from, cluster, e.to)
	}
	fmt.Fprintln(b, "\t}")
}

// quoted is a string of DOT, in lines.
func quoted(lines ...string) string {
	for i, line := range lines {
		lines[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(display.Line(line))
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
