// Package display is how results and progress reach a person: whether somebody looks on, how wide and colorful the terminal
// is, a line of progress that is redrawn in place, and numbers in words. What is said is the callers'.
package display
