package networks

import "github.com/gantiny/gantiny/model"

const (
	resnetLeak = 0.2 // slope of the LeakyReLUs
	resnetSide = 3   // of the kernels
)

// resnetGenerator is a dense layer and a residual block for each level. A block doubles the size
// by repeating pixels before it convolves, which leaves no checkerboard (Odena et al. 2016); beside
// that, its input is enlarged and added.
func resnetGenerator(b *builder) *model.Value {
	width := b.Width << (b.Levels - 1)
	x := b.Add(model.Dense{Units: b.base * b.base * width}, b.latents())
	x = b.Add(model.Reshape{H: b.base, W: b.base, C: width}, x)
	for level := b.Levels - 1; level >= 0; level-- {
		x = b.upBlock(x, b.Width<<level)
	}
	x = b.Add(model.BatchNorm{}, x)
	x = b.Add(model.LeakyReLU{Slope: resnetLeak}, x)
	return b.Add(model.Conv2D{Filters: b.Channels, Kernel: square(resnetSide), Same: true, Bias: true}, x)
}

// upBlock returns x at twice the size and with the given number of channels.
func (b *builder) upBlock(x *model.Value, channels int) *model.Value {
	h, w := 2*x.Shape.H, 2*x.Shape.W
	y := b.Add(model.BatchNorm{}, x)
	y = b.Add(model.LeakyReLU{Slope: resnetLeak}, y)
	y = b.Add(model.Resize{H: h, W: w, Mode: model.ResizeNearest, Coordinates: model.Asymmetric}, y)
	y = b.Add(model.Conv2D{Filters: channels, Kernel: square(resnetSide), Same: true}, y)
	y = b.Add(model.BatchNorm{}, y)
	y = b.Add(model.LeakyReLU{Slope: resnetLeak}, y)
	y = b.Add(model.Conv2D{Filters: channels, Kernel: square(resnetSide), Same: true, Bias: true}, y)
	side := x
	if x.Shape.C != channels {
		side = b.Add(model.Conv2D{Filters: channels, Kernel: square(1)}, side)
	}
	side = b.Add(model.Resize{H: h, W: w, Mode: model.ResizeNearest, Coordinates: model.Asymmetric}, side)
	return b.Add(model.Add{}, y, side)
}

// resnetFeatures is a residual block for each level that halves the size by means, and one that
// keeps it; the features are sums over the last image.
func resnetFeatures(b *builder, x *model.Value) *model.Value {
	for level := range b.Levels {
		x = b.downBlock(x, b.DWidth<<level, level > 0)
	}
	y := b.Add(model.LeakyReLU{Slope: resnetLeak}, x)
	y = b.Add(model.Conv2D{Filters: x.Shape.C, Kernel: square(resnetSide), Same: true, Bias: true}, y)
	x = b.Add(model.LeakyReLU{Slope: resnetLeak}, b.Add(model.Add{}, y, x))
	if b.Dropout > 0 {
		x = b.Add(model.Dropout{Rate: b.Dropout}, x)
	}
	return b.Add(model.Flatten{}, x)
}

// downBlock returns x at half the size and with the given number of channels. The first block's
// input is an image, which is not activated.
func (b *builder) downBlock(x *model.Value, channels int, activate bool) *model.Value {
	half := model.AvgPool{Kernel: square(2), Stride: square(2)}
	y := x
	if activate {
		y = b.Add(model.LeakyReLU{Slope: resnetLeak}, y)
	}
	y = b.Add(model.Conv2D{Filters: channels, Kernel: square(resnetSide), Same: true, Bias: true}, y)
	y = b.Add(model.LeakyReLU{Slope: resnetLeak}, y)
	y = b.Add(model.Conv2D{Filters: channels, Kernel: square(resnetSide), Same: true, Bias: true}, y)
	y = b.Add(half, y)
	side := b.Add(half, x)
	if x.Shape.C != channels {
		side = b.Add(model.Conv2D{Filters: channels, Kernel: square(1)}, side)
	}
	return b.Add(model.Add{}, y, side)
}
