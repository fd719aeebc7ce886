package model

import (
	"fmt"

	"github.com/gantiny/gantiny/quant"
)

// Resize gives its input H rows and W columns. Output row i lies at row
//
//	(i+1/2) * rows/H - 1/2          half_pixel
//	i * rows/H                      asymmetric
//	i * (rows-1)/(H-1)              align_corners
//
// of the input, columns alike. Nearest takes the input's row there: asymmetric rounds down, as
// PyTorch's "nearest"; half_pixel rounds to the nearest, up if two are equally near, as PyTorch's
// "nearest-exact". Bilinear weighs the two rows and the two columns around, where the outermost
// ones go on beyond the edge, as PyTorch with align_corners false (half_pixel) or true.
type Resize struct {
	moving
	H           int    `json:"h"`
	W           int    `json:"w"`
	Mode        string `json:"mode"`        // ResizeNearest or ResizeBilinear
	Coordinates string `json:"coordinates"` // HalfPixel, Asymmetric or AlignCorners
}

// The modes and coordinates of Resize.
const (
	ResizeNearest  = "nearest"
	ResizeBilinear = "bilinear"

	HalfPixel    = "half_pixel"
	Asymmetric   = "asymmetric"
	AlignCorners = "align_corners" // bilinear only
)

func init() {
	Register[Resize]()
	Register[QMove[nearestResize]]()
	Register[QAverage[bilinearResize]]()
}

// Kind returns "resize".
func (Resize) Kind() string { return "resize" }

// Infer returns the new shape.
func (l Resize) Infer(in []Spec) (Spec, error) {
	if err := floatInputs(in, 1); err != nil {
		return Spec{}, err
	}
	nearest := l.Mode == ResizeNearest
	if !nearest && l.Mode != ResizeBilinear {
		return Spec{}, fmt.Errorf("mode %q, want %q or %q", l.Mode, ResizeNearest, ResizeBilinear)
	}
	switch l.Coordinates {
	case HalfPixel, Asymmetric:
	case AlignCorners:
		if nearest {
			return Spec{}, fmt.Errorf("mode %q with coordinates %q", l.Mode, l.Coordinates)
		}
	default:
		return Spec{}, fmt.Errorf("coordinates %q, want %q, %q or %q", l.Coordinates, HalfPixel, Asymmetric, AlignCorners)
	}
	return Floats(Shape{l.H, l.W, in[0].Shape.C}), nil
}

// coordinate returns the input coordinate num/den of an output row, exactly.
func (l Resize) coordinate(row, rows, outRows int) (num, den int64) {
	i, n, out := int64(row), int64(rows), int64(outRows)
	switch l.Coordinates {
	case HalfPixel:
		return (2*i+1)*n - out, 2 * out
	case AlignCorners:
		return i * (n - 1), max(out-1, 1)
	}
	return i * n, out
}

// nearest returns which of n rows one of out is.
func (l Resize) nearest(i, n, out int) int {
	num, den := l.coordinate(i, n, out)
	if l.Coordinates == HalfPixel {
		num += den / 2
	}
	return int(num / den)
}

// between returns the two of n rows that one of out lies between, and the second one's weight.
func (l Resize) between(i, n, out int) (lo, hi int, weight float64) {
	num, den := l.coordinate(i, n, out)
	num = min(max(num, 0), int64(n-1)*den)
	lo = int(num / den)
	return lo, min(lo+1, n-1), float64(num%den) / float64(den)
}

