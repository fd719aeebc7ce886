package main

import (
	"context"
	"errors"
	"os"

	"github.com/gantiny/gantiny/train"
)

// readGraphs reads the graph files that the settings of a new run name.
func (f *trainFlags) readGraphs(ctx context.Context, c *train.Config) error {
	size, channels := c.Size, c.Channels
	for _, n := range []struct{ network, file string }{{"generator", c.Generator}, {"discriminator", c.Discriminator}} {
		if n.file == "" {
			continue
		}
		text, err := unlessStopped(ctx, func() ([]byte, error) { return os.ReadFile(n.file) })
		if err != nil {
			return err
		}
		err = c.UseGraph(n.network, n.file, string(text))
		if errors.Is(err, train.ErrConfig) {
			return usagef("--%s: %w", n.network, err)
		}
		if err != nil {
			return err
		}
	}
	if f.given.Changed("size") && size != c.Size || f.given.Changed("channels") && channels != c.Channels {
		return usagef("--size %d --channels %d: the generator of %s draws %dx%dx%d", size, channels, c.Generator, c.Size, c.Size, c.Channels)
	}
	return nil
}
