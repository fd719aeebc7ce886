package train

import (
	"fmt"
	"math"
	"strings"

	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
)

// normalized is a weight that a network reads in a normalized form w of the trained weight W. As a
// matrix it has rows of W's last dimension, its outputs.
//
// Spectral normalization (Miyato et al. 2018) divides it by its largest singular value, of which a
// power iteration a step keeps track:
//
//	u = W·v / |W·v|, v = Wᵀ·u / |Wᵀ·u|, sigma = uᵀ·W·v
//	w = W / sigma
//	dW = (dw - <dw, w> u·vᵀ) / sigma, with u and v held fixed
//
// A direction is a vector of length 1, and W is scaled to that, too, after each update:
//
//	w = W, dW = dw - <dw, w> w
type normalized struct {
	param, unnormalized *model.Param // of one name; the passes read param
	grad                []float32
	direction           bool
	u                   []float32 // (outputs), of length 1
	v                   []float32 // (rows)
	sigma               float64
	sums                []float64 // (outputs)
}

const (
	firstIterations = 15    // of the power iteration before the first step
	leastSigma      = 1e-12 // where a weight is 0
)

// normalizable tells whether p is the weight of a linear operator, or of an embedding.
func normalizable(p *model.Param) bool {
	return p.Trainable && strings.HasSuffix(p.Name, ".weight") && len(p.Shape) >= 2
}

// newNormalized normalizes p, whose gradient is grad, from here on.
func newNormalized(p, grad *model.Param, direction bool, key rng.Key) *normalized {
	unnormalized := &model.Param{Name: p.Name, Shape: p.Shape, Trainable: true, Data: append([]float32(nil), p.Data...)}
	n := &normalized{param: p, unnormalized: unnormalized, grad: grad.Data, direction: direction, sigma: 1}
	if direction {
		n.step()
	} else {
		outputs := p.Shape[len(p.Shape)-1]
		n.u, n.v, n.sums = make([]float32, outputs), make([]float32, len(p.Data)/outputs), make([]float64, outputs)
		rng.FillNormal(n.v, key, 0)
		for range firstIterations {
			n.step()
		}
	}
	n.apply()
	return n
}

// step follows an update of W.
func (n *normalized) step() {
	if n.direction {
		var squares float64
		for _, x := range n.unnormalized.Data {
			squares += float64(x) * float64(x)
		}
		length := max(math.Sqrt(squares), leastSigma)
		for i, x := range n.unnormalized.Data {
			n.unnormalized.Data[i] = float32(float64(x) / length)
		}
		return
	}
	n.multiply()
	normalize(n.u, n.sums)
	rows := len(n.v)
	var squares float64
	for r := range rows {
		n.v[r] = float32(n.row(r))
		squares += float64(n.v[r]) * float64(n.v[r])
	}
	length := max(math.Sqrt(squares), leastSigma)
	for r, x := range n.v {
		n.v[r] = float32(float64(x) / length)
	}
}

// multiply sets sums to W·v. Products of two float32 are exact in float64, so that no machine's
// fused multiply-add makes other bits.
func (n *normalized) multiply() {
	clear(n.sums)
	k := len(n.u)
	for r, v := range n.v {
		for j, w := range n.unnormalized.Data[r*k:][:k] {
			n.sums[j] += float64(w) * float64(v)
		}
	}
}

// row is element r of rawᵀ·u.
func (n *normalized) row(r int) float64 {
	var sum float64
	k := len(n.u)
	for j, w := range n.unnormalized.Data[r*k:][:k] {
		sum += float64(w) * float64(n.u[j])
	}
	return sum
}

// normalize sets u to x, scaled to length 1.
func normalize(u []float32, x []float64) {
	var squares float64
	for _, v := range x {
		squares += float64(v * v)
	}
	length := max(math.Sqrt(squares), leastSigma)
	for i, v := range x {
		u[i] = float32(v / length)
	}
}

// apply sets what the passes read.
func (n *normalized) apply() {
	if n.direction {
		copy(n.param.Data, n.unnormalized.Data)
		return
	}
	n.multiply()
	n.sigma = 0
	for j, x := range n.sums {
		n.sigma += float64(float64(n.u[j]) * x)
	}
	n.sigma = max(n.sigma, leastSigma)
	for i, x := range n.unnormalized.Data {
		n.param.Data[i] = float32(float64(x) / n.sigma)
	}
}

// backward turns the gradient of what the passes read into that of W.
func (n *normalized) backward() {
	var product float64
	for i, g := range n.grad {
		product += float64(g) * float64(n.param.Data[i])
	}
	if n.direction {
		for i, w := range n.param.Data {
			n.grad[i] = float32(float64(n.grad[i]) - float64(product*float64(w)))
		}
		return
	}
	k := len(n.u)
	for r, v := range n.v {
		by := float64(product * float64(v))
		for j, g := range n.grad[r*k:][:k] {
			n.grad[r*k+j] = float32((float64(g) - float64(by*float64(n.u[j]))) / n.sigma)
		}
	}
}

// vector describes a singular vector for checkpoints.
func (n *normalized) vector(which, network string, data []float32) safetensors.Tensor {
	name := "spectral." + which + "." + network + "." + n.param.Name
	return safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: []int{len(data)}, Floats: data}
}

// normalize has the network train the unnormalized forms of weights that its passes read
// normalized. It returns all parameters to train.
func (n *Network) normalize(grads []*model.Param, key rng.Key) ([]*model.Param, error) {
	if n.exact != nil {
		return n.exact.TrainableParams(), nil
	}
	params := n.model.TrainableParams()
	for i, p := range params {
		direction := p.Name == n.direction
		if !direction && !(n.spectral && normalizable(p)) {
			continue
		}
		w := newNormalized(p, grads[i], direction, key.Sub(uint64(i)))
		n.normalized = append(n.normalized, w)
		params[i] = w.unnormalized
	}
	if n.spectral && len(n.normalized) == 0 {
		return nil, fmt.Errorf("train: %w: spectral_norm is set, and the %s has no weights that it applies to", ErrConfig, n.name)
	}
	return params, nil
}

// trainable returns the parameter that updates change in place of p: p itself, or its unnormalized
// form.
func (n *Network) trainable(p *model.Param) *model.Param {
	for _, w := range n.normalized {
		if w.param == p {
			return w.unnormalized
		}
	}
	return p
}
