package tflite

import "github.com/gantiny/gantiny/internal/importer/ir"

// This file holds the operators that read images: ONNX's want (N, C, H, W).

// planes makes (N, C, H, W) of (N, H, W, C).
func (o *op) planes(x string) string {
	return o.emit("Transpose", list(wholes("perm", 0, 3, 1, 2)), x)
}

// pixels is the reverse of planes.
func (o *op) pixels(x string) string {
	return o.emit("Transpose", list(wholes("perm", 0, 2, 3, 1)), x)
}

// window reads the options that convolutions and pools begin with.
func (o *op) window() ([]ir.Attribute, error) {
	how := "SAME_UPPER"
	switch p := o.options.uint8(0); p {
	case 0:
	case 1:
		how = "VALID"
	default:
		return nil, ir.Refuse("padding %d", p)
	}
	return list(text("auto_pad", how), wholes("strides", o.options.int32(2, 0), o.options.int32(1, 0))), nil
}

// biased returns a node's inputs with a bias, if there is one.
func (o *op) biased(k int, in ...string) []string {
	if b := o.get(k); b != "" {
		in = append(in, b)
	}
	return in
}

func conv2D(o *op) error {
	w, err := o.window()
	if err != nil {
		return err
	}
	// Weights (Co, KH, KW, Ci of a group).
	group := 1
	if c, each := o.dim(0, 3), o.dim(1, 3); c > 0 && each > 0 {
		group = max(1, c/each)
	}
	w = append(w, wholes("dilations", o.options.int32(5, 1), o.options.int32(4, 1)), whole("group", group))
	weights := o.emit("Transpose", list(wholes("perm", 0, 3, 1, 2)), o.get(1))
	y := o.emit("Conv", w, o.biased(2, o.planes(o.get(0)), weights)...)
	return o.done(o.pixels(y), o.options.uint8(3))
}

func depthwiseConv2D(o *op) error {
	w, err := o.window()
	if err != nil {
		return err
	}
	// Weights (1, KH, KW, Co), with Co a multiple of the input's channels.
	times := o.options.int32(3, 0)
	if c, all := o.dim(0, 3), o.dim(1, 3); c > 0 && all > 0 {
		times = max(1, all/c)
	}
	if times < 1 {
		return ir.Refuse("depth_multiplier %d", times)
	}
	w = append(w, wholes("dilations", o.options.int32(6, 1), o.options.int32(5, 1)), whole("group", o.dim(1, 3)/times))
	weights := o.emit("Transpose", list(wholes("perm", 3, 0, 1, 2)), o.get(1))
	y := o.emit("Conv", w, o.biased(2, o.planes(o.get(0)), weights)...)
	return o.done(o.pixels(y), o.options.uint8(4))
}

// transposeConv has the output's shape, the weights (Co, KH, KW, Ci) and the image as inputs.
func transposeConv(o *op) error {
	w, err := o.window()
	if err != nil {
		return err
	}
	w[0] = text("auto_pad", "SAME_UPPER") // what is cropped follows from the output's shape alone
	size := o.emit("Slice", nil, o.get(0), o.integers(1), o.integers(3))
	weights := o.emit("Transpose", list(wholes("perm", 3, 0, 1, 2)), o.get(1))
	y := o.emit("ConvTranspose", w, o.planes(o.get(2)), weights, o.get(3), size)
	return o.done(o.pixels(y), o.options.uint8(3))
}

func pool(kind string) func(o *op) error {
	return func(o *op) error {
		w, err := o.window()
		if err != nil {
			return err
		}
		w = append(w, wholes("kernel_shape", o.options.int32(4, 0), o.options.int32(3, 0)))
		return o.done(o.pixels(o.emit(kind, w, o.planes(o.get(0)))), o.options.uint8(5))
	}
}

// blocks is DepthToSpace or SpaceToDepth.
func blocks(kind string) func(o *op) error {
	return func(o *op) error {
		return o.moved(o.pixels(o.emit(kind, list(whole("blocksize", o.options.int32(0, 0))), o.planes(o.get(0)))))
	}
}

// resize makes the rows and columns of input 1.
func (o *op) resize(mode string, corners, centers int) error {
	how, nearest := "asymmetric", "floor"
	switch {
	case corners != 0 && centers != 0:
		return ir.Refuse("align_corners with half_pixel_centers")
	case corners != 0:
		how, nearest = "align_corners", "round_prefer_ceil"
	case centers != 0:
		how, nearest = "half_pixel", "round_prefer_ceil"
	}
	a := list(text("mode", mode), text("coordinate_transformation_mode", how), wholes("axes", 2, 3))
	if mode == "nearest" {
		a = append(a, text("nearest_mode", nearest))
	}
	y := o.pixels(o.emit("Resize", a, o.planes(o.get(0)), "", "", o.get(1)))
	if mode == "nearest" {
		return o.moved(y)
	}
	return o.done(y, noActivation)
}

func fullyConnected(o *op) error {
	if f := o.options.uint8(1); f != 0 {
		return ir.Refuse("weights_format %d", f)
	}
	x, weights := o.get(0), o.emit("Transpose", list(wholes("perm", 1, 0)), o.get(1))
	if o.options.uint8(2) != 0 { // keep_num_dims
		y := o.emit("MatMul", nil, x, weights)
		if b := o.get(2); b != "" {
			y = o.emit("Add", nil, y, b)
		}
		return o.done(y, o.options.uint8(0))
	}
	if o.rank(0) != 2 {
		n := o.dim(1, 1)
		if n < 1 {
			return ir.Refuse("weights of %v", o.tensors[o.in[1]].dims)
		}
		x = o.emit("Reshape", nil, x, o.integers(-1, n))
	}
	return o.done(o.emit("Gemm", nil, o.biased(2, x, weights)...), o.options.uint8(0))
}

func batchMatMul(o *op) error {
	if o.options.uint8(0) != 0 {
		return ir.Refuse("adj_x")
	}
	y := o.get(1)
	if o.options.uint8(1) != 0 {
		perm := make([]int, o.rank(1))
		for i := range perm {
			perm[i] = i
		}
		if n := len(perm); n >= 2 {
			perm[n-1], perm[n-2] = n-2, n-1
		}
		y = o.emit("Transpose", list(wholes("perm", perm...)), y)
	}
	return o.done(o.emit("MatMul", nil, o.get(0), y), noActivation)
}
