package networks

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/model"
)

// ErrConfig is wrapped by the errors about a Config.
var ErrConfig = errors.New("no such network")

// Config describes a pair of networks.
type Config struct {
	Family   string // dcgan or resnet
	Latent   int    // numbers that an image is drawn from
	Size     int    // pixels a side
	Channels int    // of an image: 1 gray, 2 gray and opacity, 3 RGB, 4 RGB and opacity
	Width    int    // channels of the generator's widest images; those of half the size have twice as many
	DWidth   int    // channels of the discriminator's first convolution; 0: Width
	DDepth   int    // convolutions that keep the size, after those that halve it, in dcgan's discriminator
	Levels   int    // times that the size is halved; 0: as often as it can be down to at least 4, and at most thrice
	Classes  int    // 0: none
	Embed    int    // numbers that a class becomes in the generator; 0: 32
	Dropout  float64
	Seed     uint64 // of the weights' first values

	// How the discriminator judges classes, see Discriminator.
	NoProjection bool // not by projection
	Auxiliary    bool // by a second output of one logit a class
}

// family builds the graphs of a pair.
type family struct {
	generator     func(b *builder) *model.Value
	discriminator func(b *builder, x *model.Value) (features *model.Value)
}

var families = map[string]family{
	"dcgan":  {dcganGenerator, dcganFeatures},
	"resnet": {resnetGenerator, resnetFeatures},
}

// Families lists the names that Config.Family may be.
func Families() []string { return slices.Sorted(maps.Keys(families)) }

// builder is a graph in the making.
type builder struct {
	Config
	*model.Graph
	base int // pixels a side before the first doubling
}

// referenceDropout is the rate in the discriminator of Keras' DCGAN.
const referenceDropout = 0.3

// isReference tells whether c describes the networks of Keras' DCGAN, or the same layers scaled,
// which package model builds.
func (c Config) isReference() bool {
	return c.Family == "dcgan" && c.Classes == 0 && c.Levels == 2 && c.DWidth == c.Width && c.DDepth == 0 && c.Dropout == referenceDropout
}

func (c Config) reference() model.Config {
	return model.Config{Latent: c.Latent, Size: c.Size, Channels: c.Channels, Width: c.Width, Seed: c.Seed}
}

// complete fills in what is 0.
func (c Config) complete() (Config, error) {
	if c.DWidth == 0 {
		c.DWidth = c.Width
	}
	if c.Embed == 0 {
		c.Embed = 32
	}
	if c.Levels == 0 {
		for side := c.Size; c.Levels < 3 && side%2 == 0 && side/2 >= 4; side /= 2 {
			c.Levels++
		}
	}
	_, known := families[c.Family]
	switch {
	case !known:
		return c, fmt.Errorf("networks: %w: family %q, want %s", ErrConfig, c.Family, strings.Join(Families(), " or "))
	case c.Latent < 1 || c.Size < 1 || c.Width < 1 || c.DWidth < 1 || c.Embed < 1 || c.Classes < 0:
		return c, fmt.Errorf("networks: %w: latent %d, size %d, width %d and %d, embed %d, %d classes: want positive numbers", ErrConfig, c.Latent, c.Size, c.Width, c.DWidth, c.Embed, c.Classes)
	case c.Auxiliary && c.Classes < 2:
		return c, fmt.Errorf("networks: %w: a discriminator that names %d classes, want 2 or more", ErrConfig, c.Classes)
	case c.DDepth < 0 || c.DDepth > 16:
		return c, fmt.Errorf("networks: %w: depth %d of the discriminator, want 0 to 16", ErrConfig, c.DDepth)
	case c.Channels < 1 || c.Channels > 4:
		return c, fmt.Errorf("networks: %w: %d channels, want 1 to 4", ErrConfig, c.Channels)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return c, fmt.Errorf("networks: %w: dropout %v, want [0, 1)", ErrConfig, c.Dropout)
	case c.Levels < 1 || c.Levels > 6 || c.Size%(1<<c.Levels) != 0:
		return c, fmt.Errorf("networks: %w: %d pixels a side cannot be halved %d times", ErrConfig, c.Size, max(c.Levels, 1))
	}
	return c, nil
}

