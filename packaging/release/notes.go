package main

import (
	"fmt"
	"regexp"
	"strings"
)

// releaseNotes returns the section of a version in a changelog, without its heading. A version
// before the release, such as 1.2.3-rc1, may be without one: then its notes are what is not
// released yet.
func releaseNotes(changelog, version string) (string, error) {
	text, found := section(changelog, regexp.QuoteMeta(version))
	if !found && strings.Contains(version, "-") {
		text, found = section(changelog, "Unreleased")
	}
	if !found {
		return "", fmt.Errorf("CHANGELOG.md has no section \"## %s\": give what is under \"## Unreleased\" that heading", version)
	}
	if strings.TrimSpace(text) == "" {
		return "", fmt.Errorf("CHANGELOG.md: the section of %s is empty", version)
	}
	return strings.TrimSpace(text) + "\n", nil
}

// section is the text below the heading "## NAME", "## [NAME]" or either with a date behind it.
func section(changelog, name string) (string, bool) {
	heading := regexp.MustCompile(`(?m)^## \[?` + name + `\]?( .*)?$`).FindStringIndex(changelog)
	if heading == nil {
		return "", false
	}
	text := changelog[heading[1]:]
	if next := regexp.MustCompile(`(?m)^## `).FindStringIndex(text); next != nil {
		text = text[:next[0]]
	}
	return text, true
}
