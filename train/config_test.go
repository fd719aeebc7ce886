package train

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	c := Default()
	if err := c.Decode("epochs = 3\nlearning_rate = 2e-4\nseed = 77\n"); err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Epochs, want.LearningRate, want.Seed = 3, 2e-4, 77
	if c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
	for text, says := range map[string]string{
		"epoch = 3":             "epoch",
		"[train]\nepochs = 3":   "train.epochs",
		"batch = \"many\"":      "batch",
		"seed = -1":             "seed",
		"epochs = 3\nepochs= 4": "epochs",
	} {
		c := Default()
		if err := c.Decode(text); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error %v, want one that names %s", text, err, says)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("the reference: %v", err)
	}
	for says, change := range map[string]func(c *Config){
		"epochs is 0":         func(c *Config) { c.Epochs = 0 },
		"batch is -1":         func(c *Config) { c.Batch = -1 },
		"threads is -2":       func(c *Config) { c.Threads = -2 },
		"threads is 1025":     func(c *Config) { c.Threads = 1025 },
		"latent is 0":         func(c *Config) { c.Latent = 0 },
		"learning_rate is 0":  func(c *Config) { c.LearningRate = 0 },
		"learning_rate is Na": func(c *Config) { c.LearningRate = math.NaN() },
		"learning_rate is +I": func(c *Config) { c.LearningRate = math.Inf(1) },
		"epsilon is 0":        func(c *Config) { c.Epsilon = 0 },
		"beta1 is 1":          func(c *Config) { c.Beta1 = 1 },
		"beta2 is NaN":        func(c *Config) { c.Beta2 = math.NaN() },
		"d_beta1 is -0.5":     func(c *Config) { c.DBeta1 = -0.5 },
		"momentum is 1":       func(c *Config) { c.Momentum = 1 },
		"clip_norm is -1":     func(c *Config) { c.ClipNorm = -1 },
		"ema_images is +Inf":  func(c *Config) { c.EMAImages = math.Inf(1) },
		"decay_steps is -1":   func(c *Config) { c.DecaySteps = -1 },
		"loss is x, want bce": func(c *Config) { c.Loss = "x" },
		"optimizer is ":       func(c *Config) { c.Optimizer = "" },
		"schedule is steps":   func(c *Config) { c.Schedule = "steps" },
		"on_divergence is x":  func(c *Config) { c.OnDivergence = "x" },
		"stacked pictures are learned without labels": func(c *Config) { c.Stack, c.Conditional = true, true },
		"gantiny eval --stack measures stacked ones":  func(c *Config) { c.Stack, c.EvalEvery = true, 1 },
		"channels is 4, and stacked pictures have 3":  func(c *Config) { c.Stack, c.Channels = true, 4 },
		"stack is set, and task classify":             func(c *Config) { c.Stack, c.Task = true, "classify" },
		"rollbacks is -1":                             func(c *Config) { c.Rollbacks = -1 },
		"checkpoint_minutes":                          func(c *Config) { c.CheckpointMinutes = -1 },
	} {
		c := Default()
		change(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
}

// Every setting either takes part in the numbers or is free: a new field must be
// one of them.
func TestDifference(t *testing.T) {
	free := map[string]bool{
		"data": true, "labels": true, "skip_bad": true, "background": true, "white": true, "transpose": true, "epochs": true, "threads": true, "kernel": true,
		"eval_every": true, "eval_number": true, "eval_classifier": true,
		"sample_every": true, "metrics_every": true, "checkpoint_epochs": true, "checkpoint_minutes": true,
		"on_divergence": true, "rollbacks": true, "report": true, "tensorboard": true,
	}
	noted := map[string]bool{
		"learning_rate": true, "d_learning_rate": true, "clip_norm": true,
		"schedule": true, "warmup_steps": true, "decay_steps": true, "final_rate": true, "instance_noise_steps": true,
	}
	for i := range reflect.TypeFor[Config]().NumField() {
		c := Default()
		f := reflect.ValueOf(&c).Elem().Field(i)
		name := reflect.TypeFor[Config]().Field(i).Tag.Get("toml")
		if name == "-" {
			name, _, _ = strings.Cut(reflect.TypeFor[Config]().Field(i).Tag.Get("json"), ",")
		}
		switch f.Kind() {
		case reflect.Int:
			f.SetInt(f.Int() + 1)
		case reflect.Uint64:
			f.SetUint(f.Uint() + 1)
		case reflect.Float64:
			f.SetFloat(f.Float() + 0.125)
		case reflect.Bool:
			f.SetBool(!f.Bool())
		case reflect.String:
			f.SetString(f.String() + "x")
		}
		got, change := c.difference(Default()), c.change(Default())
		if may := free[name] || noted[name]; may != (got == "") || !may && !strings.HasPrefix(got, name+" is ") {
			t.Errorf("difference in %s: %q", name, got)
		}
		if noted[name] != (change != "") || change != "" && !strings.HasPrefix(change, name+" is ") {
			t.Errorf("change of %s: %q", name, change)
		}
	}
}