// Validate reports why Generator or Discriminator could not build their networks; it takes no
// memory for weights.
func (c Config) Validate() error {
	c, err := c.complete()
	if err != nil {
		return err
	}
	if c.isReference() {
		return c.reference().Validate()
	}
	if err := c.generator().Err(); err != nil {
		return fmt.Errorf("networks: generator: %w", err)
	}
	if err := c.discriminator().Err(); err != nil {
		return fmt.Errorf("networks: discriminator: %w", err)
	}
	return nil
}

// Generator returns the generator: latents and, with classes, a class to an image of values in
// [-1, 1]. Errors wrap ErrConfig or those of package model.
func Generator(c Config) (*model.Model, error) {
	return c.build("generator", Config.generator, model.Generator)
}

func (c Config) builder() *builder {
	return &builder{Config: c, Graph: &model.Graph{}, base: c.Size >> c.Levels}
}

func (c Config) generator() *model.Graph {
	b := c.builder()
	b.Add(model.Tanh{}, families[c.Family].generator(b))
	return b.Graph
}

// Discriminator returns the discriminator: an image and, with classes, the class that it should be
// of, to one logit. A class is judged by projection (Miyato and Koyama 2018): the logit is a linear
// function of the last features, w·f, to which each class adds one of its own, w[class]·f. With
// NoProjection there is no input of classes. With Auxiliary there is a second output, the logits of
// a classifier that reads the same features (Odena et al. 2017, AC-GAN).
func Discriminator(c Config) (*model.Model, error) {
	return c.build("discriminator", Config.discriminator, model.Discriminator)
}

func (c Config) discriminator() *model.Graph {
	b := c.builder()
	x := b.Input("x", model.Shape{H: c.Size, W: c.Size, C: c.Channels})
	var class *model.Value
	if c.Classes > 0 && !c.NoProjection {
		class = b.Class("class", c.Classes)
	}
	f := families[c.Family].discriminator(b, x)
	logit := b.Add(model.Dense{Units: 1, Bias: true}, f)
	if class != nil {
		own := b.Add(model.Embedding{Dim: f.Shape.Len()}, class)
		logit = b.Add(model.Add{}, logit, b.Add(model.Dense{Units: 1}, b.Add(model.Mul{}, f, own)))
	}
	b.Outputs = []*model.Value{logit}
	if c.Auxiliary {
		b.Outputs = append(b.Outputs, b.Add(model.Dense{Units: c.Classes, Bias: true}, f))
	}
	return b.Graph
}

// build makes one of a pair: of its graph or, with the reference's settings, as package model does.
func (c Config) build(name string, graph func(Config) *model.Graph, reference func(model.Config) *model.Model) (*model.Model, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	if !c.isReference() {
		return c.finish(name, graph(c))
	}
	if err := c.reference().Validate(); err != nil {
		return nil, err
	}
	return reference(c.reference()), nil
}

// finish makes the model and its weights' first values.
func (c Config) finish(name string, g *model.Graph) (*model.Model, error) {
	m, err := model.FromGraph(name, g, g.Outputs...)
	if err != nil {
		return nil, fmt.Errorf("networks: %w", err)
	}
	m.Init(c.Seed, model.GlorotUniform)
	return m, nil
}

// latents adds the inputs of a generator and returns the vector that it begins with: the latents
// and what the class becomes.
func (b *builder) latents() *model.Value {
	z := b.Input("x", model.Flat(b.Latent))
	if b.Classes == 0 {
		return z
	}
	class := b.Class("class", b.Classes)
	return b.Add(model.Concat{}, z, b.Add(model.Embedding{Dim: b.Embed}, class))
}

func square(n int) [2]int { return [2]int{n, n} }
