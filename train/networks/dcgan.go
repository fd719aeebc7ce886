package networks

import "github.com/gantiny/gantiny/model"

const (
	dcganLeak = 0.3 // slope of the LeakyReLUs, as in the reference
	dcganSide = 5   // of the kernels
)

// dcganGenerator is that of Keras' DCGAN, with one transposed convolution of stride 2 for each
// level.
func dcganGenerator(b *builder) *model.Value {
	width := b.Width << b.Levels
	b.Add(model.Dense{Units: b.base * b.base * width}, b.latents())
	b.normalize()
	b.Add(model.Reshape{H: b.base, W: b.base, C: width})
	b.Add(model.ConvTranspose2D{Filters: width / 2, Kernel: square(dcganSide), Same: true})
	b.normalize()
	for level := b.Levels - 1; level > 0; level-- {
		b.Add(model.ConvTranspose2D{Filters: b.Width << (level - 1), Kernel: square(dcganSide), Stride: square(2), Same: true})
		b.normalize()
	}
	return b.Add(model.ConvTranspose2D{Filters: b.Channels, Kernel: square(dcganSide), Stride: square(2), Same: true})
}

func (b *builder) normalize() {
	b.Add(model.BatchNorm{})
	b.Add(model.LeakyReLU{Slope: dcganLeak})
}

// dcganFeatures is the discriminator of Keras' DCGAN up to its last layer, with one convolution of
// stride 2 for each level, and DDepth of 3x3 that it lacks.
func dcganFeatures(b *builder, x *model.Value) *model.Value {
	for level := range b.Levels {
		x = b.Add(model.Conv2D{Filters: b.DWidth << level, Kernel: square(dcganSide), Stride: square(2), Same: true, Bias: true}, x)
		x = b.Add(model.LeakyReLU{Slope: dcganLeak}, x)
		if b.Dropout > 0 {
			x = b.Add(model.Dropout{Rate: b.Dropout}, x)
		}
	}
	for range b.DDepth {
		x = b.Add(model.Conv2D{Filters: x.Shape.C, Kernel: square(3), Same: true, Bias: true}, x)
		x = b.Add(model.LeakyReLU{Slope: dcganLeak}, x)
	}
	return b.Add(model.Flatten{}, x)
}
