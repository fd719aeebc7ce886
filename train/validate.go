package train

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/eval"
)

// Validate reports the first setting that cannot be trained with.
func (c Config) Validate() error {
	for _, check := range []func() error{c.checkCounts, c.checkNames, c.checkNumbers} {
		if err := check(); err != nil {
			return err
		}
	}
	if err := tasks[c.Task].validate(c); err != nil {
		return fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	return nil
}

// validateGAN reports what is wrong with the settings of task gan.
func (c Config) validateGAN() error {
	switch {
	case c.SAN && c.Conditional && c.Projection:
		return fmt.Errorf("san is set with projection, which has no last layer of its own; set projection to false and auxiliary to a weight")
	case c.LabelSmoothing > 0 && c.Loss != "bce":
		return fmt.Errorf("label_smoothing is %v, and loss %s has no labels; it belongs to bce", c.LabelSmoothing, c.Loss)
	case c.Conditional && !c.Projection && c.Auxiliary == 0:
		return fmt.Errorf("projection is false and auxiliary 0: the discriminator would not look at classes")
	}
	if err := c.checkStack(); err != nil {
		return err
	}
	if err := c.checkAdaptive(); err != nil {
		return err
	}
	switch {
	case c.Generator != "" && c.GeneratorGraph == "":
		return fmt.Errorf("generator is %q, and what stands in that file was not given", c.Generator)
	case c.Discriminator != "" && c.DiscriminatorGraph == "":
		return fmt.Errorf("discriminator is %q, and what stands in that file was not given", c.Discriminator)
	case c.GeneratorGraph != "" && c.DiscriminatorGraph != "":
		return nil // the family counts for nothing
	}
	return c.Networks(2).Validate()
}

// checkStack reports settings that do not go with stacked pictures.
func (c Config) checkStack() error {
	switch {
	case !c.Stack:
		return nil
	case c.Conditional:
		return fmt.Errorf("stack is set with conditional, and stacked pictures are learned without labels; set conditional to false")
	case c.EvalEvery > 0:
		return fmt.Errorf("stack is set with eval_every, which measures pictures as they are in the data; gantiny eval --stack measures stacked ones")
	case c.Channels != 1 && c.Channels != dataset.StackImages:
		return fmt.Errorf("channels is %d, and stacked pictures have %d", c.Channels, dataset.StackImages)
	}
	return nil
}

// validateClassify refuses settings that mean something to a GAN alone and change what is trained.
func (c Config) validateClassify() error {
	for _, x := range []struct {
		name string
		set  bool
	}{
		{"teacher", c.Teacher != ""}, {"auxiliary", c.Auxiliary > 0}, {"spectral_norm", c.SpectralNorm}, {"san", c.SAN}, {"ada", c.ADA > 0},
		{"d_steps", c.DSteps > 1}, {"label_smoothing", c.LabelSmoothing > 0}, {"instance_noise", c.InstanceNoise > 0},
		{"eval_every", c.EvalEvery > 0}, {"stack", c.Stack},
	} {
		if x.set {
			return fmt.Errorf("%s is set, and task classify trains no generator", x.name)
		}
	}
	return c.classifier(2).ValidateClassifier()
}

func bad(name string, got any, want string) error {
	return fmt.Errorf("train: %w: %s is %v, want %s", ErrConfig, name, got, want)
}

// mostThreads is the most that a run may ask for: each has a stack and scratch of its own.
const mostThreads = 1024

func (c Config) checkCounts() error {
	for _, x := range []struct {
		name             string
		got, least, most int
	}{
		{"epochs", c.Epochs, 1, math.MaxInt32}, {"batch", c.Batch, 1, math.MaxInt32}, {"threads", c.Threads, 0, mostThreads},
		{"latent", c.Latent, 1, math.MaxInt32}, {"width", c.Width, 1, math.MaxInt32},
		{"size", c.Size, 1, math.MaxInt32}, {"channels", c.Channels, 1, 4}, {"embed", c.Embed, 1, math.MaxInt32},
		{"d_width", c.DWidth, 0, math.MaxInt32}, {"d_depth", c.DDepth, 0, 16}, {"levels", c.Levels, 0, 6}, {"penalty_every", c.PenaltyEvery, 1, math.MaxInt32},
		{"d_steps", c.DSteps, 1, 1000}, {"instance_noise_steps", c.InstanceNoiseSteps, 0, math.MaxInt32},
		{"shift", c.Shift, 0, 64}, {"warmup_steps", c.WarmupSteps, 0, math.MaxInt32}, {"decay_steps", c.DecaySteps, 0, math.MaxInt32},
		{"eval_every", c.EvalEvery, 0, math.MaxInt32}, {"eval_number", c.EvalNumber, eval.LeastPictures, 1 << 20},
		{"sample_every", c.SampleEvery, 0, math.MaxInt32}, {"metrics_every", c.MetricsEvery, 0, math.MaxInt32},
		{"checkpoint_epochs", c.CheckpointEpochs, 0, math.MaxInt32}, {"rollbacks", c.Rollbacks, 0, 64},
	} {
		if x.got < x.least {
			return bad(x.name, x.got, fmt.Sprintf("at least %d", x.least))
		}
		if x.got > x.most {
			return bad(x.name, x.got, fmt.Sprintf("at most %d", x.most))
		}
	}
	return nil
}

func (c Config) checkNames() error {
	if _, ok := tasks[c.Task]; !ok {
		return bad("task", c.Task, oneOf(tasks))
	}
	if losses[c.Loss] == nil {
		return bad("loss", c.Loss, oneOf(losses))
	}
	if optimizers[c.Optimizer] == nil {
		return bad("optimizer", c.Optimizer, oneOf(optimizers))
	}
	if scheduleKinds[c.Schedule] == nil {
		return bad("schedule", c.Schedule, oneOf(scheduleKinds))
	}
	if c.OnDivergence != "stop" && c.OnDivergence != "rollback" {
		return bad("on_divergence", c.OnDivergence, "stop or rollback")
	}
	if _, err := parseAugment(c.Augment); err != nil {
		return err
	}
	return nil
}

func oneOf[V any](table map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(table)), ", ")
}

