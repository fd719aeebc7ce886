// Package graph shows a model's graph as it is and as the rewrites leave it: as text, as the data
// of --json, as Graphviz's DOT and as a drawing in SVG with a layout of its own. What a graph
// holds, and how it is rewritten, is package model's.
package graph
