package train

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/BurntSushi/toml"
)

// need is what a setting counts for nothing without.
type need struct {
	settings []string
	partner  string // as an error names it
	met      func(c Config) bool
}

// trainsGAN tells whether the run has a generator and a discriminator.
func (c Config) trainsGAN() bool { return !tasks[c.Task].classifies }

// optimizedBy tells whether the optimizer is one of these.
func optimizedBy(names ...string) func(c Config) bool {
	return func(c Config) bool { return slices.Contains(names, c.Optimizer) }
}

// needs lists the settings that belong to others. Those whose own value turns something on, such as
// ada, are refused by Validate.
var needs = []need{
	{[]string{"family", "latent", "levels", "d_width", "d_depth", "conditional", "embed", "projection", "generator", "discriminator",
		"loss", "r1", "r2", "gp", "d_learning_rate", "d_beta1", "d_beta2"}, "task gan", Config.trainsGAN},
	{[]string{"shift"}, "task classify", func(c Config) bool { return !c.trainsGAN() }},
	{[]string{"family", "width", "levels"}, "a family's network: both are files of one's own", func(c Config) bool { return c.Generator == "" || c.Discriminator == "" }},
	{[]string{"latent", "embed"}, "a family's generator: it is a file of one's own", func(c Config) bool { return c.Generator == "" }},
	{[]string{"d_width", "d_depth", "dropout"}, "a family's discriminator: it is a file of one's own", func(c Config) bool { return c.Discriminator == "" }},
	{[]string{"d_depth"}, "family dcgan", func(c Config) bool { return c.Family == "dcgan" }},
	{[]string{"embed", "projection", "auxiliary"}, "conditional", func(c Config) bool { return c.Conditional }},
	{[]string{"penalty_every"}, "r1, r2 or gp", func(c Config) bool { return len(c.penalties()) > 0 }},
	{[]string{"instance_noise_steps"}, "instance_noise", func(c Config) bool { return c.InstanceNoise > 0 }},
	{[]string{"ada_images"}, "ada", func(c Config) bool { return c.ADA > 0 }},
	{[]string{"teacher_weight"}, "teacher", func(c Config) bool { return c.Teacher != "" }},
	{[]string{"beta2", "epsilon", "d_beta2"}, "optimizer adam, adamw or rmsprop", optimizedBy("adam", "adamw", "rmsprop")},
	{[]string{"beta1", "d_beta1"}, "optimizer adam or adamw", optimizedBy("adam", "adamw")},
	{[]string{"momentum", "nesterov"}, "optimizer sgd", optimizedBy("sgd")},
	{[]string{"nesterov"}, "momentum", func(c Config) bool { return c.Momentum > 0 }},
	{[]string{"weight_decay"}, "optimizer adamw", optimizedBy("adamw")},
	{[]string{"decay_steps", "final_rate"}, "schedule linear or cosine", func(c Config) bool { return c.Schedule != "constant" }},
	{[]string{"eval_number", "eval_classifier"}, "eval_every", func(c Config) bool { return c.EvalEvery > 0 }},
	{[]string{"rollbacks"}, "on_divergence rollback", func(c Config) bool { return c.OnDivergence == "rollback" }},
	{[]string{"checkpoint_epochs"}, "checkpoint_minutes 0", func(c Config) bool { return c.CheckpointMinutes == 0 }},
}

// Lacks returns what the setting of this name lacks to count for anything in c, in words: another
// setting that it belongs to is not as it needs it. "" if it lacks nothing or its value asks for
// nothing. Validate cannot tell, since settings have defaults that lack their partners: callers
// that know what the user gave ask for that.
func (c Config) Lacks(name string) string {
	v, ok := c.field(name)
	if !ok || v.IsZero() || v.CanFloat() && v.Float() < 0 { // off, or as the generator's
		return ""
	}
	for _, n := range needs {
		if slices.Contains(n.settings, name) && !n.met(c) {
			return n.partner
		}
	}
	return ""
}

// field returns the value of the setting of this name.
func (c Config) field(name string) (reflect.Value, bool) {
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if tag := v.Type().Field(i).Tag.Get("toml"); tag == name && name != "-" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// Keys returns the names of the settings in a TOML text, as they follow one another.
func Keys(text string) ([]string, error) {
	var c Config
	m, err := toml.Decode(text, &c)
	if err != nil {
		return nil, fmt.Errorf("train: %w: %w", ErrConfig, err)
	}
	var names []string
	for _, k := range m.Keys() {
		names = append(names, k.String())
	}
	return names, nil
}
