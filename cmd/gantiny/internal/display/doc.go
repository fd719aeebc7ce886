// Package display is how results and progress reach a person: what the terminal can show, text from
// files made harmless, a line of progress that is redrawn in place, numbers in words and arguments
// in quotes. What is said is the callers'.
package display
