package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/graph"
	"github.com/gantiny/gantiny/internal/atomicfile"
)

// graphFlag is a --graph: empty for no graph, graphText, or the file for a drawing.
type graphFlag string

// graphText is what --graph alone means.
const graphText = "text"

func (f *graphFlag) Type() string   { return "string" }
func (f *graphFlag) String() string { return string(*f) }

func (f *graphFlag) Set(s string) error {
	if s != graphText && !isDrawing(s) {
		return errors.New("not a file that ends in .svg or .dot")
	}
	*f = graphFlag(s)
	return nil
}

// isDrawing tells whether a word names a drawing's file; a MODEL has no such name.
func isDrawing(word string) bool {
	switch strings.ToLower(filepath.Ext(word)) {
	case ".svg", ".dot":
		return true
	}
	return false
}

func addGraphFlag(fl *cli.FlagSet, shown *graphFlag) {
	f := fl.Var(shown, "graph", "show the graph before and after the rewrites, or draw it to a `FILE` in .svg or .dot")
	f.Alone, f.IsValue = graphText, isDrawing
	f.Complete = func() cli.Candidates { return cli.Candidates{Files: true} }
}

// inspectGraph shows the graph of a model, and nothing else of it.
func inspectGraph(ctx context.Context, w io.Writer, args []string, float bool, shown graphFlag) error {
	if shown != graphText {
		if err := checkFile("--graph", string(shown)); err != nil {
			return err
		}
	}
	n, err := openNamed(ctx, args, float)
	if err != nil {
		return err
	}
	p, err := shown.of(n)
	if err != nil || shown != graphText {
		return err
	}
	return p.WriteText(w)
}

// of returns the graph of a model, which it has drawn if there is a file for it.
func (f graphFlag) of(n network) (*graph.Pair, error) {
	p, err := graph.Of(n.Model)
	if err != nil || f == graphText {
		return &p, err
	}
	path, title := string(f), n.Name+" ("+n.form()+")"
	if err := checkNotInput("--graph", path, n.name); err != nil {
		return nil, err
	}
	return &p, atomicfile.Write(path, func(w io.Writer) error {
		if strings.EqualFold(filepath.Ext(path), ".dot") {
			return p.WriteDOT(w, title)
		}
		return p.WriteSVG(w, title)
	})
}
