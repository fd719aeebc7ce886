package train

import (
	"math"

	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
)

// Optimizer is the rule by which parameters follow their gradients: Adam, AdamW,
// RMSprop, SGD, or one of the caller's. A value holds the rule's constants only.
// What the rule remembers of a parameter the Trainer keeps, and its checkpoints
// with it.
type Optimizer interface {
	// State names the arrays that the rule keeps for every parameter. Each is as
	// long as the parameter and begins with zeros. In a checkpoint the array "adam.m"
	// of a generator's parameter is called adam.m.generator.PARAM.
	State() []string

	// Update is update number n, from 1, of a part of one parameter w with gradient g;
	// state holds the same part of each of State's arrays. Workers share a parameter
	// out, so an element may depend on those at its own place alone. It must not
	// allocate or keep the slices.
	Update(k *simd.Kernels, w, g []float32, state [][]float32, n uint64, rate float64)
}

// updater applies an Optimizer to the parameters of one network.
type updater struct {
	rule   Optimizer
	k      *simd.Kernels
	params []*model.Param // the trainable ones
	grads  []*model.Param // of each
	state  [][][]float32  // (parameter, array of the rule)

	n       uint64  // updates done
	rate    float64 // of the update in progress
	clipped float64 // norm of the gradients before clip scaled them last
	bad     []bool  // by worker: a gradient is not finite
	shares  [][][]float32
	norm    norm

	run  func(worker int) // update and check on one worker's part, bound once
	test func(worker int)
}

// lineFloats is the multiple of floats at which workers' parts of a tensor meet:
// a cache line, so that they write no line in common.
const lineFloats = 16

func newUpdater(rule Optimizer, params, grads []*model.Param, k *simd.Kernels, workers int) *updater {
	names := rule.State()
	total := 0
	for _, p := range params {
		total += len(p.Data)
	}
	u := &updater{rule: rule, k: k, params: params, grads: grads, bad: make([]bool, workers)}
	memory := make([]float32, len(names)*total)
	for _, p := range params {
		arrays := make([][]float32, len(names))
		for i := range arrays {
			n := len(p.Data)
			arrays[i], memory = memory[:n:n], memory[n:]
		}
		u.state = append(u.state, arrays)
	}
	for range workers {
		u.shares = append(u.shares, make([][]float32, len(names)))
	}
	u.norm.plan(grads)
	u.run, u.test = u.updateShare, u.checkShare
	return u
}

// cut returns a worker's part of n floats.
func (u *updater) cut(n, worker int) (lo, hi int) {
	lo, hi = pool.Split((n+lineFloats-1)/lineFloats, len(u.bad), worker)
	return min(lo*lineFloats, n), min(hi*lineFloats, n)
}

// update changes all parameters once. Elements do not meet, so that the number of
// workers changes no bit.
func (u *updater) update(p *model.Team, rate float64) {
	u.n++
	u.rate = rate
	p.Run(u.run)
}

func (u *updater) updateShare(worker int) {
	state := u.shares[worker]
	for i, p := range u.params {
		lo, hi := u.cut(len(p.Data), worker)
		for j, array := range u.state[i] {
			state[j] = array[lo:hi]
		}
		u.rule.Update(u.k, p.Data[lo:hi], u.grads[i].Data[lo:hi], state, u.n, u.rate)
	}
}

// finite reports whether every gradient is a finite number. A sum is finite only
// if its terms are; sums that overflow come from gradients no better than NaN.
func (u *updater) finite(p *model.Team) bool {
	clear(u.bad)
	p.Run(u.test)
	for _, b := range u.bad {
		if b {
			return false
		}
	}
	return true
}

func (u *updater) checkShare(worker int) {
	for _, g := range u.grads {
		lo, hi := u.cut(len(g.Data), worker)
		if s := u.k.Sum(g.Data[lo:hi]); s-s != 0 {
			u.bad[worker] = true
		}
	}
}

// clip scales the gradients so that their norm, that of one vector of them all, is
// at most limit:
//
//	g *= min(1, limit / (norm + 1e-6))
//
// as PyTorch's clip_grad_norm_ does. It returns the norm before.
func (u *updater) clip(p *model.Team, limit float64) float64 {
	length := u.norm.of(p)
	u.clipped = length
	if factor := limit / (length + 1e-6); factor < 1 {
		for _, g := range u.grads {
			u.k.Scale(g.Data, float32(factor))
		}
	}
	return length
}

// norm computes the Euclidean norm of tensors taken as one vector. Blocks of one
// size are summed each in float64, in which the squares are exact, and then in
// order: neither the number of workers nor the row of kernels changes a bit.
type norm struct {
	blocks  [][]float32
	sums    []float64 // of the squares in each block
	workers int
	run     func(worker int)
}

const normBlock = 4096

func (n *norm) plan(tensors []*model.Param) {
	for _, t := range tensors {
		for rest := t.Data; len(rest) > 0; {
			size := min(normBlock, len(rest))
			n.blocks = append(n.blocks, rest[:size])
			rest = rest[size:]
		}
	}
	n.sums = make([]float64, len(n.blocks))
	n.run = n.sumShare
}

func (n *norm) of(p *model.Team) float64 {
	n.workers = p.Workers()
	p.Run(n.run)
	var sum float64
	for _, s := range n.sums {
		sum += s
	}
	return math.Sqrt(sum)
}

func (n *norm) sumShare(worker int) {
	lo, hi := pool.Split(len(n.blocks), n.workers, worker)
	for i := lo; i < hi; i++ {
		var sum float64
		for _, x := range n.blocks[i] {
			sum += float64(x) * float64(x)
		}
		n.sums[i] = sum
	}
}