func (c Config) checkNumbers() error {
	positive := func(x float64) bool { return x > 0 && finite(x) }
	least0 := func(x float64) bool { return x >= 0 && finite(x) }
	share := func(x float64) bool { return x >= 0 && x < 1 }
	shareOr := func(x float64) bool { return x == -1 || share(x) }
	for _, x := range []struct {
		name string
		got  float64
		ok   func(float64) bool
		want string
	}{
		{"learning_rate", c.LearningRate, positive, "a positive number"},
		{"d_learning_rate", c.DLearningRate, least0, "0 or more"},
		{"dropout", c.Dropout, share, "in [0, 1)"},
		{"r1", c.R1, least0, "0 or more"},
		{"r2", c.R2, least0, "0 or more"},
		{"gp", c.GP, least0, "0 or more"},
		{"auxiliary", c.Auxiliary, least0, "0 or more"},
		{"label_smoothing", c.LabelSmoothing, func(x float64) bool { return x >= 0 && x <= 0.5 }, "in [0, 0.5]"},
		{"ada", c.ADA, share, "in [0, 1)"},
		{"ada_images", c.ADAImages, positive, "a positive number"},
		{"instance_noise", c.InstanceNoise, least0, "0 or more"},
		{"teacher_weight", c.TeacherWeight, positive, "a positive number"},
		{"epsilon", c.Epsilon, positive, "a positive number"},
		{"beta1", c.Beta1, share, "in [0, 1)"},
		{"beta2", c.Beta2, share, "in [0, 1)"},
		{"d_beta1", c.DBeta1, shareOr, "-1 or in [0, 1)"},
		{"d_beta2", c.DBeta2, shareOr, "-1 or in [0, 1)"},
		{"momentum", c.Momentum, share, "in [0, 1)"},
		{"weight_decay", c.WeightDecay, least0, "0 or more"},
		{"clip_norm", c.ClipNorm, least0, "0 or more"},
		{"final_rate", c.FinalRate, least0, "0 or more"},
		{"ema_images", c.EMAImages, least0, "0 or more"},
		{"checkpoint_minutes", c.CheckpointMinutes, least0, "0 or more"},
	} {
		if !x.ok(x.got) {
			return bad(x.name, x.got, x.want)
		}
	}
	return nil
}
