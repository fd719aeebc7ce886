package tflite

import "github.com/gantiny/gantiny/internal/importer/ir"

// rule says how an operator is translated.
type rule struct {
	name      string // as the format has it
	least     int    // inputs that it must have
	translate func(o *op) error
}

// operators are known by their numbers in the format. Those without a translation are here for
// their names.
var operators = map[int]rule{
	0:  {"ADD", 2, elementwise("Add")},
	1:  {"AVERAGE_POOL_2D", 1, pool("AveragePool")},
	2:  {"CONCATENATION", 1, concatenation},
	3:  {"CONV_2D", 2, conv2D},
	4:  {"DEPTHWISE_CONV_2D", 2, depthwiseConv2D},
	5:  {"DEPTH_TO_SPACE", 1, blocks("DepthToSpace")},
	6:  {"DEQUANTIZE", 1, func(o *op) error { return o.moved(o.get(0)) }},
	7:  {"EMBEDDING_LOOKUP", 2, func(o *op) error { return o.moved(o.emit("Gather", list(whole("axis", 0)), o.get(1), o.get(0))) }},
	8:  {"FLOOR", 1, nil},
	9:  {"FULLY_CONNECTED", 2, fullyConnected},
	11: {"L2_NORMALIZATION", 1, nil},
	12: {"L2_POOL_2D", 1, nil},
	13: {"LOCAL_RESPONSE_NORMALIZATION", 1, nil},
	14: {"LOGISTIC", 1, bounded("Sigmoid")},
	16: {"LSTM", 1, nil},
	17: {"MAX_POOL_2D", 1, pool("MaxPool")},
	18: {"MUL", 2, elementwise("Mul")},
	19: {"RELU", 1, func(o *op) error { return o.done(o.get(0), relu) }},
	20: {"RELU_N1_TO_1", 1, func(o *op) error { return o.done(o.get(0), reluN1To1) }},
	21: {"RELU6", 1, func(o *op) error { return o.done(o.get(0), relu6) }},
	22: {"RESHAPE", 1, reshape},
	23: {"RESIZE_BILINEAR", 2, func(o *op) error { return o.resize("linear", o.options.uint8(2), o.options.uint8(3)) }},
	25: {"SOFTMAX", 1, softmax},
	26: {"SPACE_TO_DEPTH", 1, blocks("SpaceToDepth")},
	28: {"TANH", 1, bounded("Tanh")},
	34: {"PAD", 2, pad},
	36: {"GATHER", 2, gather},
	37: {"BATCH_TO_SPACE_ND", 3, nil},
	38: {"SPACE_TO_BATCH_ND", 3, nil},
	39: {"TRANSPOSE", 2, transpose},
	40: {"MEAN", 2, reduce("ReduceMean")},
	41: {"SUB", 2, elementwise("Sub")},
	42: {"DIV", 2, elementwise("Div")},
	43: {"SQUEEZE", 1, squeeze},
	45: {"STRIDED_SLICE", 4, stridedSlice},
	47: {"EXP", 1, unary("Exp")},
	49: {"SPLIT", 2, func(o *op) error { return o.split(1, 0, "") }},
	50: {"LOG_SOFTMAX", 1, unary("LogSoftmax")},
	53: {"CAST", 1, cast},
	54: {"PRELU", 2, func(o *op) error { return o.done(o.emit("PRelu", nil, o.get(0), o.get(1)), noActivation) }},
	55: {"MAXIMUM", 2, plainElementwise("Max")},
	56: {"ARG_MAX", 2, nil},
	57: {"MINIMUM", 2, plainElementwise("Min")},
	59: {"NEG", 1, unary("Neg")},
	60: {"PADV2", 3, pad},
	65: {"SLICE", 3, slice},
	66: {"SIN", 1, nil},
	67: {"TRANSPOSE_CONV", 3, transposeConv},
	69: {"TILE", 2, func(o *op) error { return o.moved(o.emit("Tile", nil, o.get(0), o.get(1))) }},
	70: {"EXPAND_DIMS", 2, func(o *op) error { return o.moved(o.emit("Unsqueeze", nil, o.get(0), o.get(1))) }},
	73: {"LOG", 1, unary("Log")},
	74: {"SUM", 2, reduce("ReduceSum")},
	75: {"SQRT", 1, unary("Sqrt")},
	76: {"RSQRT", 1, func(o *op) error {
		return o.done(o.emit("Reciprocal", nil, o.emit("Sqrt", nil, o.get(0))), noActivation)
	}},
	77:  {"SHAPE", 1, func(o *op) error { return o.moved(o.emit("Shape", nil, o.get(0))) }},
	78:  {"POW", 2, plainElementwise("Pow")},
	82:  {"REDUCE_MAX", 2, reduce("ReduceMax")},
	83:  {"PACK", 1, pack},
	85:  {"ONE_HOT", 4, oneHot},
	88:  {"UNPACK", 1, unpack},
	89:  {"REDUCE_MIN", 2, reduce("ReduceMin")},
	92:  {"SQUARE", 1, func(o *op) error { return o.done(o.emit("Mul", nil, o.get(0), o.get(0)), noActivation) }},
	94:  {"FILL", 2, func(o *op) error { return o.moved(o.emit("Expand", nil, o.get(1), o.get(0))) }},
	97:  {"RESIZE_NEAREST_NEIGHBOR", 2, func(o *op) error { return o.resize("nearest", o.options.uint8(0), o.options.uint8(1)) }},
	98:  {"LEAKY_RELU", 1, leakyReLU},
	99:  {"SQUARED_DIFFERENCE", 2, squaredDifference},
	100: {"MIRROR_PAD", 2, mirrorPad},
	101: {"ABS", 1, unary("Abs")},
	102: {"SPLIT_V", 3, func(o *op) error { return o.split(0, 2, o.get(1)) }},
	106: {"ADD_N", 1, addN},
	111: {"ELU", 1, unary("Elu")},
	114: {"QUANTIZE", 1, func(o *op) error { return o.done(o.get(0), noActivation) }},
	117: {"HARD_SWISH", 1, unary("HardSwish")},
	118: {"IF", 1, nil},
	119: {"WHILE", 1, nil},
	126: {"BATCH_MATMUL", 2, batchMatMul},
	130: {"BROADCAST_TO", 2, func(o *op) error { return o.moved(o.emit("Expand", nil, o.get(0), o.get(1))) }},
	150: {"GELU", 1, gelu},
	152: {"RELU_0_TO_1", 1, func(o *op) error { return o.done(o.clip(o.get(0), 0, 1), noActivation) }},
}

