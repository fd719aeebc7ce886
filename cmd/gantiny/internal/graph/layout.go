package graph

import (
	"cmp"
	"errors"
	"slices"
)

// The layout follows Sugiyama, Tagawa and Toda (1981): boxes stand in rows, each below all that it
// reads; an edge that passes rows takes a place in each; rows are ordered by the mean place of the
// neighbors, which leaves few crossings; then boxes move towards their neighbors as far as the
// order and the gaps allow.

// The sizes of a drawing, in pixels.
const (
	columnGap = 28.0
	rowGap    = 34.0
	laneWidth = 10.0 // of an edge that passes a row
)

// mostItems bounds what is drawn, passing edges included.
const mostItems = 50_000

var errLarge = errors.New("the graph is too large for a drawing")

// item is a box or, without one, the place where an edge passes a row.
type item struct {
	row      int
	w, h     float64
	x, y     float64 // of the middle, and of the upper edge
	up, down []int   // neighbors in the rows above and below
}

// layout is where everything goes.
type layout struct {
	items []item    // the boxes first
	paths [][]int   // of each edge: the items that it leads through, its ends included
	ports []float64 // of each edge: how far from the middle of its last box it arrives
	rows  [][]int
	w, h  float64
}

// arrange finds a place for boxes of the given sizes; each edge leads to a later box.
func arrange(sizes [][2]float64, edges []edge) (*layout, error) {
	l := &layout{}
	for _, s := range sizes {
		l.items = append(l.items, item{w: s[0], h: s[1]})
	}
	if len(edges) > mostItems {
		return nil, errLarge
	}
	l.setRows(edges)
	for _, e := range edges {
		if err := l.lead(e); err != nil {
			return nil, err
		}
	}
	l.fillRows()
	for range 4 {
		l.order(1)
		l.order(-1)
	}
	l.place()
	l.setPorts()
	return l, nil
}

// setRows puts each box one row below the last that it reads, and what reads nothing one row above
// the first that reads it.
func (l *layout) setRows(edges []edge) {
	slices.SortStableFunc(edges, func(a, b edge) int { return cmp.Compare(a.to, b.to) })
	reads := make([]bool, len(l.items))
	for _, e := range edges {
		reads[e.to] = true
		l.items[e.to].row = max(l.items[e.to].row, l.items[e.from].row+1)
	}
	first := make([]int, len(l.items))
	for _, e := range edges {
		if row := l.items[e.to].row; first[e.from] == 0 || row < first[e.from] {
			first[e.from] = row
		}
	}
	for i := range l.items {
		if !reads[i] && first[i] > 0 {
			l.items[i].row = first[i] - 1
		}
	}
}

// lead adds the places at which an edge passes rows.
func (l *layout) lead(e edge) error {
	path := []int{e.from}
	for row := l.items[e.from].row + 1; row < l.items[e.to].row; row++ {
		path = append(path, len(l.items))
		l.items = append(l.items, item{row: row, w: laneWidth})
	}
	if len(l.items) > mostItems {
		return errLarge
	}
	path = append(path, e.to)
	for i, below := range path[1:] {
		above := path[i]
		l.items[above].down = append(l.items[above].down, below)
		l.items[below].up = append(l.items[below].up, above)
	}
	l.paths = append(l.paths, path)
	return nil
}

func (l *layout) fillRows() {
	for i, it := range l.items {
		for len(l.rows) <= it.row {
			l.rows = append(l.rows, nil)
		}
		l.rows[it.row] = append(l.rows[it.row], i)
	}
}

// order orders the rows, downwards by the neighbors above or, with way = -1, upwards by those
// below.
func (l *layout) order(way int) {
	place := make([]float64, len(l.items))
	for r := range l.rows {
		if way < 0 {
			r = len(l.rows) - 1 - r
		}
		for k, i := range l.rows[r] {
			place[i] = mean(l.neighbors(i, way), float64(k)/float64(len(l.rows[r])), func(j int) float64 { return place[j] })
		}
		slices.SortStableFunc(l.rows[r], func(a, b int) int { return cmp.Compare(place[a], place[b]) })
		for k, i := range l.rows[r] {
			place[i] = (float64(k) + 0.5) / float64(len(l.rows[r]))
		}
	}
}

func (l *layout) neighbors(i, way int) []int {
	if way > 0 {
		return l.items[i].up
	}
	return l.items[i].down
}

// mean is the mean of f over list, or otherwise if that is empty.
func mean(list []int, otherwise float64, f func(i int) float64) float64 {
	if len(list) == 0 {
		return otherwise
	}
	sum := 0.0
	for _, i := range list {
		sum += f(i)
	}
	return sum / float64(len(list))
}

// place sets x and y.
func (l *layout) place() {
	for range 8 {
		for r := range l.rows {
			l.settle(l.rows[r], 1)
		}
		for r := range l.rows {
			l.settle(l.rows[len(l.rows)-1-r], -1)
		}
	}
	left, right := 0.0, 0.0
	for _, it := range l.items {
		left, right = min(left, it.x-it.w/2), max(right, it.x+it.w/2)
	}
	l.w = right - left
	for _, row := range l.rows {
		height := 0.0
		for _, i := range row {
			height = max(height, l.items[i].h)
		}
		for _, i := range row {
			it := &l.items[i]
			if it.h == 0 {
				it.h = height
			}
			it.x, it.y = it.x-left, l.h+(height-it.h)/2
		}
		l.h += height + rowGap
	}
	l.h -= rowGap
}

// settle moves the items of a row towards their neighbors: to the mean of two placements that keep
// the order and the gaps, one that gives way to the right and one to the left.
func (l *layout) settle(row []int, way int) {
	x := make([]float64, len(row))
	for k, i := range row {
		x[k] = mean(l.neighbors(i, way), l.items[i].x, func(j int) float64 { return l.items[j].x })
	}
	apart := func(k int) float64 { return (l.items[row[k]].w+l.items[row[k+1]].w)/2 + columnGap }
	right, left := slices.Clone(x), slices.Clone(x)
	for k := 1; k < len(row); k++ {
		right[k] = max(right[k], right[k-1]+apart(k-1))
	}
	for k := len(row) - 2; k >= 0; k-- {
		left[k] = min(left[k], left[k+1]-apart(k))
	}
	for k, i := range row {
		l.items[i].x = (left[k] + right[k]) / 2
	}
}

// portGap is between the edges that arrive at a box.
const portGap = 16.0

// setPorts lets edges arrive at a box side by side, in the order of where they come from.
func (l *layout) setPorts() {
	l.ports = make([]float64, len(l.paths))
	arrivals := make([][]int, len(l.items))
	for e, path := range l.paths {
		to := path[len(path)-1]
		arrivals[to] = append(arrivals[to], e)
	}
	from := func(e int) float64 { return l.items[l.paths[e][len(l.paths[e])-2]].x }
	for to, list := range arrivals {
		slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(from(a), from(b)) })
		step := min(portGap, l.items[to].w*0.8/float64(max(1, len(list))))
		for k, e := range list {
			l.ports[e] = (float64(k) - float64(len(list)-1)/2) * step
		}
	}
}
