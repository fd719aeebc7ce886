package conv

// weightIndex says where the weight of a pass stands: tap, contracted channel
// k, column j and group grp at base(tap) + grp*group + k*k + j*j.
type weightIndex struct {
	tap         int // elements from one tap to the next; dense: from one input position
	out, outTap int // dense: output positions, and elements from one to the next
	group, k, j int
}

func (w weightIndex) base(tap int) int {
	if w.out == 0 {
		return tap * w.tap
	}
	return tap/w.out*w.tap + tap%w.out*w.outTap
}

// forwardWeights indexes the weights for Forward: k = ci, j = co.
func forwardWeights(g Geometry) weightIndex {
	if g.IsDense() {
		pout := g.DenseH * g.DenseW
		f := pout * g.OutC
		return weightIndex{tap: g.InC * f, out: pout, outTap: g.OutC, k: f, j: 1}
	}
	return weightIndex{tap: g.InC / g.Groups * g.OutC, group: g.OutC / g.Groups, k: g.OutC, j: 1}
}

// gradWeights indexes them for InputGrad: k = co, j = ci.
func gradWeights(g Geometry) weightIndex {
	w := forwardWeights(g)
	w.k, w.j = w.j, w.k
	return w
}

// split returns n cut into the fewest runs of at most limit, as even as can be:
// two tiles of 9 rows run faster than one of 14 and one of 4.
func split(n, limit int) []int {
	var s []int
	for m := (n + limit - 1) / limit; m > 0; m-- {
		r := (n + m - 1) / m
		s = append(s, r)
		n -= r
	}
	return s
}

// tileRows returns the next run of split when n rows are left.
func tileRows(n, limit int) int {
	m := (n + limit - 1) / limit
	return (n + m - 1) / m
}

// offsets returns where each of some runs begins, and where the last one ends.
func offsets(runs []int) []int {
	at := make([]int, len(runs)+1)
	for i, n := range runs {
		at[i+1] = at[i] + n
	}
	return at
}
