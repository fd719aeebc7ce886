package model

import "fmt"

// Config scales the reference networks. A zero field stands for the reference's value.
type Config struct {
	Latent   int    `json:"latent"`   // latent dimensions, 100
	Size     int    `json:"size"`     // rows and columns of an image, a multiple of 4; 28
	Channels int    `json:"channels"` // of an image, 1
	Width    int    `json:"width"`    // channels: generator 4, 2 and 1 times, discriminator 1 and 2 times; 64
	Seed     uint64 `json:"seed"`     // of the weights' first values
}

// Reference constants.
const (
	leak    = 0.3 // slope of the LeakyReLUs
	dropout = 0.3 // rate of the discriminator's Dropouts
)

func (c Config) withDefaults() Config {
	for _, f := range []struct {
		v         *int
		reference int
	}{{&c.Latent, 100}, {&c.Size, 28}, {&c.Channels, 1}, {&c.Width, 64}} {
		if *f.v == 0 {
			*f.v = f.reference
		}
	}
	return c
}

// Validate returns an error that wraps ErrShape unless Generator and
// Discriminator can build their networks.
func (c Config) Validate() error {
	c = c.withDefaults()
	if c.Size%4 != 0 {
		return fmt.Errorf("model: %w: images of %d rows, want a multiple of 4", ErrShape, c.Size)
	}
	if !fits(c.Size, c.Size, c.Width) {
		return fmt.Errorf("model: %w: images of %d rows at width %d", ErrShape, c.Size, c.Width)
	}
	if _, err := describe("", chainOf(Flat(c.Latent), c.generator())); err != nil {
		return err
	}
	_, err := describe("", chainOf(Shape{c.Size, c.Size, c.Channels}, c.discriminator()))
	return err
}

// Generator returns the generator of Keras' DCGAN for MNIST, or one scaled by c:
// latents to images of Size x Size x Channels in [-1, 1]. Weights are
// Glorot-uniform. It panics if c is not valid.
func Generator(c Config) *Model {
	c = c.withDefaults()
	return c.build("generator", Flat(c.Latent), c.generator())
}

func (c Config) generator() []Op {
	base := c.Size / 4
	return []Op{
		Dense{Units: base * base * 4 * c.Width},
		BatchNorm{},
		LeakyReLU{Slope: leak},
		Reshape{base, base, 4 * c.Width},
		ConvTranspose2D{Filters: 2 * c.Width, Kernel: [2]int{5, 5}, Same: true},
		BatchNorm{},
		LeakyReLU{Slope: leak},
		ConvTranspose2D{Filters: c.Width, Kernel: [2]int{5, 5}, Stride: [2]int{2, 2}, Same: true},
		BatchNorm{},
		LeakyReLU{Slope: leak},
		ConvTranspose2D{Filters: c.Channels, Kernel: [2]int{5, 5}, Stride: [2]int{2, 2}, Same: true},
		Tanh{},
	}
}

// Discriminator returns the discriminator of Keras' DCGAN for MNIST, or one
// scaled by c: images to one logit. Weights are Glorot-uniform. It panics if c
// is not valid.
func Discriminator(c Config) *Model {
	c = c.withDefaults()
	return c.build("discriminator", Shape{c.Size, c.Size, c.Channels}, c.discriminator())
}

func (c Config) discriminator() []Op {
	return []Op{
		Conv2D{Filters: c.Width, Kernel: [2]int{5, 5}, Stride: [2]int{2, 2}, Same: true, Bias: true},
		LeakyReLU{Slope: leak},
		Dropout{Rate: dropout},
		Conv2D{Filters: 2 * c.Width, Kernel: [2]int{5, 5}, Stride: [2]int{2, 2}, Same: true, Bias: true},
		LeakyReLU{Slope: leak},
		Dropout{Rate: dropout},
		Flatten{},
		Dense{Units: 1, Bias: true},
	}
}

func (c Config) build(name string, input Shape, layers []Op) *Model {
	if err := c.Validate(); err != nil {
		panic(err.Error())
	}
	m, err := New(name, input, layers...)
	if err != nil {
		panic(err.Error())
	}
	m.Init(c.Seed, GlorotUniform)
	return m
}
