package train

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestLacks: each setting that belongs to another is refused alone, by name and with its partner,
// and counts beside it.
func TestLacks(t *testing.T) {
	for name, x := range map[string]struct {
		set, partner func(c *Config)
		says         string
	}{
		"teacher_weight":       {func(c *Config) {}, func(c *Config) { c.Teacher = "t" }, "teacher"},
		"penalty_every":        {func(c *Config) {}, func(c *Config) { c.R2 = 1 }, "r1, r2 or gp"},
		"instance_noise_steps": {func(c *Config) { c.InstanceNoiseSteps = 9 }, func(c *Config) { c.InstanceNoise = 1 }, "instance_noise"},
		"ada_images":           {func(c *Config) {}, func(c *Config) { c.ADA = 0.6 }, "ada"},
		"embed":                {func(c *Config) {}, func(c *Config) { c.Conditional = true }, "conditional"},
		"projection":           {func(c *Config) {}, func(c *Config) { c.Conditional = true }, "conditional"},
		"momentum":             {func(c *Config) { c.Momentum = 0.9 }, func(c *Config) { c.Optimizer = "sgd" }, "optimizer sgd"},
		"nesterov":             {func(c *Config) { c.Nesterov, c.Optimizer = true, "sgd" }, func(c *Config) { c.Momentum = 0.9 }, "momentum"},
		"weight_decay":         {func(c *Config) { c.WeightDecay = 0.1 }, func(c *Config) { c.Optimizer = "adamw" }, "optimizer adamw"},
		"beta1":                {func(c *Config) { c.Optimizer = "rmsprop" }, func(c *Config) { c.Optimizer = "adam" }, "optimizer adam or adamw"},
		"d_beta2":              {func(c *Config) { c.Optimizer, c.DBeta2 = "sgd", 0.9 }, func(c *Config) { c.Optimizer = "rmsprop" }, "optimizer adam, adamw or rmsprop"},
		"epsilon":              {func(c *Config) { c.Optimizer = "sgd" }, func(c *Config) { c.Optimizer = "adam" }, "optimizer adam, adamw or rmsprop"},
		"decay_steps":          {func(c *Config) { c.DecaySteps = 9 }, func(c *Config) { c.Schedule = "linear" }, "schedule linear or cosine"},
		"final_rate":           {func(c *Config) { c.FinalRate = 0.1 }, func(c *Config) { c.Schedule = "cosine" }, "schedule linear or cosine"},
		"shift":                {func(c *Config) { c.Shift = 2 }, func(c *Config) { c.Task = "classify" }, "task classify"},
		"loss":                 {func(c *Config) { c.Task = "classify" }, func(c *Config) { c.Task = "gan" }, "task gan"},
		"d_depth":              {func(c *Config) { c.DDepth, c.Family = 1, "resnet" }, func(c *Config) { c.Family = "dcgan" }, "family dcgan"},
		"d_width":              {func(c *Config) { c.DWidth, c.Discriminator = 8, "d.toml" }, func(c *Config) { c.Discriminator = "" }, "a file of one's own"},
		"width":                {func(c *Config) { c.Generator, c.Discriminator = "g.toml", "d.toml" }, func(c *Config) { c.Discriminator = "" }, "files of one's own"},
		"latent":               {func(c *Config) { c.Generator = "g.toml" }, func(c *Config) { c.Generator = "" }, "a file of one's own"},
		"eval_number":          {func(c *Config) {}, func(c *Config) { c.EvalEvery = 1 }, "eval_every"},
		"rollbacks":            {func(c *Config) {}, func(c *Config) { c.OnDivergence = "rollback" }, "on_divergence rollback"},
		"checkpoint_epochs":    {func(c *Config) { c.CheckpointMinutes = 5 }, func(c *Config) { c.CheckpointMinutes = 0 }, "checkpoint_minutes 0"},
	} {
		c := Default()
		x.set(&c)
		if got := c.Lacks(name); !strings.Contains(got, x.says) {
			t.Errorf("%s alone lacks %q, want %q", name, got, x.says)
		}
		x.partner(&c)
		if got := c.Lacks(name); got != "" {
			t.Errorf("%s beside its partner lacks %q", name, got)
		}
	}
	for _, n := range needs {
		for _, name := range n.settings {
			if _, ok := Default().field(name); !ok {
				t.Errorf("no setting is called %s", name)
			}
		}
	}
}

// What asks for nothing needs nothing.
func TestLacksNothing(t *testing.T) {
	c := Default()
	for _, name := range []string{"momentum", "nesterov", "weight_decay", "decay_steps", "shift", "d_beta1", "epochs", "nope", "-", ""} {
		if got := c.Lacks(name); got != "" {
			t.Errorf("%s lacks %q", name, got)
		}
	}
}

func TestKeys(t *testing.T) {
	got, err := Keys("epochs = 3\nteacher_weight = 2\n")
	if want := []string{"epochs", "teacher_weight"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, err := Keys("epochs = \n"); !errors.Is(err, ErrConfig) {
		t.Errorf("a text that is no TOML: %v", err)
	}
}

// A recipe names no setting in vain, but for that of tiny which waits for a teacher.
func TestRecipesLackNothing(t *testing.T) {
	for _, recipe := range Recipes() {
		text, err := Recipe(recipe)
		if err != nil {
			t.Fatal(err)
		}
		c := Default()
		if err := c.Decode(text); err != nil {
			t.Fatal(err)
		}
		names, err := Keys(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if got := c.Lacks(name); (got != "") != (recipe == "tiny" && name == "teacher_weight") {
				t.Errorf("%s: %s lacks %q", recipe, name, got)
			}
		}
	}
}
