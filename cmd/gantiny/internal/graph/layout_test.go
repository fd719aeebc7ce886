package graph

import (
	"errors"
	"math"
	"testing"
)

// TestArrange: boxes stand below those that they read and do not overlap, edges end at their boxes.
func TestArrange(t *testing.T) {
	p := pairOf(t, branched(t, "z"))
	for _, g := range []*Graph{&p.Before, &p.After, {}} {
		boxes, edges := g.boxes()
		sizes := make([][2]float64, len(boxes))
		for i := range sizes {
			sizes[i] = [2]float64{60 + 20*float64(i%4), 40 + 10*float64(i%3)}
		}
		l, err := arrange(sizes, edges)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range edges {
			path := l.paths[i]
			if path[0] != e.from || path[len(path)-1] != e.to || l.items[e.from].y+l.items[e.from].h > l.items[e.to].y {
				t.Errorf("edge %+v: path %v", e, path)
			}
		}
		for i, a := range l.items {
			if a.x-a.w/2 < -0.01 || a.x+a.w/2 > l.w+0.01 || a.y < 0 || a.y+a.h > l.h+0.01 {
				t.Errorf("item %d is outside", i)
			}
			for j, b := range l.items[:i] {
				if a.row == b.row && math.Abs(a.x-b.x) < (a.w+b.w)/2 {
					t.Errorf("items %d and %d overlap", i, j)
				}
			}
		}
	}
}

// TestArrangeLarge: a graph in which all edges pass all rows is refused before it is drawn.
func TestArrangeLarge(t *testing.T) {
	const n = 2000
	var edges []edge
	for i := range n - 1 {
		edges = append(edges, edge{i, i + 1}, edge{i, n - 1})
	}
	if _, err := arrange(make([][2]float64, n), edges); !errors.Is(err, errLarge) {
		t.Error(err)
	}
}
