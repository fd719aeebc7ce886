package explorer

import (
	"bytes"
	"image"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
)

// TestPage: both forms have every file that the page names, and nothing is in it that its policy
// forbids.
func TestPage(t *testing.T) {
	for _, form := range []Form{Served, Browser} {
		files := Page(form)
		html := string(files["index.html"])
		if strings.Contains(html, "{{") || !strings.Contains(html, Policy) {
			t.Errorf("%s: the policy is not in the page", form)
		}
		if regexp.MustCompile(`(?i)\son[a-z]+=|\sstyle=|<style|<script>|https?://`).MatchString(html) {
			t.Errorf("%s: code, styles or addresses in the HTML", form)
		}
		named := regexp.MustCompile(`(?:from|import|Worker\() ?"\.?/?([a-z.-]+)"|(?:href|src)="([a-z.-]+)"`)
		for name, b := range files {
			for _, m := range named.FindAllStringSubmatch(string(b), -1) {
				if other := m[1] + m[2]; files[other] == nil {
					t.Errorf("%s: %s names %s, which is not there", form, name, other)
				}
			}
		}
		if (files["worker.js"] != nil) != (form == Browser) || files["engine.js"] == nil {
			t.Errorf("%s: the engine is another form's", form)
		}
	}
}

// TestSections: each section of the page has a name for screen readers, and attributes for them are
// spelled as they know them.
func TestSections(t *testing.T) {
	html := string(Page(Served)["index.html"])
	known := []string{"aria-hidden", "aria-label", "aria-labelledby", "aria-live"}
	for _, m := range regexp.MustCompile(`\s(aria-[a-z]+)=`).FindAllStringSubmatch(html, -1) {
		if !slices.Contains(known, m[1]) {
			t.Errorf("an attribute %s", m[1])
		}
	}
	sections := regexp.MustCompile(`<section[^>]*>`).FindAllString(html, -1)
	if len(sections) < 6 {
		t.Errorf("%d sections", len(sections))
	}
	for _, section := range sections {
		m := regexp.MustCompile(` aria-labelledby="([a-z-]+)"`).FindStringSubmatch(section)
		if m == nil || !strings.Contains(html, ` id="`+m[1]+`"`) {
			t.Errorf("%s has no name", section)
		}
	}
}

// TestWrite: pictures of one to four channels become files, with alpha where the model has it even
// if it is 255; of five, only .npy.
func TestWrite(t *testing.T) {
	for channels, kind := range map[int]byte{1: 0, 2: 6, 3: 2, 4: 6} { // kinds of colors of PNG
		s := model.Shape{H: 2, W: 3, C: channels}
		pix := bytes.Repeat([]byte{255}, 2*s.Len())
		for _, k := range []Kind{PNG, GIF} {
			if err := CanEncode(k, s); err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := Write(&b, k, pix, s, 2); err != nil {
				t.Fatal(err)
			}
			if k == PNG && b.Bytes()[25] != kind {
				t.Errorf("%d channels: colors of kind %d, want %d", channels, b.Bytes()[25], kind)
			}
			if _, _, err := image.Decode(&b); err != nil {
				t.Errorf("%d channels, %s: %v", channels, k, err)
			}
		}
	}
	five := model.Shape{H: 2, W: 2, C: 5}
	if CanEncode(PNG, five) == nil || CanEncode(NPY, five) != nil {
		t.Error("of five channels only .npy can be made")
	}
}
