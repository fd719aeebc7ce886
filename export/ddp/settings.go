package ddp

import (
	"fmt"
	"strings"

	"github.com/gantiny/gantiny/train"
)

// unsupportedSettings lists the settings that the script does not have.
func unsupportedSettings(c train.Config) (items []string) {
	if c.Task != "gan" {
		return []string{"task " + c.Task + ": the script trains a generator against a discriminator"}
	}
	for _, s := range []struct {
		name string
		set  bool
	}{
		{"spectral_norm", c.SpectralNorm}, {"san", c.SAN}, {"instance_noise", c.InstanceNoise > 0}, {"augment", c.Augment != ""},
		{"ada", c.ADA > 0}, {"teacher", c.Teacher != ""}, {"stack", c.Stack},
	} {
		if s.set {
			items = append(items, "setting "+s.name+": the script has no such thing")
		}
	}
	if losses[c.Loss] == "" {
		items = append(items, "loss "+c.Loss+": the script has no such loss")
	}
	if rules[c.Optimizer].code == "" {
		items = append(items, "optimizer "+c.Optimizer+": the script has no such optimizer")
	}
	if schedules[c.Schedule] == "" {
		items = append(items, "schedule "+c.Schedule+": the script has no such schedule")
	}
	return items
}

func hasAuxiliary(c train.Config) bool { return c.Conditional && c.Auxiliary > 0 }

func hasPenalty(c train.Config) bool { return c.R1 > 0 || c.R2 > 0 || c.GP > 0 }

// features are the names by which choose keeps lines of the script.
func features(c train.Config) (has []string) {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"dsteps", c.DSteps > 1}, {"aux", hasAuxiliary(c)}, {"penalty", hasPenalty(c)}, {"ema", c.EMAImages > 0},
		{"r1", c.R1 > 0}, {"r2", c.R2 > 0}, {"gp", c.GP > 0},
	} {
		if f.set {
			has = append(has, f.name)
		}
	}
	return has
}

// rules are the optimizers: what each keeps of a parameter, and its update number n, from 1, of w
// with the gradient g, in the form that package train documents.
var rules = map[string]struct {
	keeps, args, code string
}{
	"adam": {`"adam.m", "adam.v"`, "m, v, ", `    m.mul_(beta1).add_(g, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    w.sub_(rate * math.sqrt(1 - beta2**n) / (1 - beta1**n) * m / (v.sqrt() + EPSILON))  # Keras' form
`},
	"adamw": {`"adamw.m", "adamw.v"`, "m, v, ", `    w.mul_(1 - rate * WEIGHT_DECAY)
    m.mul_(beta1).add_(g, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    w.sub_(rate * (m / (1 - beta1**n)) / ((v / (1 - beta2**n)).sqrt() + EPSILON))
`},
	"rmsprop": {`"rmsprop.v",`, "v, ", `    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    w.sub_(rate * g / (v.sqrt() + EPSILON))
`},
	"sgd": {`"sgd.m",`, "m, ", `    m.mul_(MOMENTUM).add_(g)
    w.sub_(rate * m)
`},
}

// plainSGD and nesterov take the place of sgd's rule.
const (
	plainSGD = "    w.sub_(rate * g)\n"
	nesterov = "    m.mul_(MOMENTUM).add_(g)\n    w.sub_(rate * (g + MOMENTUM * m))\n"
)

// schedules are the share of the learning rate behind the warmup, p of the decay having passed.
var schedules = map[string]string{
	"constant": "    return 1.0\n",
	"linear":   "    p = min(1, (number - WARMUP_STEPS) / max(DECAY_STEPS, 1))\n    return 1 - (1 - FINAL_RATE) * p\n",
	"cosine":   "    p = min(1, (number - WARMUP_STEPS) / max(DECAY_STEPS, 1))\n    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * p)) / 2\n",
}

// losses are those of the discriminator and of the generator, of the logits at reals and fakes.
var losses = map[string]string{
	"bce": `def d_loss(real, fake):
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def g_loss(real, fake):
    return F.softplus(-fake).mean()
`,
	"hinge": `def d_loss(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def g_loss(real, fake):
    return -fake.mean()
`,
	"lsgan": `def d_loss(real, fake):
    return (real - 1).square().mean() / 2 + fake.square().mean() / 2


def g_loss(real, fake):
    return (fake - 1).square().mean() / 2
`,
	"wasserstein": `def d_loss(real, fake):
    return fake.mean() - real.mean()


def g_loss(real, fake):
    return -fake.mean()
`,
	"relativistic": `def d_loss(real, fake):
    return F.softplus(fake - real).mean()


def g_loss(real, fake):
    return F.softplus(real - fake).mean()
`,
}

// smoothed takes the place of bce's loss of the discriminator, with label smoothing.
const smoothed = `    return F.softplus(-real).mean() + LABEL_SMOOTHING * real.mean() + F.softplus(fake).mean()
`

