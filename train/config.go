package train

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/gantiny/gantiny/model"
)

// ErrConfig is what the errors of a wrong setting wrap.
var ErrConfig = errors.New("bad setting")

// Config holds a run's settings under the names that they have in a TOML file.
// Those tagged free may change when a run is resumed; all others take part in
// the numbers.
type Config struct {
	Data    string `toml:"data" json:"data" resume:"free"`       // where the images come from; for the record, see Run
	Epochs  int    `toml:"epochs" json:"epochs" resume:"free"`   // passes over the images
	Batch   int    `toml:"batch" json:"batch"`                   // images a step
	Seed    uint64 `toml:"seed" json:"seed"`                     // of weights, noise, order and dropout
	Threads int    `toml:"threads" json:"threads" resume:"free"` // 0: one per processor; any number gives the same bits

	// How the images are read, see dataset.Options. Whether they are those of a checkpoint is seen from
	// the images themselves.
	SkipBad    bool   `toml:"skip_bad" json:"skip_bad" resume:"free"`     // leave out unreadable pictures
	Background string `toml:"background" json:"background" resume:"free"` // below transparent pictures: a color
	White      int    `toml:"white" json:"white" resume:"free"`           // of 16 bits; 0: by what the pictures hold
	Transpose  string `toml:"transpose" json:"transpose" resume:"free"`   // auto, yes or no

	Latent   int `toml:"latent" json:"latent"`     // the generator's inputs
	Width    int `toml:"width" json:"width"`       // channels, see model.Config
	Size     int `toml:"size" json:"size"`         // pixels a side
	Channels int `toml:"channels" json:"channels"` // 1: grey, 3: colour

	LearningRate float64 `toml:"learning_rate" json:"learning_rate"` // Adam's constants, of both networks
	Beta1        float64 `toml:"beta1" json:"beta1"`
	Beta2        float64 `toml:"beta2" json:"beta2"`
	Epsilon      float64 `toml:"epsilon" json:"epsilon"`

	SampleEvery       int     `toml:"sample_every" json:"sample_every" resume:"free"`             // epochs between grids; the first and the last epoch always draw one
	MetricsEvery      int     `toml:"metrics_every" json:"metrics_every" resume:"free"`           // steps between lines of metrics; each epoch's end always writes one
	CheckpointEpochs  int     `toml:"checkpoint_epochs" json:"checkpoint_epochs" resume:"free"`   // epochs between checkpoints; the last epoch always writes one
	CheckpointMinutes float64 `toml:"checkpoint_minutes" json:"checkpoint_minutes" resume:"free"` // minutes between checkpoints within an epoch, 0: none
}

// Default returns the reference: the networks, batch and optimiser of Keras'
// MNIST DCGAN, for 50 epochs.
func Default() Config {
	return Config{
		Epochs: 50, Batch: 256, Seed: 1, Background: "white", Transpose: "auto",
		Latent: 100, Width: 64, Size: 28, Channels: 1,
		LearningRate: 1e-4, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7,
		SampleEvery: 10, MetricsEvery: 50, CheckpointEpochs: 1, CheckpointMinutes: 5,
	}
}

// Decode sets the fields that a TOML text names. A key that is no setting is an
// error which names it.
func (c *Config) Decode(text string) error {
	var signed struct{ Seed int64 } // the decoder would wrap a negative number
	if _, err := toml.Decode(text, &signed); err != nil {
		return fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	if signed.Seed < 0 {
		return fmt.Errorf("train: %w: seed is %d, want 0 or more", ErrConfig, signed.Seed)
	}
	m, err := toml.Decode(text, c)
	if err != nil {
		return fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	if unknown := m.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, k := range unknown {
			names[i] = k.String()
		}
		return fmt.Errorf("train: %w: no setting is called %s", ErrConfig, strings.Join(names, ", "))
	}
	return nil
}

// Validate reports the first setting that cannot be trained with.
func (c Config) Validate() error {
	bad := func(name string, got any, want string) error {
		return fmt.Errorf("train: %w: %s is %v, want %s", ErrConfig, name, got, want)
	}
	counts := []struct {
		name       string
		got, least int
	}{
		{"epochs", c.Epochs, 1}, {"batch", c.Batch, 1}, {"threads", c.Threads, 0},
		{"latent", c.Latent, 1}, {"width", c.Width, 1}, {"size", c.Size, 1}, {"channels", c.Channels, 1},
		{"sample_every", c.SampleEvery, 0}, {"metrics_every", c.MetricsEvery, 0}, {"checkpoint_epochs", c.CheckpointEpochs, 0},
	}
	for _, x := range counts {
		if x.got < x.least {
			return bad(x.name, x.got, fmt.Sprintf("at least %d", x.least))
		}
		if x.got > math.MaxInt32 {
			return bad(x.name, x.got, "a smaller number")
		}
	}
	switch {
	case !(c.LearningRate > 0) || !finite(c.LearningRate):
		return bad("learning_rate", c.LearningRate, "a positive number")
	case !(c.Epsilon > 0) || !finite(c.Epsilon):
		return bad("epsilon", c.Epsilon, "a positive number")
	case !(c.Beta1 >= 0 && c.Beta1 < 1):
		return bad("beta1", c.Beta1, "in [0, 1)")
	case !(c.Beta2 >= 0 && c.Beta2 < 1):
		return bad("beta2", c.Beta2, "in [0, 1)")
	case !(c.CheckpointMinutes >= 0) || !finite(c.CheckpointMinutes):
		return bad("checkpoint_minutes", c.CheckpointMinutes, "0 or more")
	}
	if err := c.Model().Validate(); err != nil {
		return fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	return nil
}

// Model returns the description of the two networks.
func (c Config) Model() model.Config {
	return model.Config{Latent: c.Latent, Size: c.Size, Channels: c.Channels, Width: c.Width, Seed: c.Seed}
}

// difference names the first setting by which a run with c could not go on from
// a checkpoint made with old to the same numbers; "" if there is none.
func (c Config) difference(old Config) string {
	now, was := reflect.ValueOf(c), reflect.ValueOf(old)
	for i := range now.NumField() {
		f := now.Type().Field(i)
		if f.Tag.Get("resume") == "free" || now.Field(i).Equal(was.Field(i)) {
			continue
		}
		return fmt.Sprintf("%s is %v, the checkpoint has %v", f.Tag.Get("toml"), now.Field(i), was.Field(i))
	}
	return ""
}
