package train

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train/networks"
)

// ErrConfig is what the errors of a wrong setting wrap.
var ErrConfig = errors.New("bad setting")

// Config holds a run's settings under the names that they have in a TOML file.
// All take part in the numbers, and must be the checkpoint's when a run is resumed,
// but for those tagged free, which do not, and those tagged noted, which may change all
// the same.
type Config struct {
	Data    string `toml:"data" json:"data" resume:"free"`       // where the images come from; for the record, see Run
	Task    string `toml:"task" json:"task"`                     // gan, or classify: a classifier of the images' labels
	Epochs  int    `toml:"epochs" json:"epochs" resume:"free"`   // passes over the images
	Batch   int    `toml:"batch" json:"batch"`                   // images a step
	Seed    uint64 `toml:"seed" json:"seed"`                     // of weights, noise, order and dropout
	Threads int    `toml:"threads" json:"threads" resume:"free"` // 0: one per processor; any number gives the same bits
	Kernel  string `toml:"kernel" json:"kernel" resume:"free"`   // row of package simd, "": the best of the machine

	// How the images are read, see dataset.Options. Whether they are those of a checkpoint is seen
	// from the images themselves.
	SkipBad    bool   `toml:"skip_bad" json:"skip_bad" resume:"free"`     // leave out unreadable pictures
	Background string `toml:"background" json:"background" resume:"free"` // below transparent pictures: a color, "": white, or they keep alpha
	White      int    `toml:"white" json:"white" resume:"free"`           // of 16 bits; 0: by what the pictures hold
	Labels     string `toml:"labels" json:"labels" resume:"free"`         // CSV file of a folder's labels
	Transpose  string `toml:"transpose" json:"transpose" resume:"free"`   // auto, yes or no

	Stack bool `toml:"stack" json:"stack"` // train on three random images of one channel each, as red, green and blue; Channels may then be 1 or 3 and stands for 3

	// The networks, see networks.Config.
	Generator          string `toml:"generator" json:"generator"`         // graph file of one's own in place of the family's, for the record, see UseGraph
	Discriminator      string `toml:"discriminator" json:"discriminator"` // alike
	GeneratorGraph     string `toml:"-" json:"generator_graph,omitempty"` // what stands in it
	DiscriminatorGraph string `toml:"-" json:"discriminator_graph,omitempty"`

	Family      string  `toml:"family" json:"family"`
	Latent      int     `toml:"latent" json:"latent"`
	Width       int     `toml:"width" json:"width"`
	DWidth      int     `toml:"d_width" json:"d_width"`
	DDepth      int     `toml:"d_depth" json:"d_depth"`
	Levels      int     `toml:"levels" json:"levels"`
	Dropout     float64 `toml:"dropout" json:"dropout"`
	Size        int     `toml:"size" json:"size"`
	Channels    int     `toml:"channels" json:"channels"`
	Conditional bool    `toml:"conditional" json:"conditional"` // images have classes, which the generator draws and the discriminator judges
	Embed       int     `toml:"embed" json:"embed"`
	Projection  bool    `toml:"projection" json:"projection"` // with conditional: the discriminator judges classes by projection
	Auxiliary   float64 `toml:"auxiliary" json:"auxiliary"`   // of Conditional: and by a second head that names them; the weight of its cross-entropy, 0: no such head

	Loss           string  `toml:"loss" json:"loss"`                       // bce, hinge, lsgan, wasserstein or relativistic
	LabelSmoothing float64 `toml:"label_smoothing" json:"label_smoothing"` // of bce, see SmoothedBCE
	R1             float64 `toml:"r1" json:"r1"`                           // weights of the gradient penalties, see Penalty; 0: none
	R2             float64 `toml:"r2" json:"r2"`
	GP             float64 `toml:"gp" json:"gp"`
	PenaltyEvery   int     `toml:"penalty_every" json:"penalty_every"` // steps between them

	SpectralNorm bool `toml:"spectral_norm" json:"spectral_norm"` // of the discriminator's weights
	SAN          bool `toml:"san" json:"san"`                     // its last layer is a direction, see GANOptions

	DSteps int `toml:"d_steps" json:"d_steps"` // steps with an update of the discriminator for each of the generator's

	InstanceNoise      float64 `toml:"instance_noise" json:"instance_noise"`                            // on what the discriminator sees, see InstanceNoise; 0: none
	InstanceNoiseSteps int     `toml:"instance_noise_steps" json:"instance_noise_steps" resume:"noted"` // in which it falls to 0, 0: up to the last epoch's end

	ADA       float64 `toml:"ada" json:"ada"`               // target of Adaptive, 0: augment changes all images
	ADAImages float64 `toml:"ada_images" json:"ada_images"` // see Adaptive
	Augment   string  `toml:"augment" json:"augment"`       // what images the discriminator sees, see Augment; "": as they are

	Teacher       string  `toml:"teacher" json:"teacher"`               // file of the generator that Options.Teacher is; for the record
	TeacherWeight float64 `toml:"teacher_weight" json:"teacher_weight"` // see Teacher

	Optimizer   string  `toml:"optimizer" json:"optimizer"`                // adam, adamw, rmsprop or sgd, of both networks
	Beta1       float64 `toml:"beta1" json:"beta1"`                        // of adam and adamw
	Beta2       float64 `toml:"beta2" json:"beta2"`                        // of adam and adamw; rmsprop's decay
	Epsilon     float64 `toml:"epsilon" json:"epsilon"`                    // of adam, adamw and rmsprop
	Momentum    float64 `toml:"momentum" json:"momentum"`                  // of sgd
	Nesterov    bool    `toml:"nesterov" json:"nesterov"`                  // of sgd
	WeightDecay float64 `toml:"weight_decay" json:"weight_decay"`          // of adamw
	ClipNorm    float64 `toml:"clip_norm" json:"clip_norm" resume:"noted"` // most that a network's gradients may measure together, 0: anything

	LearningRate  float64 `toml:"learning_rate" json:"learning_rate" resume:"noted"`
	DLearningRate float64 `toml:"d_learning_rate" json:"d_learning_rate" resume:"noted"` // the discriminator's, 0: as the generator's
	DBeta1        float64 `toml:"d_beta1" json:"d_beta1"`                                // alike, -1: as the generator's
	DBeta2        float64 `toml:"d_beta2" json:"d_beta2"`

	Schedule    string  `toml:"schedule" json:"schedule" resume:"noted"`         // of the learning rates: constant, linear or cosine, see Schedule
	WarmupSteps int     `toml:"warmup_steps" json:"warmup_steps" resume:"noted"` // steps in which they rise
	DecaySteps  int     `toml:"decay_steps" json:"decay_steps" resume:"noted"`   // steps after these in which they fall, 0: up to the last epoch's end, see Run
	FinalRate   float64 `toml:"final_rate" json:"final_rate" resume:"noted"`     // share of them that is left then

	Shift int `toml:"shift" json:"shift"` // of task classify: pixels by which an image is moved at most, see NewClassify

	EMAImages float64 `toml:"ema_images" json:"ema_images"` // images in which the weight of a step halves in the generator that is saved, 0: save it as it is

	EvalEvery      int    `toml:"eval_every" json:"eval_every" resume:"free"`           // epochs between measurements by Options.Judge, which keep the best generator; the last epoch is one of them; 0: none
	EvalNumber     int    `toml:"eval_number" json:"eval_number" resume:"free"`         // pictures of each; for the record
	EvalClassifier string `toml:"eval_classifier" json:"eval_classifier" resume:"free"` // file of the classifier in whose features they are compared; for the record

	SampleEvery       int     `toml:"sample_every" json:"sample_every" resume:"free"`             // epochs between grids; the first and the last epoch always draw one
	MetricsEvery      int     `toml:"metrics_every" json:"metrics_every" resume:"free"`           // steps between lines of metrics; each epoch's end always writes one
	CheckpointEpochs  int     `toml:"checkpoint_epochs" json:"checkpoint_epochs" resume:"free"`   // epochs between checkpoints, 0: none at their ends; the last epoch always writes one
	OnDivergence      string  `toml:"on_divergence" json:"on_divergence" resume:"free"`           // stop, or rollback: go back to the last checkpoint with half the learning rates
	Rollbacks         int     `toml:"rollbacks" json:"rollbacks" resume:"free"`                   // how often at most
	Report            bool    `toml:"report" json:"report" resume:"free"`                         // write ReportFile at grids and at the end; not of task classify
	TensorBoard       bool    `toml:"tensorboard" json:"tensorboard" resume:"free"`               // write EventsFile
	CheckpointMinutes float64 `toml:"checkpoint_minutes" json:"checkpoint_minutes" resume:"free"` // minutes between checkpoints instead, 0: epochs, and 5 minutes within one
}