const penaltyText = `

def penalty(run, number, discriminator, reals, fakes, classes):
    """The penalty on the gradients of the logits by the pixels."""
    def squares(images):
        images = images.detach().requires_grad_()
        logits = discriminator(images, classes, run.drop(number))      #? !aux
        logits, _ = discriminator(images, classes, run.drop(number))   #? aux
        grad = torch.autograd.grad(logits.sum(), images, create_graph=True)[0]
        return grad.flatten(1).square().sum(1)

    total = 0
    total = total + R1 / 2 * squares(reals).mean()                         #? r1
    total = total + R2 / 2 * squares(fakes).mean()                         #? r2
    between = fakes + run.between(number) * (reals - fakes)            #? gp
    total = total + GP * (squares(between).sqrt() - 1).square().mean()     #? gp
    return total
`

// writeSettings writes the settings that count as constants.
func writeSettings(b *strings.Builder, r Run) {
	c := r.Config
	fmt.Fprintf(b, "SEED, LATENT, EPOCHS = %d, %d, %d\nBATCH = %d  # images a step, of all processes together\n", c.Seed, latent(r), c.Epochs, c.Batch)
	dRate := c.DLearningRate
	if dRate == 0 {
		dRate = c.LearningRate
	}
	fmt.Fprintf(b, "G_RATE, D_RATE, CLIP_NORM = %v, %v, %v  # learning rates; most that gradients may measure, 0 for anything\n", c.LearningRate*r.RateShare, dRate*r.RateShare, c.ClipNorm)
	set := func(use bool, name string, x any) {
		if use {
			fmt.Fprintf(b, "%s = %v\n", name, x)
		}
	}
	fmt.Fprintf(b, "WARMUP_STEPS = %d\n", c.WarmupSteps)
	set(c.Schedule != "constant", "DECAY_STEPS", c.DecaySteps)
	set(c.Schedule != "constant", "FINAL_RATE", c.FinalRate)
	set(c.Optimizer != "sgd", "EPSILON", c.Epsilon)
	set(c.Optimizer == "adamw", "WEIGHT_DECAY", c.WeightDecay)
	set(c.Optimizer == "sgd" && c.Momentum != 0, "MOMENTUM", c.Momentum)
	set(c.LabelSmoothing > 0, "LABEL_SMOOTHING", c.LabelSmoothing)
	set(c.DSteps > 1, "D_STEPS", c.DSteps)
	set(hasAuxiliary(c), "AUXILIARY", c.Auxiliary)
	set(c.R1 > 0, "R1", c.R1)
	set(c.R2 > 0, "R2", c.R2)
	set(c.GP > 0, "GP", c.GP)
	set(hasPenalty(c), "PENALTY_EVERY", c.PenaltyEvery)
	set(c.EMAImages > 0, "EMA_IMAGES", c.EMAImages)
}

// latent is the number of values that a picture is drawn from.
func latent(r Run) int {
	if r.Generator == nil {
		return 0
	}
	if i, _, err := r.Generator.GeneratorInputs(); err == nil {
		return r.Generator.Inputs()[i].Shape.Len()
	}
	return 0
}

// writeObjective writes losses, optimizer and schedule.
func writeObjective(b *strings.Builder, c train.Config) {
	loss := losses[c.Loss]
	if c.LabelSmoothing > 0 {
		loss = strings.Replace(loss, "    return F.softplus(-real).mean() + F.softplus(fake).mean()\n", smoothed, 1)
	}
	b.WriteString("\n\n" + loss)
	if hasPenalty(c) {
		b.WriteString(choose(penaltyText, features(c)))
	}

	rule := rules[c.Optimizer]
	switch {
	case c.Optimizer == "sgd" && c.Momentum == 0:
		rule.keeps, rule.args, rule.code = "", "", plainSGD
	case c.Optimizer == "sgd" && c.Nesterov:
		rule.code = nesterov
	}
	fmt.Fprintf(b, "\n\nSTATE = (%s)  # what the optimizer keeps of a parameter\n", rule.keeps)
	fmt.Fprintf(b, "\n\ndef rule(w, g, %sn, rate, beta1, beta2):\n%s", rule.args, rule.code)
	d1, d2 := c.DBeta1, c.DBeta2
	if d1 < 0 {
		d1 = c.Beta1
	}
	if d2 < 0 {
		d2 = c.Beta2
	}
	for _, n := range []struct {
		name         string
		beta1, beta2 float64
	}{{"g_rule", c.Beta1, c.Beta2}, {"d_rule", d1, d2}} {
		fmt.Fprintf(b, "\n\ndef %s(w, g, *more):\n    rule(w, g, *more, beta1=f32(%v), beta2=f32(%v))\n", n.name, n.beta1, n.beta2)
	}
	fmt.Fprintf(b, "\n\ndef schedule(number):\n    \"\"\"The share of the learning rates at a step.\"\"\"\n    if number <= WARMUP_STEPS:\n        return number / WARMUP_STEPS\n%s", schedules[c.Schedule])
}
