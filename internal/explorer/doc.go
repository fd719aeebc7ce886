// Package explorer is what the two forms of the explorer page share: the page itself and the files
// that pictures become. In one form a server draws, in the other the program itself runs in the
// browser. Neither is in this package.
package explorer
