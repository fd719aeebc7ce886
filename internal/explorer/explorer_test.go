package explorer

import (
	"regexp"
	"strings"
	"testing"
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