// Default returns the reference: the networks, batch and optimizer of Keras'
// MNIST DCGAN, for 50 epochs.
func Default() Config {
	return Config{
		Task: "gan", Epochs: 50, Batch: 256, Seed: 1, Transpose: "auto",
		Family: "dcgan", Latent: 100, Width: 64, Levels: 2, Dropout: 0.3, Size: 28, Channels: 1, Embed: 32, Projection: true,
		Loss: "bce", PenaltyEvery: 16, DSteps: 1, ADAImages: 500e3, TeacherWeight: 10, Optimizer: "adam", Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7,
		LearningRate: 1e-4, DBeta1: -1, DBeta2: -1, Schedule: "constant",
		EvalNumber: 2000, SampleEvery: 10, MetricsEvery: 50, CheckpointEpochs: 1, OnDivergence: "stop", Rollbacks: 3, Report: true,
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

// Model returns the description of the reference's two networks, scaled.
func (c Config) Model() model.Config {
	return model.Config{Latent: c.Latent, Size: c.Size, Channels: c.channels(), Width: c.Width, Seed: c.Seed}
}

// auxiliary is the weight of the second head, which only a run with classes has.
func (c Config) auxiliary() float64 {
	if !c.Conditional {
		return 0
	}
	return c.Auxiliary
}

// channels is the number of channels of the pictures that the networks draw and judge.
func (c Config) channels() int {
	if c.Stack {
		return dataset.StackImages
	}
	return c.Channels
}

// Networks returns the description of the two networks, for images of so many classes.
func (c Config) Networks(classes int) networks.Config {
	n := networks.Config{
		Family: c.Family, Latent: c.Latent, Size: c.Size, Channels: c.channels(), Width: c.Width, DWidth: c.DWidth, DDepth: c.DDepth,
		Levels: c.Levels, Dropout: c.Dropout, Embed: c.Embed, Seed: c.Seed,
	}
	if c.Conditional {
		n.Classes, n.NoProjection, n.Auxiliary = classes, !c.Projection, c.Auxiliary > 0
	}
	return n
}

// settled returns c with what depends on the number of steps in an epoch: where schedules end.
func (c Config) settled(perEpoch int) Config {
	if c.Schedule != "constant" && c.DecaySteps == 0 {
		c.DecaySteps = max(c.Epochs*perEpoch-c.WarmupSteps, 1)
	}
	if c.InstanceNoise > 0 && c.InstanceNoiseSteps == 0 {
		c.InstanceNoiseSteps = c.Epochs * perEpoch
	}
	return c
}

// augment is what the setting says, which Validate has passed.
func (c Config) augment() Augment {
	list, _ := parseAugment(c.Augment)
	return list
}

// gan is the objective of task gan.
func (c Config) gan(p *Components) Objective {
	loss := losses[c.Loss]
	if c.LabelSmoothing > 0 {
		loss = SmoothedBCE(c.LabelSmoothing)
	}
	o := GANOptions{
		Penalties: c.penalties(), Augment: c.augment(), Auxiliary: c.auxiliary(), SAN: c.SAN, DSteps: c.DSteps,
		Noise: InstanceNoise{c.InstanceNoise, c.InstanceNoiseSteps},
	}
	if c.adapts() {
		o.Adaptive = &Adaptive{c.ADA, c.ADAImages}
	}
	if p.Teacher != nil {
		o.Teacher = &Teacher{p.Teacher, c.TeacherWeight}
	}
	return NewGAN(c.Loss, loss, o)
}

// penalties are the gradient penalties whose weights are set.
func (c Config) penalties() (list []Penalty) {
	for _, p := range []Penalty{{"r1", c.R1, c.PenaltyEvery}, {"r2", c.R2, c.PenaltyEvery}, {"gp", c.GP, c.PenaltyEvery}} {
		if p.Weight > 0 {
			list = append(list, p)
		}
	}
	return list
}

// difference names the first setting by which a run with c could not go on from
// a checkpoint made with old; "" if there is none.
func (c Config) difference(old Config) string {
	return c.first(old, "", func(name string, now, was any) string {
		return fmt.Sprintf("%s is %v, the checkpoint has %v", name, now, was)
	})
}

// change says which setting differs that may, though the run goes on to other numbers;
// "" if there is none.
func (c Config) change(old Config) string {
	return c.first(old, "noted", func(name string, now, was any) string {
		return fmt.Sprintf("%s is %v from here on, it was %v", name, now, was)
	})
}

// first returns what say makes of the first field with this tag that differs.
func (c Config) first(old Config, tag string, say func(name string, now, was any) string) string {
	now, was := reflect.ValueOf(c), reflect.ValueOf(old)
	for i := range now.NumField() {
		f := now.Type().Field(i)
		if f.Tag.Get("resume") == tag && !now.Field(i).Equal(was.Field(i)) {
			if f.Tag.Get("toml") == "-" {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				return say(name, "another one", "its own")
			}
			return say(f.Tag.Get("toml"), now.Field(i), was.Field(i))
		}
	}
	return ""
}
