package htmlreport

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"html/template"
	"image"

	"github.com/gantiny/gantiny/picture"
)

//go:embed style.css
var style string

// Style is the style sheet of all reports.
func Style() template.CSS { return template.CSS(style) }

// PNG returns a picture as a URL that holds it.
func PNG(img image.Image) (template.URL, error) {
	var b bytes.Buffer
	if err := picture.WritePNG(&b, img); err != nil {
		return "", err
	}
	return PNGFile(b.Bytes()), nil
}

// PNGFile returns a PNG file, also an animated one, as a URL that holds it.
func PNGFile(file []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file))
}
