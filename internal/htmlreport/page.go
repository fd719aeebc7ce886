package htmlreport

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"image"

	"github.com/gantiny/gantiny/picture"
)

// HTML is what a page shows as it is, such as a chart, or a picture's URL.
type HTML string

// Page is a page that is being written. It takes the place of html/template, whose calls of methods
// by name keep the linker from leaving out any method of the program: a tenth of it.
type Page struct{ b bytes.Buffer }

//go:embed style.css
var style string

// NewPage begins a page with the style sheet of all reports and rules of its own.
func NewPage(title, rules string) *Page {
	p := &Page{}
	p.Printf("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s</title>\n<style>\n%s\n%s</style>\n",
		title, HTML(style), HTML(rules))
	return p
}

// Printf adds to the page. Arguments are numbers, strings, which are escaped for text and for
// quoted attributes, or HTML.
func (p *Page) Printf(format string, args ...any) {
	escaped := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case string:
			escaped[i] = html.EscapeString(a)
		case HTML, int, int64, uint64, float64:
			escaped[i] = a
		default:
			panic(fmt.Sprintf("htmlreport: a page has no form for %T", a))
		}
	}
	fmt.Fprintf(&p.b, format, escaped...)
}

// Row adds a row of a table that names a value.
func (p *Page) Row(name, format string, args ...any) {
	p.Printf("<tr><td>%s<td>", name)
	p.Printf(format, args...)
	p.Printf("\n")
}

// Figure adds a picture with a caption; alt is for those who do not see it.
func (p *Page) Figure(caption string, url HTML, alt string) {
	p.Printf("<figure><figcaption>%s</figcaption><img src=\"%s\" alt=\"%s\"></figure>", caption, url, alt)
}

// End ends the page and returns it.
func (p *Page) End() []byte {
	p.Printf("</html>\n")
	return p.b.Bytes()
}

// PNG returns a picture as a URL that holds it.
func PNG(img image.Image) (HTML, error) {
	var b bytes.Buffer
	if err := picture.WritePNG(&b, img); err != nil {
		return "", err
	}
	return PNGFile(b.Bytes()), nil
}

// PNGFile returns a PNG file, also an animated one, as a URL that holds it.
func PNGFile(file []byte) HTML {
	return HTML("data:image/png;base64," + base64.StdEncoding.EncodeToString(file))
}