// Reference: nearest y[i,j] = x[nearest(i), nearest(j)]; bilinear with row i between lo and hi
// y[i] = (1-weight)*x[lo] + weight*x[hi], columns alike.
func (l Resize) Reference(y []float64, x, _ [][]float64, in []Spec) {
	s := in[0].Shape
	for k := range y {
		i, j, c := k/s.C/l.W, k/s.C%l.W, k%s.C
		at := func(i, j int) float64 { return x[0][(i*s.W+j)*s.C+c] }
		if l.Mode == ResizeNearest {
			y[k] = at(l.nearest(i, s.H, l.H), l.nearest(j, s.W, l.W))
			continue
		}
		top, bottom, v := l.between(i, s.H, l.H)
		left, right, u := l.between(j, s.W, l.W)
		mix := func(a, b, weight float64) float64 { return float64((1-weight)*a) + float64(weight*b) }
		y[k] = mix(mix(at(top, left), at(top, right), u), mix(at(bottom, left), at(bottom, right), u), v)
	}
}

// form is the Resize of one mode that this one is.
func (l Resize) form() Op {
	if l.Mode == ResizeNearest {
		return nearestResize{l}
	}
	return bilinearResize{l}
}

// Lower is that of the form.
func (l Resize) Lower(at *Lowering) (Kernel, error) { return lower(l.form(), at) }

// LowerTraining is that of the form.
func (l Resize) LowerTraining(at *Lowering) (TrainKernel, error) {
	return lowerTraining(l.form(), at)
}

func (Resize) identityOn(in []Spec, out Spec) bool { return in[0] == out }

// int8Form: nearest moves bytes, bilinear makes means of them.
func (l Resize) int8Form(out quant.Params) Op {
	if l.Mode == ResizeNearest {
		return QMove[nearestResize]{nearestResize{l}, out}
	}
	return QAverage[bilinearResize]{bilinearResize{l}, out}
}

func (Resize) passesScale() bool { return true }

// nearestResize and bilinearResize are a Resize of one mode.
type (
	nearestResize  struct{ Resize }
	bilinearResize struct{ Resize }
)

// Kind returns "nearest".
func (nearestResize) Kind() string { return ResizeNearest }

// Kind returns "bilinear".
func (bilinearResize) Kind() string { return ResizeBilinear }

// Infer returns the new shape.
func (l nearestResize) Infer(in []Spec) (Spec, error) { return l.inMode(ResizeNearest, in) }

// Infer returns the new shape.
func (l bilinearResize) Infer(in []Spec) (Spec, error) { return l.inMode(ResizeBilinear, in) }

func (l nearestResize) plain() Op  { return l.Resize }
func (l bilinearResize) plain() Op { return l.Resize }

func (l Resize) inMode(mode string, in []Spec) (Spec, error) {
	if l.Mode != mode {
		return Spec{}, fmt.Errorf("mode %q, want %q", l.Mode, mode)
	}
	return l.Infer(in)
}

// runs: each position is copied from one.
func (l nearestResize) runs(in []Spec) (list []featureRun) {
	x := in[0].Shape
	for i := range l.H {
		for j := range l.W {
			list = append(list, row(0, l.nearest(i, x.H, l.H)*x.W+l.nearest(j, x.W, l.W), 0, i*l.W+j, 0, x.C))
		}
	}
	return list
}

// means: the weights are whole numbers of 1/(rows' denominator * columns' denominator), reduced.
func (l bilinearResize) means(x, y Shape, f func(to int, from []int, weight []int64, total int64)) {
	for i := range y.H {
		top, bottom, v, vs := l.fraction(i, x.H, y.H)
		for j := range y.W {
			left, right, u, us := l.fraction(j, x.W, y.W)
			f(i*y.W+j, []int{top*x.W + left, top*x.W + right, bottom*x.W + left, bottom*x.W + right},
				[]int64{(vs - v) * (us - u), (vs - v) * u, v * (us - u), v * u}, vs*us)
		}
	}
}

// fraction is between with the second row's weight as a fraction num/den in lowest terms.
func (l Resize) fraction(i, n, out int) (lo, hi int, num, den int64) {
	lo, hi, _ = l.between(i, n, out)
	num, den = l.coordinate(i, n, out)
	num = min(max(num, 0), int64(n-1)*den) % den
	a, b := den, num
	for b != 0 {
		a, b = b, a%b
	}
	return lo, hi, num / a, den / a
}
