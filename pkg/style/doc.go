// Package style holds no code, only tests that guard the house: who may import
// whom, that every package and exported name is explained, and how long a file
// and a function may be. A failing test tells the rule and its reason.
package style
