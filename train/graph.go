package train

import (
	"fmt"

	"github.com/gantiny/gantiny/internal/graphfile"
	"github.com/gantiny/gantiny/model"
)

// graphNetwork makes the network of a graph file, given its name and text. Parameters begin as
// those of the families do: weights by Glorot and Bengio's uniform rule, biases 0, scales 1.
func graphNetwork(network, file, text string, seed uint64) (*model.Model, error) {
	fail := func(err error) error {
		return fmt.Errorf("train: %w: %s: %s: %w", ErrConfig, network, file, err)
	}
	f, err := graphfile.Parse([]byte(text))
	if err != nil {
		return nil, fail(err)
	}
	for i, l := range f.Layers {
		if l.Weights != "" {
			return nil, fail(fmt.Errorf("layer %d (%s): weights is %q, and training begins without any", i, l.Kind, l.Weights))
		}
	}
	if f.Name == "" {
		f.Name = network
	}
	m, err := f.Model()
	if err != nil {
		return nil, fail(err)
	}
	m.Init(seed, model.GlorotUniform)
	return m, nil
}

// UseGraph has c train the network of a graph file, docs/graph.md, as the generator or the
// discriminator: the text of a file of that name. Size and Channels become what the generator
// draws.
func (c *Config) UseGraph(network, file, text string) error {
	m, err := graphNetwork(network, file, text, c.Seed)
	if err != nil {
		return err
	}
	if network == "discriminator" {
		c.Discriminator, c.DiscriminatorGraph = file, text
		return nil
	}
	out := m.Output()
	if out.H != out.W {
		return fmt.Errorf("train: %w: generator: %s: it draws %v, and pictures are square", ErrConfig, file, out)
	}
	c.Generator, c.GeneratorGraph, c.Size, c.Channels = file, text, out.H, out.C
	return nil
}

// checkGraphs reports networks of graph files that do not know classes as the settings say.
func (c Config) checkGraphs(g *model.Model) error {
	switch n := classes(g); {
	case c.GeneratorGraph == "":
	case c.Conditional && n == 0:
		return fmt.Errorf("train: %w: conditional is set, and the generator of %s has no input of classes", ErrConfig, c.Generator)
	case !c.Conditional && n > 0:
		return fmt.Errorf("train: %w: the generator of %s draws %d classes, and conditional is not set", ErrConfig, c.Generator, n)
	}
	return nil
}
