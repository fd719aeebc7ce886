package csource

// Knows tells whether an operator has a rule.
func Knows(kind string) bool {
	_, ok := rules()[kind]
	return ok
}
