// Package explorer is what the two forms of the explorer page share: the page itself, the principal
// directions of a model's latents, and the files that pictures become. In one form a server draws,
// in the other the program itself runs in the browser. Neither is in this package.
package explorer