// unary is an operator of one input that ONNX has too.
func unary(kind string) func(o *op) error {
	return func(o *op) error { return o.done(o.emit(kind, nil, o.get(0)), noActivation) }
}

// bounded is unary of one whose results fit into the integers for them. As the last one it is not
// rounded: pixels have 256 levels too.
func bounded(kind string) func(o *op) error {
	return func(o *op) error {
		y := o.emit(kind, nil, o.get(0))
		if o.last[o.out[0]] {
			return o.moved(y)
		}
		return o.done(y, noActivation)
	}
}

// elementwise is an operator of two inputs, whose options are an activation.
func elementwise(kind string) func(o *op) error {
	return func(o *op) error { return o.done(o.emit(kind, nil, o.get(0), o.get(1)), o.options.uint8(0)) }
}

// plainElementwise is an operator of two inputs without options.
func plainElementwise(kind string) func(o *op) error {
	return func(o *op) error { return o.done(o.emit(kind, nil, o.get(0), o.get(1)), noActivation) }
}

func addN(o *op) error {
	var in []string
	for k := range o.in {
		in = append(in, o.get(k))
	}
	return o.done(o.emit("Sum", nil, in...), noActivation)
}

func leakyReLU(o *op) error {
	return o.done(o.emit("LeakyRelu", list(number("alpha", o.options.float32(0, 0))), o.get(0)), noActivation)
}

func gelu(o *op) error {
	how := "none"
	if o.options.uint8(0) != 0 {
		how = "tanh"
	}
	return o.done(o.emit("Gelu", list(text("approximate", how)), o.get(0)), noActivation)
}

func softmax(o *op) error {
	x := o.get(0)
	if beta := o.options.float32(0, 0); beta != 1 {
		x = o.emit("Mul", nil, x, o.floats(float32(beta)))
	}
	return o.done(o.emit("Softmax", list(whole("axis", -1)), x), noActivation)
}

func squaredDifference(o *op) error {
	d := o.emit("Sub", nil, o.get(0), o.get(1))
	return o.done(o.emit("Mul", nil, d, d), noActivation)
}

// reduce is over the axes of input 1.
func reduce(kind string) func(o *op) error {
	return func(o *op) error {
		over, err := o.known(1)
		if err != nil {
			return err
		}
		keep := whole("keepdims", o.options.uint8(0))
		return o.done(o.emit(kind, list(wholes("axes", over...), keep), o.get(0)), noActivation)
	}
}

func cast(o *op) error {
	to := o.tensors[o.out[0]].typ
	if to == 0 {
		return ir.Refuse("to %s", o.tensors[o.out[0]].kind())
	}
	return o.moved(o.emit("Cast", list(whole("to", to)), o.get(0)))
}

// oneHot has depth, the number of the one and that of the others as inputs.
func oneHot(o *op) error {
	first := o.integers(0)
	values := o.emit("Concat", list(whole("axis", 0)), o.emit("Unsqueeze", nil, o.get(3), first), o.emit("Unsqueeze", nil, o.get(2), first))
	axis := o.options.int32(0, 0)
	return o.moved(o.emit("OneHot", list(whole("axis", axis)), o.get(0), o.get(1), values))
}
