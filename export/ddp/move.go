package ddp

import (
	"fmt"

	"github.com/gantiny/gantiny/model"
)

var moveRules = map[string]rule{
	"flatten":      func(l *layer) string { return l.in[0].features() },
	"reshape":      func(l *layer) string { return l.fromFeatures(l.in[0].features()) },
	"add":          func(l *layer) string { return l.x() + " + " + l.met() },
	"mul":          func(l *layer) string { return l.x() + " * " + l.met() },
	"concat":       func(l *layer) string { return fmt.Sprintf("torch.cat([%s], 1)", names(l.in)) },
	"slice":        slice,
	"pad":          pad,
	"resize":       resize,
	"transpose":    transpose,
	"avgpool":      avgPool,
	"maxpool":      maxPool,
	"pixelshuffle": pixelShuffle,
	"globalavgpool": func(l *layer) string {
		return l.in[0].image() + ".mean((2, 3))"
	},
}

// met is the second of two inputs, so that it broadcasts to the first.
func (l *layer) met() string {
	if l.in[0].Shape.IsFlat() {
		return l.in[1].name
	}
	return l.in[1].image()
}

func slice(l *layer) string {
	o := l.Op.(model.Slice)
	span := func(i int) string { return fmt.Sprintf("%d:%d", o.From[i], o.From[i]+o.Size[i]) }
	return l.fromImage(fmt.Sprintf("%s[:, %s, %s, %s]", l.in[0].image(), span(2), span(0), span(1)))
}

func pad(l *layer) string {
	o := l.Op.(model.Pad)
	switch o.Mode {
	case model.PadZero:
		return l.fromImage(padded(l.in[0].image(), o.Pad, fmt.Sprint(o.Value)))
	case model.PadReflect, model.PadEdge:
		mode := map[string]string{model.PadReflect: "reflect", model.PadEdge: "replicate"}[o.Mode]
		return l.fromImage(fmt.Sprintf("F.pad(%s, (%d, %d, %d, %d), mode=%q)", l.in[0].image(), o.Pad[2], o.Pad[3], o.Pad[0], o.Pad[1], mode))
	}
	return l.refuse("the script has no mode %q", o.Mode)
}

func resize(l *layer) string {
	o := l.Op.(model.Resize)
	mode := map[[2]string]string{
		{model.ResizeNearest, model.Asymmetric}:    `mode="nearest"`,
		{model.ResizeNearest, model.HalfPixel}:     `mode="nearest-exact"`,
		{model.ResizeBilinear, model.HalfPixel}:    `mode="bilinear", align_corners=False`,
		{model.ResizeBilinear, model.AlignCorners}: `mode="bilinear", align_corners=True`,
	}[[2]string{o.Mode, o.Coordinates}]
	if mode == "" {
		return l.refuse("PyTorch has no mode %s with coordinates %s", o.Mode, o.Coordinates)
	}
	return l.fromImage(fmt.Sprintf("F.interpolate(%s, (%d, %d), %s)", l.in[0].image(), o.H, o.W, mode))
}

func transpose(l *layer) string {
	o := l.Op.(model.Transpose)
	axis := [3]int{2, 3, 1} // PyTorch's of rows, columns and channels
	return l.fromImage(fmt.Sprintf("%s.permute(0, %d, %d, %d)", l.in[0].image(), axis[o.Perm[2]], axis[o.Perm[0]], axis[o.Perm[1]]))
}

func pixelShuffle(l *layer) string {
	return l.fromImage(fmt.Sprintf("F.pixel_shuffle(%s, %d)", l.in[0].image(), l.Op.(model.PixelShuffle).Factor))
}

// avgPool pads by itself, as PyTorch pads alike on both sides. Where padding does not count, the
// means of ones say how many values do.
func avgPool(l *layer) string {
	o := l.Op.(model.AvgPool)
	mean := func(x string) string {
		return fmt.Sprintf("F.avg_pool2d(%s, %s, %s)", padded(x, o.Pad, ""), pair(o.Kernel[0], o.Kernel[1]), pair(o.Stride[0], o.Stride[1]))
	}
	x := l.in[0].image()
	y := mean(x)
	if !o.CountPad && o.Pad != [4]int{} {
		y = fmt.Sprintf("(%s / %s)", y, mean("torch.ones_like("+x+")"))
	}
	return l.fromImage(y)
}

func maxPool(l *layer) string {
	o := l.Op.(model.MaxPool)
	x := padded(l.in[0].image(), o.Pad, "-math.inf")
	return l.fromImage(fmt.Sprintf("F.max_pool2d(%s, %s, %s)", x, pair(o.Kernel[0], o.Kernel[1]), pair(o.Stride[0], o.Stride[1])))
}
