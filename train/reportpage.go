package train

import (
	"fmt"

	"github.com/gantiny/gantiny/internal/htmlreport"
)

// reportRules are the report's own rules of style.
const reportRules = `.charts { display: flex; flex-wrap: wrap; gap: 1rem } .charts svg { flex: 1 1 26rem; max-width: 35.5rem }
td { text-align: left }
.grids figure { flex: 0 1 13rem } .large figure { flex: 0 1 26rem }
.settings { columns: 18rem } .settings div { break-inside: avoid } .same { opacity: .6 }
.alarm { border-left: .3rem solid #d43; padding-left: .8rem }
`

// html is the page.
func (p *reportPage) html() []byte {
	h := htmlreport.NewPage(p.Name+": training", reportRules)
	epochs := fmt.Sprintf("%d of %d epochs", p.Epoch, p.Epochs)
	if p.Epoch == p.Epochs {
		epochs = fmt.Sprintf("all %d epochs", p.Epochs)
	}
	h.Printf("<h1>%s: %s</h1>\n", p.Name, epochs)
	p.writeAlarms(h)
	p.writeFacts(h)
	p.writePictures(h)
	h.Printf("<h2>Settings</h2>\n<div class=\"settings\">\n")
	for _, s := range p.Settings {
		same := htmlreport.HTML(` class="same"`)
		if s.Changed {
			same = ""
		}
		h.Printf("<div%s><code>%s = %s</code></div>\n", same, s.Name, s.Value)
	}
	h.Printf("</div>\n")
	return h.End()
}

// writeAlarms says what went wrong.
func (p *reportPage) writeAlarms(h *htmlreport.Page) {
	for _, a := range p.Alarms {
		when := fmt.Sprintf("Epoch %d", a.From)
		if a.From != a.To {
			when = fmt.Sprintf("Epochs %d to %d", a.From, a.To)
		}
		h.Printf("<p class=\"alarm\">%s: %s</p>\n", when, a.Text)
	}
	for _, b := range p.Rollbacks {
		h.Printf("<p class=\"alarm\">Step %d: %s. Back to step %d, with half the learning rates.</p>\n", b.At, b.What, b.To)
	}
}

// writeFacts is the table of the run's figures.
func (p *reportPage) writeFacts(h *htmlreport.Page) {
	h.Printf("<table>\n")
	h.Row("steps done", "%d, in %s", p.Step, short(p.Seconds))
	if m := p.Last; m != nil {
		switch {
		case p.Classifies && m.Test != 0:
			h.Row("last loss; share named right in training and of test pictures", "%.4f; %.4f, %.4f", m.Loss, m.Accuracy, m.Test)
		case p.Classifies:
			h.Row("last loss; share named right in training", "%.4f; %.4f", m.Loss, m.Accuracy)
		default:
			h.Row("last losses, generator and discriminator", "%.4f, %.4f", m.G, m.D)
		}
		h.Row("images a second", "%.0f", m.ImagesPerSecond)
	}
	if m := p.Best; m != nil {
		h.Row("least Frechet distance", "%.4g, after epoch %d; precision %.3f, recall %.3f, coverage %.3f", m.Eval.Frechet, m.Epoch, m.Eval.Precision, m.Eval.Recall, m.Eval.Coverage)
	}
	images := fmt.Sprintf("%s: %d", p.Data.Name, p.Data.Images)
	if p.Classes > 0 {
		images += fmt.Sprintf(" of %d classes", p.Classes)
	}
	h.Row("images", "%s", images)
	h.Row("sha256 of their pixels", "<code>%s</code>", p.Data.SHA256)
	if p.Classifies {
		h.Row("parameters", "%d", p.GParameters)
	} else {
		h.Row("parameters, generator and discriminator", "%d, %d", p.GParameters, p.DParameters)
	}
	h.Row("kernels", "%s", p.Kernels)
	if p.Command != "" {
		h.Row("command", "<code>%s</code>", p.Command)
	}
	if p.Version != "" {
		h.Row("version", "%s", p.Version)
	}
	h.Printf("</table>\n")
}

// writePictures is the curves, the animation and the grids, as far as there are any.
func (p *reportPage) writePictures(h *htmlreport.Page) {
	if len(p.Charts) > 0 {
		h.Printf("<h2>Curves over epochs</h2>\n<div class=\"charts\">\n")
		for _, c := range p.Charts {
			h.Printf("%s\n", c)
		}
		h.Printf("</div>\n")
	}
	if len(p.Grids) == 0 {
		return
	}
	h.Printf("<h2>The same latents at each epoch</h2>\n")
	if p.Animation != "" {
		h.Printf("<div class=\"grids large\">")
		h.Figure("from the first epoch to the last", p.Animation, "animation of the grids")
		h.Printf("</div>\n")
	}
	h.Printf("<div class=\"grids\">\n")
	for _, g := range p.Grids {
		h.Figure(fmt.Sprintf("epoch %d", g.Epoch), g.URL, fmt.Sprintf("samples of epoch %d", g.Epoch))
		h.Printf("\n")
	}
	h.Printf("</div>\n")
}
