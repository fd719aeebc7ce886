package graph

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
)

// The sizes of text and margins, in pixels.
const (
	charWidth  = 6.7 // of monospaced text of 11 pixels, with some air
	lineHeight = 15.0
	padding    = 9.0
	margin     = 24.0
	heading    = 58.0
)

const style = `text{font:11px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#4b5563}` +
	`.name{font-weight:bold;fill:#111827}.title{font-size:15px;font-weight:bold;fill:#111827}` +
	`path{fill:none;stroke:#6b7280;stroke-width:1.3}`

// WriteSVG draws both graphs side by side.
func (p *Pair) WriteSVG(w io.Writer, title string) error {
	left, err := newPanel(&p.Before, fmt.Sprintf("As it is: %s", display.Plural(len(p.Before.Nodes), "node")), display.Line(title))
	if err != nil {
		return err
	}
	rewrites := p.Rewrites
	if len(rewrites) == 0 {
		rewrites = []string{"no rewrite has changed anything"}
	}
	right, err := newPanel(&p.After, fmt.Sprintf("After the rewrites: %s", display.Plural(len(p.After.Nodes), "node")), folded(rewrites, 70)...)
	if err != nil {
		return err
	}
	left.top, right.top = max(left.top, right.top), max(left.top, right.top)
	width, height := left.w+right.w+3*margin, left.top+max(left.layout.h, right.layout.h)+2*margin
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f">`+"\n", width, height, width, height)
	fmt.Fprintf(b, "<title>%s</title>\n<style>%s</style>\n", escaped(display.Line(title)), style)
	b.WriteString(`<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#6b7280;stroke:none"/></marker></defs>` + "\n")
	fmt.Fprintf(b, `<rect width="%.0f" height="%.0f" fill="#ffffff"/>`+"\n", width, height)
	left.write(b, margin)
	fmt.Fprintf(b, `<path d="M%.0f %.0fV%.0f" style="stroke:#e5e7eb"/>`+"\n", left.w+1.5*margin, margin, height-margin)
	right.write(b, left.w+2*margin)
	b.WriteString("</svg>\n")
	return b.Flush()
}

// panel is one of the two drawings.
type panel struct {
	title string
	notes []string
	boxes []box
	*layout
	top float64 // height of what stands above the layout
	w   float64
}

func newPanel(g *Graph, title string, notes ...string) (*panel, error) {
	p := &panel{title: title, notes: notes, top: heading + lineHeight*float64(max(0, len(notes)-1))}
	var edges []edge
	p.boxes, edges = g.boxes()
	sizes := make([][2]float64, len(p.boxes))
	for i, b := range p.boxes {
		sizes[i] = [2]float64{textWidth(b.lines...) + 2*padding, lineHeight*float64(len(b.lines)) + 2*padding - 4}
	}
	var err error
	if p.layout, err = arrange(sizes, edges); err != nil {
		return nil, err
	}
	p.w = max(p.layout.w, textWidth(notes...), 1.4*textWidth(title))
	return p, nil
}

func textWidth(lines ...string) float64 {
	n := 0
	for _, line := range lines {
		n = max(n, utf8.RuneCountInString(line))
	}
	return charWidth * float64(n)
}

// folded joins names by commas in lines of about so many characters.
func folded(names []string, width int) (lines []string) {
	line := ""
	for i, name := range names {
		if line != "" && len(line)+len(name) > width {
			lines, line = append(lines, line), ""
		}
		if line += name; i < len(names)-1 {
			line += ", "
		}
	}
	return append(lines, line)
}

// write draws the panel with its left edge at x.
func (p *panel) write(b *bufio.Writer, x float64) {
	fmt.Fprintf(b, `<text class="title" x="%.0f" y="%.0f">%s</text>`+"\n", x, margin+14, escaped(p.title))
	for i, note := range p.notes {
		fmt.Fprintf(b, `<text x="%.0f" y="%.0f">%s</text>`+"\n", x, margin+32+lineHeight*float64(i), escaped(note))
	}
	fmt.Fprintf(b, `<g transform="translate(%.1f %.1f)">`+"\n", x+(p.w-p.layout.w)/2, margin+p.top)
	for i, path := range p.paths {
		fmt.Fprintf(b, `<path d="%s" marker-end="url(#tip)"/>`+"\n", p.curve(i, path))
	}
	for i := range p.boxes {
		p.writeBox(b, i)
	}
	b.WriteString("</g>\n")
}

func (p *panel) writeBox(b *bufio.Writer, i int) {
	it, x := &p.items[i], &p.boxes[i]
	fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="6" fill="%s" stroke="%s"/>`+"\n", it.x-it.w/2, it.y, it.w, it.h, x.look.fill, x.look.line)
	for k, line := range x.lines {
		class := ""
		if k == 0 {
			class = ` class="name"`
		}
		fmt.Fprintf(b, `<text%s x="%.1f" y="%.1f">%s</text>`+"\n", class, it.x-it.w/2+padding, it.y+padding+9+lineHeight*float64(k), escaped(line))
	}
}

// curve is the way of edge i: down from the first box, straight through the rows that it passes,
// and onto the upper edge of the last, where edges arrive side by side.
func (p *panel) curve(edge int, path []int) string {
	from, to := &p.items[path[0]], &p.items[path[len(path)-1]]
	var d strings.Builder
	x, y := from.x, from.y+from.h
	fmt.Fprintf(&d, "M%.1f %.1f", x, y)
	lead := func(tx, ty float64) {
		fmt.Fprintf(&d, "C%.1f %.1f %.1f %.1f %.1f %.1f", x, (y+ty)/2, tx, (y+ty)/2, tx, ty)
		x, y = tx, ty
	}
	for _, i := range path[1 : len(path)-1] {
		lead(p.items[i].x, p.items[i].y)
		y += p.items[i].h
		fmt.Fprintf(&d, "V%.1f", y)
	}
	lead(to.x+p.ports[edge], to.y)
	return d.String()
}

// escaped is text within XML. Control codes are escapes of display.Line by now.
func escaped(s string) string { return html.EscapeString(s) }
