package cli

import "strings"

// near are the names that word may have been meant to be: those that begin with it or are two
// letters away at most.
func near(word string, names []string) (list []string) {
	const most = 2
	for _, name := range names {
		if word != "" && strings.HasPrefix(name, word) || distance(word, name) <= min(most, len(word)/2) {
			list = append(list, name)
		}
	}
	return list
}

// distance is how many letters to add, to drop or to change make b of a: the distance of
// Levenshtein.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the prefixes of b to the prefix of a so far
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
