package graph

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
)

// WriteText writes both graphs as tables, a line a node.
func (p *Pair) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "as it is: %s\n", display.Plural(len(p.Before.Nodes), "node")); err != nil {
		return err
	}
	if err := p.Before.writeText(w); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "\nafter the rewrites: %s\n", display.Plural(len(p.After.Nodes), "node")); err != nil {
		return err
	}
	if err := p.After.writeText(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nrewrites that changed something: %s\n", p.rewrites())
	return err
}

// rewrites names those that have changed something.
func (p *Pair) rewrites() string {
	if len(p.Rewrites) == 0 {
		return "none"
	}
	return strings.Join(p.Rewrites, ", ")
}

func (g *Graph) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i, c := range cells {
			if cells[i] = display.Line(c); cells[i] == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	row("node", "reads", "makes", "parameters", "operator")
	for _, v := range g.Inputs {
		row(v.Name, "", v.text(), "", "input")
	}
	for _, n := range g.Nodes {
		row(n.title(), strings.Join(n.Inputs, ", "), n.value(), n.parameters(), n.operator())
	}
	row("output", strings.Join(g.Outputs, ", "), "", "", "")
	return t.Flush()
}
